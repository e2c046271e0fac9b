"""The relay of the documentation signs as the service verifies, and any library of Standard Webhooks would."""

from __future__ import annotations

import base64
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from accounts.core.errors import BadSignature
from accounts.flows.mail_bounces.signature import SignatureHeaders, read_signature_headers, verify_signature

ROOT = Path(__file__).parents[3]
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The key of the examples of Standard Webhooks and of Svix: 24 bytes, as providers give them."""


def test_the_relay_of_the_documentation_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[tuple[SignatureHeaders, bytes]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((read_signature_headers(self.headers.get), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        monkeypatch.setenv("BOUNCE_KEY", KEY)
        monkeypatch.setenv("BOUNCE_URL", f"http://127.0.0.1:{server.server_port}/mail/bounces")
        (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/bounces.md").read_text("utf-8"), re.DOTALL)
        names: dict[str, object] = {}
        exec(block, names)  # noqa: S102 - it is what the documentation says
        pass_on = names["pass_on"]
        assert callable(pass_on)
        pass_on(b'{"a": 1}')
        thread.join()
    ((headers, body),) = got
    verify_signature(KEY, headers, body)
    with pytest.raises(BadSignature):
        verify_signature(KEY, headers, body + b" ")


def test_the_vector_of_the_libraries_is_verified() -> None:
    signature = base64.b64decode("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    headers = SignatureHeaders("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", (signature,))
    verify_signature(KEY, headers, b'{"test": 2432232314}')
