"""Help tests of apps that mount accounts; :mod:`accounts.testing.mailscan` replays mail scanners."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounts.testing.hosts import CapturedMail, sign_in

__all__ = ["CapturedMail", "sign_in"]

if not TYPE_CHECKING:
    # On first use: the scanner kit below must not load the service.
    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.hosts"), name)
        return value
