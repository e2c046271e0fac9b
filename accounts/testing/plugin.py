"""The pytest plug-in: fixtures, and nothing is imported before a test asks for one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from accounts.testing.hosts import CapturedMail
    from accounts.testing.mailscan.scanner import MailScanner


@pytest.fixture
def mail_scanner() -> MailScanner:
    """Return what replays mail scanners against a link.

    ``mail_scanner.scan(app, url, alive=...).assert_harmless()``.
    """
    scanner: MailScanner = import_module("accounts.testing.mailscan.scanner").MailScanner()
    return scanner


@pytest.fixture
def accounts_outbox(request: pytest.FixtureRequest) -> CapturedMail:
    """Return the mail that the app of the fixture ``app`` sends.

    Read it as ``accounts_outbox.messages`` or ``accounts_outbox.link("join-newsletter")``.
    Nothing leaves the test, and no worker has to run.
    """
    captured: CapturedMail = import_module("accounts.testing.hosts").CapturedMail(request.getfixturevalue("app"))
    return captured
