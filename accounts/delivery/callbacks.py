"""Calls: what another program is told over HTTPS. One POST, no redirects, and an end to every wait.

An admin has registered the address, and it is trusted no further: it is looked up once, every address of its name
must be allowed, and the connection goes to one of these. A name server that answers otherwise a moment later (DNS
rebinding) is not asked again.
"""

from __future__ import annotations

import re
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlencode, urlsplit

from accounts.config import Settings
from accounts.core.outbox import Callback
from accounts.core.security.outbound import (
    LOOPBACK_NETWORKS,
    OutboundPolicy,
    OutboundRefused,
    parse_networks,
    resolve_host,
)
from accounts.delivery.tls import Trust
from accounts.delivery.transports import CarrierFailed, CarrierRefused
from accounts.version import __version__

CONNECT_SECONDS, WHOLE_SECONDS = 5.0, 15.0
"""Until connected and encrypted; until the whole answer to a call is there."""
MAX_BYTES = 16 * 1024
"""Of an answer's head. Nothing behind it is read."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")


class Caller(Protocol):
    """Makes calls, one at a time; may be used by several threads."""

    def call(self, call: Callback) -> str:
        """Make one call.

        :returns: what was answered, ``200``; never a word of the answer's own.
        :raises CarrierRefused: do not try again.
        :raises CarrierFailed: try again later.
        """
        ...


class HttpCaller:
    """Calls over HTTP/1.1 with sockets of its own, because a client library would look the name up once more.

    :param settings: say which networks may be called beside the internet.
    :param cafile: extra trust anchors beside the system's, PEM.
    :param connect_seconds: until connected and encrypted.
    :param whole_seconds: for the whole call, however slowly the answer drips.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        cafile: Path | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        whole_seconds: float = WHOLE_SECONDS,
    ) -> None:
        own = parse_networks(settings.call_networks)
        self._allowed = OutboundPolicy((*own, *LOOPBACK_NETWORKS) if settings.env == "development" else own)
        self._trust = Trust(cafile)
        self._seconds = (connect_seconds, whole_seconds)

    def call(self, call: Callback) -> str:
        """See :meth:`Caller.call`."""
        parts = urlsplit(call.url)
        connect, whole = self._seconds
        ends = time.monotonic() + whole
        try:
            with closing(self._connected(parts, connect)) as connection:
                connection.settimeout(_left(ends))
                connection.sendall(_request(parts, call))
                status = _status(connection, ends)
        except OutboundRefused as wrong:
            raise CarrierRefused(f"not called: {wrong}") from None
        except (OSError, UnicodeError) as wrong:  # every ssl error is an OSError
            raise CarrierFailed(f"not reached: {type(wrong).__name__}") from None
        if 200 <= status < 300:
            return str(status)
        if 300 <= status < 400:
            raise CarrierRefused(f"answered {status}: redirects are not followed")
        raise CarrierFailed(f"answered {status}")

    def _connected(self, parts: SplitResult, seconds: float) -> socket.socket:
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        wrong: OSError | None = None
        for address in resolve_host(host, port, self._allowed):
            try:
                connection = socket.create_connection((address, port), seconds)
            except OSError as failed:
                wrong = failed
                continue
            if parts.scheme != "https":
                return connection
            # The name is checked against the certificate, though the connection went to the number.
            try:
                return self._trust.context.wrap_socket(connection, server_hostname=host)
            except BaseException:
                connection.close()
                raise
        raise wrong or OSError("no address")


def _request(parts: SplitResult, call: Callback) -> bytes:
    body = urlencode(call.data).encode("ascii")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = (
        f"POST {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"User-Agent: accounts/{__version__}",
        "Accept: */*",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(head).encode("ascii") + body


def _status(connection: socket.socket, ends: float) -> int:
    head = b""
    while b"\r\n\r\n" not in head:
        connection.settimeout(_left(ends))
        piece = connection.recv(4096)
        if not piece:
            break
        head += piece
        if len(head) > MAX_BYTES:
            raise CarrierFailed("answered with too much")
    found = _STATUS.match(head)
    if found is None:
        raise CarrierFailed("did not answer in HTTP")
    return int(found[1])


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
