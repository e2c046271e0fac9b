"""Another app as far as goodbyes go: a real server that confirms them, or misbehaves in every way there is."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

PATIENCE = 30.0


class RelyingParty(ThreadingHTTPServer):
    """Keeps what it was sent.

    :ivar manner: ``200`` and other numbers answer so; ``redirect``, ``silent``, ``drip``, ``huge``, ``body``,
        ``junk``, ``cut``.
    :ivar heard: method, path and form of every request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manner = "200"
        self.heard: list[tuple[str, str, dict[str, list[str]]]] = []
        self.over = threading.Event()
        self.scheme = "http"

    @property
    def address(self) -> str:
        return f"{self.scheme}://localhost:{self.server_port}/goodbye?house=one"

    @property
    def tokens(self) -> list[str]:
        """The logout tokens that came, in order."""
        return [form["logout_token"][0] for _, _, form in self.heard]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    server: RelyingParty

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.heard.append(("POST", self.path, parse_qs(body)))
        act = getattr(self, f"_{self.server.manner}", None)
        if act is None:
            self.send_response(int(self.server.manner))
            self.end_headers()
        else:
            act()

    def do_GET(self) -> None:
        self.server.heard.append(("GET", self.path, {}))
        self.send_response(200)
        self.end_headers()

    def _redirect(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()

    def _silent(self) -> None:
        self.server.over.wait(PATIENCE)

    def _drip(self) -> None:
        for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
            self.wfile.write(bytes([letter]))
            self.wfile.flush()
            time.sleep(0.05)

    def _huge(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X-More: " + b"x" * 1_000_000 + b"\r\n\r\n")

    def _body(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000)

    def _junk(self) -> None:
        self.wfile.write(b"220 smtp.example.org ESMTP\r\n\r\n")

    def _cut(self) -> None:
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal of a test."""


@contextmanager
def relying_party(context: ssl.SSLContext | None = None) -> Iterator[RelyingParty]:
    """A running one, over TLS where a context is given."""
    server = RelyingParty()
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
