"""The pytest plug-in: one fixture, and nothing is imported before a test asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from accounts.testing.mailscan.scanner import MailScanner


@pytest.fixture
def mail_scanner() -> MailScanner:
    """Replays what mail scanners do to a link: ``mail_scanner.scan(app, url, alive=...).assert_harmless()``."""
    from accounts.testing.mailscan.scanner import MailScanner

    return MailScanner()
