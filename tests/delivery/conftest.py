"""Letters as a service composes them, and what sends them by SMTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from accounts.config import Settings
from accounts.delivery.letters import Letters, emails_folder
from accounts.delivery.samples import SAMPLE_ORIGIN
from accounts.delivery.smtp import Timeouts
from accounts.delivery.transports import SmtpTransport

Tls = Literal["starttls", "tls", "none"]
SENDER = "Accounts <no-reply@example.org>"


def make_transport(
    port: int,
    tls: Tls = "none",
    cafile: Path | None = None,
    seconds: float = 5,
    timeouts: Timeouts | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    **more: Any,
) -> SmtpTransport:
    more.setdefault("public_origin", "http://127.0.0.1:8000")
    settings = Settings(
        env="development",
        database_url="sqlite://",
        mail_server="localhost",
        mail_port=port,
        mail_sender=SENDER,
        mail_tls=tls,
        **more,
    )
    timeouts = timeouts or Timeouts(seconds, seconds, letter=4 * seconds)
    return SmtpTransport(settings, cafile=cafile, timeouts=timeouts, monotonic=monotonic)


@pytest.fixture
def letters() -> Letters:
    return Letters([emails_folder()], "Accounts", SAMPLE_ORIGIN)
