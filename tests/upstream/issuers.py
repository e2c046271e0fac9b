"""Issuers that vouch for people: a second installation of this very service, and one that lies as it is told."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from flask import Flask
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.serving import BaseWSGIServer, make_server

from tests.servers.quiet import QuietHandler


@contextmanager
def listening() -> Iterator[BaseWSGIServer]:
    """A server on a free port of loopback, before there is an app: the app must know its port."""
    server = make_server("127.0.0.1", 0, Flask("empty"), threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@dataclass
class Liar:
    """An issuer that says whatever a test wants said.

    :ivar claims: what its next ID token says, over the claims of a good one; None leaves one out.
    :ivar metadata: the same for its discovery.
    :ivar padding: characters that its token endpoint says more than it should.
    :ivar drips: says one byte at a time, ten a second.
    :ivar manner: how it signs: ``RS256``, ``none``, ``HS256`` (with its public key for a secret), ``other key``.
    """

    origin: str = ""
    client_id: str = "downstream"
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    manner: str = "RS256"
    token_status: int = 200
    padding: int = 0
    drips: bool = False
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    asked: list[str] = field(default_factory=list)

    def discovery(self) -> dict[str, Any]:
        return _without_none(
            {
                "issuer": self.origin,
                "authorization_endpoint": f"{self.origin}/authorize",
                "token_endpoint": f"{self.origin}/token",
                "jwks_uri": f"{self.origin}/jwks",
                "authorization_response_iss_parameter_supported": True,
            }
            | self.metadata
        )

    def id_token(self, nonce: str) -> str:
        moment = int(time.time())
        good = {"iss": self.origin, "aud": self.client_id, "sub": "mallory", "iat": moment, "exp": moment + 300}
        data = _without_none(good | {"nonce": nonce} | self.claims)
        if self.manner == "none":
            return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(data)}."
        if self.manner == "HS256":
            secret = OctKey.import_key(self.key.as_pem(private=False), {"kid": "one"})
            return jwt.encode({"alg": "HS256", "kid": "one"}, data, secret, algorithms=["HS256"])
        key = self.key if self.manner == "RS256" else RSAKey.generate_key(2048, {"kid": "one"})
        return jwt.encode({"alg": "RS256", "kid": key.kid}, data, key)


@contextmanager
def lying(context: ssl.SSLContext | None = None) -> Iterator[Liar]:
    """A running liar; behind TLS with a context."""
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            liar.asked.append(self.path)
            keys = {"keys": [liar.key.as_dict(private=False)]}
            self._say(200, liar.discovery() if self.path.endswith("configuration") else keys)

        def do_POST(self) -> None:
            liar.asked.append(self.path)
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            # The code that a test sends back is the nonce that the browser was sent with.
            token = liar.id_token(form["code"][0])
            data = {"access_token": "x", "token_type": "Bearer", "id_token": token, "more": "x" * liar.padding}
            self._say(liar.token_status, data)

        def _say(self, status: int, said: Any) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{liar.origin}/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for at in range(len(body)) if liar.drips else ():
                time.sleep(0.1)
                self.wfile.write(body[at : at + 1])
            if not liar.drips:
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal of a test."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    liar.origin = f"http{'s' if context else ''}://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield liar
    finally:
        server.shutdown()
        server.server_close()


def _part(said: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def _without_none(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
