"""Answers that are whole already, handed to the server in one piece.

Granian takes a list as it is, and everything else through a channel between threads, which costs a good part of a
small answer. Werkzeug wraps even one piece into an iterator.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_JOINED_BYTES = 256 * 1024
"""Bytes. Whatever is larger, or does not say, is sent piece by piece: streams, and files that are read on the way."""


def join_small_responses(app: WSGIApplication) -> WSGIApplication:
    """The same app, whose answers are lists where they are small and say how long they are."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        lengths: list[int] = []

        def begin(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            lengths[:] = [int(value) for name, value in headers if name.lower() == "content-length"]
            return start_response(status, headers, *error)

        chunks = app(environ, begin)
        if not lengths or lengths[0] > MAX_JOINED_BYTES:
            return chunks
        try:
            return [b"".join(chunks)]
        finally:
            # Whoever hands a list on has nothing to close.
            if hasattr(chunks, "close"):
                chunks.close()

    return answer
