"""A service and an app behind a real proxy, and somebody at a browser in front of it."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse, HTTPSConnection
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from werkzeug.serving import make_server

from accounts import Settings, create_app
from tests.apps import register_app
from tests.e2e.running import free_port
from tests.kit.browser import MAX_REDIRECTS, PageBrowser
from tests.kit.pages import Page
from tests.people import Service
from tests.servers.certificates import Authority
from tests.servers.proxies import PROXIES, ProxyMissing, documented
from tests.servers.quiet import QuietHandler
from tests.servers.smtp import SmtpSink
from tests.servers.websocket import WebSocket, answer_websocket, open_websocket

ACCOUNTS, WIKI = "accounts.example.org", "wiki.example.org"


class EchoApp(BaseHTTPRequestHandler):
    """An app that knows nothing of sign-in: answers with the headers it got, or by WebSocket."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            answer_websocket(self)
            return
        body = json.dumps({"path": self.path, "headers": self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal of a test."""


@dataclass
class ProxiedService:
    """The service and an app, behind one proxy."""

    service: Service
    port: int
    context: ssl.SSLContext

    def origin(self, host: str) -> str:
        return f"https://{host}:{self.port}"


@dataclass
class Answer:
    """What came back."""

    status: int
    url: str
    text: str
    headers: dict[str, str]

    @property
    def echoed_headers(self) -> dict[str, str]:
        """The headers that the app got, by names as a server for CGI or WSGI would see them."""
        found: dict[str, str] = {}
        for name, value in json.loads(self.text)["headers"]:
            key = name.lower().replace("_", "-")
            assert key not in found or not key.startswith("remote-"), f"{name} came twice"
            found[key] = value
        return found


@dataclass
class HostBrowser(PageBrowser[Answer]):
    """Somebody at a browser: each host has cookies of its own, and `__Host-` is taken at its word."""

    proxied: ProxiedService
    jars: dict[str, dict[str, str]] = field(default_factory=dict)
    trail: list[str] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)
    url: str = ""
    answer: Answer = field(init=False)

    @property
    def page(self) -> Page:
        return Page(self.answer.text)

    def request(
        self, url: str, data: Mapping[str, str] | None = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request, no redirect followed."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        connection = HTTPSConnection(host, parts.port, context=self.proxied.context, timeout=30)
        # Names of nobody lead to this machine.
        setattr(connection, "_create_connection", self._connect)  # noqa: B010 - where the class itself looks
        sent = {"Accept": "text/html", "Cookie": "; ".join(f"{k}={v}" for k, v in self.jars.get(host, {}).items())}
        body = urlencode(data) if data is not None else None
        if data is not None:
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET" if data is None else "POST", path or "/", body, sent | (headers or {}))
        answer = connection.getresponse()
        found = Answer(answer.status, url, answer.read().decode(), dict(answer.headers.items()))
        for line in answer.headers.get_all("Set-Cookie") or []:
            self._keep(host, line)
        connection.close()
        self.trail.append(f"{found.status} {url}")
        return found

    def open_websocket(self, url: str) -> tuple[HTTPResponse, WebSocket]:
        """Ask for a WebSocket, as a script on a page of that host does."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        cookies = "; ".join(f"{name}={value}" for name, value in self.jars.get(host, {}).items())
        connection = self.connect_to(host)
        return open_websocket(connection, parts.netloc, parts.path, Cookie=cookies, Origin=f"https://{parts.netloc}")

    def connect_to(self, host: str) -> ssl.SSLSocket:
        """Return a connection over which nothing was said yet."""
        connection = self.proxied.context.wrap_socket(self._connect(), server_hostname=host)
        connection.settimeout(30)
        self.sockets.append(connection)
        return connection

    def close_sockets(self) -> None:
        """Hang up."""
        for connection in self.sockets:
            connection.close()

    def _connect(self, *asked: Any) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.proxied.port))

    def _keep(self, host: str, line: str) -> None:
        for name, morsel in SimpleCookie(line).items():
            assert not morsel["domain"], "a cookie of one host alone"
            assert name.startswith("__Host-")
            assert morsel["secure"]
            assert morsel["httponly"]
            assert morsel["path"] == "/"
            self.jars.setdefault(host, {})[name] = morsel.value

    def open(
        self, url: str, data: Mapping[str, str] | None = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """Follow redirects, wherever they lead."""
        self.answer = self.request(url, data, headers=headers)
        for _ in range(MAX_REDIRECTS):
            self.url = self.answer.url
            if "Location" not in self.answer.headers or self.answer.status not in (302, 303):
                return self.answer
            self.answer = self.request(urljoin(self.url, self.answer.headers["Location"]))
        raise AssertionError(self.trail)


def serve(server: ThreadingHTTPServer | Any) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def run_behind(
    which: str, kind: str, settings: Callable[..., Settings], sink: SmtpSink, folder: Path
) -> Iterator[ProxiedService]:
    """The service and an app behind one kind of proxy."""
    port, authority = free_port(), Authority(folder)
    service = Service(create_app(settings(public_origin=f"https://{ACCOUNTS}:{port}", trusted_proxies=1)), sink)
    app = register_app(
        service,
        redirect_uris=[],
        allowed_groups=["staff"],
        forward_origins=[f"https://{WIKI if kind.endswith('own') else ACCOUNTS}:{port}"],
    ).app
    with ExitStack() as stack:
        servers = (
            make_server("127.0.0.1", 0, service.app, threaded=True, request_handler=QuietHandler),
            ThreadingHTTPServer(("127.0.0.1", 0), EchoApp),
        )
        backends = [stack.enter_context(contextmanager(serve)(server)) for server in servers]
        config = documented(f"{which}: {kind}").replace("CLIENT_ID", app.id)
        config = config.replace("127.0.0.1:8000", f"127.0.0.1:{backends[0]}")
        config = config.replace("127.0.0.1:9000", f"127.0.0.1:{backends[1]}")
        pem = authority.server_file(ACCOUNTS, WIKI)
        try:
            stack.enter_context(PROXIES[which](config, folder, port=port, pem=pem, key=pem))
        except ProxyMissing as missing:
            pytest.skip(str(missing))
        yield ProxiedService(service, port, authority.client_context())
    service.close()
