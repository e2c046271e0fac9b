"""What a client may take: time, bytes, and places."""

from __future__ import annotations

from dataclasses import dataclass

MAX_HEAD_BYTES = 64 * 1024
"""Of the request line and all headers of one request."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one serving process bears with.

    :ivar head_seconds: from the first byte of a request to the end of its headers; and for that byte to come.
    :ivar body_seconds: from the end of the headers to the end of a body; a large one is given more while it comes.
    :ivar large_body_seconds: that of a large body at most.
    :ivar bytes_a_second: what a large body has to bring for each second beyond ``body_seconds``.
    :ivar idle_seconds: between two requests on one connection. Longer than proxies keep theirs (nginx 60 s, Caddy
        120 s): who closes first must not be the one that is about to be asked.
    :ivar stalled_seconds: in which a client takes nothing of its answer.
    :ivar linger_seconds: for reading what comes after an answer that was given before all was read. A connection that
        is closed with bytes unread is reset, and the answer may be lost with it (RFC 9112, section 9.6).
    :ivar body_bytes: of a body that is kept in memory. Who wants to send more is asked about (``body_limit``).
    :ivar large_bodies: larger ones, each in a file, at a time.
    :ivar connections: at a time, where descriptors allow it. waitress looks at each of them for each event.
    """

    head_seconds: float = 10
    body_seconds: float = 10
    large_body_seconds: float = 60
    bytes_a_second: int = 32 * 1024
    idle_seconds: float = 130
    stalled_seconds: float = 30
    linger_seconds: float = 2
    body_bytes: int = 64 * 1024
    large_bodies: int = 16
    connections: int = 1000
