"""What mail scanners do to a mailed link, replayed in a test: ``MailScanner().scan(app, url).assert_harmless()``.

Knows nothing of the service around it and works against any WSGI app. The fixture ``mail_scanner`` comes with it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounts.testing.mailscan.report import Finding, Harmful, Report, ScanResult, Severity
    from accounts.testing.mailscan.scanner import MailScanner, ScanImpossible

__all__ = ["Finding", "Harmful", "MailScanner", "Report", "ScanImpossible", "ScanResult", "Severity"]

if not TYPE_CHECKING:
    # On first use: pytest loads the plug-in in every run of everybody who has this package installed.
    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        where = "scanner" if name in ("MailScanner", "ScanImpossible") else "report"
        return getattr(import_module(f"{__name__}.{where}"), name)
