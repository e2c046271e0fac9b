"""A server of a test that writes no log into the test's."""

from __future__ import annotations

from typing import Any

from werkzeug.serving import WSGIRequestHandler


class QuietHandler(WSGIRequestHandler):
    """Answers requests, and says nothing about them."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass
