"""Verify certificates of servers that this service connects to."""

from __future__ import annotations

import ssl
from functools import cached_property
from pathlib import Path


class TrustAnchors:
    """Trust anchors: those of the system, and more.

    :param cafile: one more file of trust anchors, PEM.
    """

    def __init__(self, cafile: Path | None = None) -> None:
        self._cafile = cafile

    @cached_property
    def context(self) -> ssl.SSLContext:
        """The TLS context, made with the first connection: reading the anchors takes a tenth of a second."""
        context = ssl.create_default_context()
        if self._cafile is not None:
            context.load_verify_locations(self._cafile)
        return context
