"""Send callbacks to other programs over HTTPS: one POST, no redirects, and a deadline over the whole call.

An admin has registered the address, and it is trusted no further: it is looked up once, every address of its name
must be allowed, and the connection goes to one of these. A name server that answers otherwise a moment later (DNS
rebinding) is not asked again.

The HTTP is spoken here because http.client, and with it urllib3 and requests, knows no deadline: its timeout begins
anew with every byte, so that a server that drips the head of its answer would hold a worker for an hour.
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
from accounts.delivery.tls import TrustAnchors
from accounts.delivery.transports import PermanentFailure, TransientFailure
from accounts.version import __version__

CONNECT_SECONDS, TOTAL_SECONDS = 5.0, 15.0
"""Until connected and encrypted; until the whole answer to a call is there."""
MAX_HEAD_BYTES = 16 * 1024
"""Of an answer's head. Nothing behind it is read."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")


class CallbackSender(Protocol):
    """Send callbacks, one at a time; may be used by several threads."""

    def send(self, callback: Callback) -> str:
        """Send one callback.

        :returns: the status, ``200``; never a word of the answer's own.
        :raises PermanentFailure: do not try again.
        :raises TransientFailure: try again later.
        """
        ...


class HttpCallbackSender:
    """Send over HTTP/1.1 with sockets of its own.

    :param settings: name the networks that may be called beside the internet.
    :param cafile: extra trust anchors beside the system's, PEM.
    :param connect_seconds: until connected and encrypted.
    :param total_seconds: for the whole call, however slowly the answer drips.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        cafile: Path | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        extra_networks = parse_networks(settings.call_networks)
        self._allowed = OutboundPolicy(
            (*extra_networks, *LOOPBACK_NETWORKS) if settings.env == "development" else extra_networks
        )
        self._anchors = TrustAnchors(cafile)
        self._timeouts = (connect_seconds, total_seconds)

    def send(self, callback: Callback) -> str:
        """Send one callback; see :meth:`CallbackSender.send`."""
        parts = urlsplit(callback.url)
        connect, total = self._timeouts
        deadline = time.monotonic() + total
        try:
            with closing(self._connect(parts, connect)) as connection:
                connection.settimeout(_seconds_left(deadline))
                connection.sendall(_request_bytes(parts, callback))
                status = _read_status(connection, deadline)
        except OutboundRefused as error:
            raise PermanentFailure(f"not called: {error}") from None
        except (OSError, UnicodeError) as error:  # every ssl error is an OSError
            raise TransientFailure(f"not reached: {type(error).__name__}") from None
        if 200 <= status < 300:
            return str(status)
        if 300 <= status < 400:
            raise PermanentFailure(f"answered {status}: redirects are not followed")
        raise TransientFailure(f"answered {status}")

    def _connect(self, parts: SplitResult, seconds: float) -> socket.socket:
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        last_error: OSError | None = None
        for address in resolve_host(host, port, self._allowed):
            try:
                connection = socket.create_connection((address, port), seconds)
            except OSError as error:
                last_error = error
                continue
            if parts.scheme != "https":
                return connection
            # The name is checked against the certificate, though the connection went to the number.
            try:
                return self._anchors.context.wrap_socket(connection, server_hostname=host)
            except BaseException:
                connection.close()
                raise
        raise last_error or OSError("no address")


def _request_bytes(parts: SplitResult, callback: Callback) -> bytes:
    body = urlencode(callback.data).encode("ascii")
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


def _read_status(connection: socket.socket, deadline: float) -> int:
    head = b""
    while b"\r\n\r\n" not in head:
        connection.settimeout(_seconds_left(deadline))
        chunk = connection.recv(4096)
        if not chunk:
            break
        head += chunk
        if len(head) > MAX_HEAD_BYTES:
            raise TransientFailure("answered with too much")
    match = _STATUS_LINE.match(head)
    if match is None:
        raise TransientFailure("did not answer in HTTP")
    return int(match[1])


def _seconds_left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
