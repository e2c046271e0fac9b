"""Whom our own connections trust."""

from __future__ import annotations

import ssl
from functools import cached_property
from pathlib import Path


class TrustAnchors:
    """Certificates are verified against the system's anchors.

    :param cafile: one more file of trust anchors, PEM.
    """

    def __init__(self, cafile: Path | None = None) -> None:
        self._cafile = cafile

    @cached_property
    def context(self) -> ssl.SSLContext:
        """Made with the first connection that wants it: reading the anchors takes a tenth of a second."""
        context = ssl.create_default_context()
        if self._cafile is not None:
            context.load_verify_locations(self._cafile)
        return context
