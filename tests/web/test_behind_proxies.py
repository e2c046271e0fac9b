"""Forward-auth behind a real nginx and a real Caddy, with the very configurations of the documentation."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from accounts import Settings, create_app
from accounts.core.models.account import Account
from accounts.flows.shared import accounts
from tests.apps import register_app
from tests.e2e.running import free_port
from tests.people import PASSWORD, Person, Service
from tests.servers.certificates import Authority
from tests.servers.proxies import PROXIES, ProxyMissing, documented
from tests.servers.smtp import SmtpSink
from tests.web.browser import Page

ACCOUNTS, WIKI = "accounts.example.org", "wiki.example.org"
PRETENDED = {
    "Remote-User": "mallory",
    "Remote-Groups": "admins",
    "remote-email": "mallory@example.org",
    "Remote-Name": "Mallory",
    "Remote_User": "mallory",
    "REMOTE_GROUPS": "admins",
    "X-Forwarded-Host": WIKI,
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Uri": "//evil.example",
}


class App(BaseHTTPRequestHandler):
    """An app that knows nothing of sign-in: says what it was told."""

    def do_GET(self) -> None:
        said = json.dumps({"path": self.path, "headers": self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal of a test."""


class Quiet(WSGIRequestHandler):
    """The same for the service."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@dataclass
class House:
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
    def told(self) -> dict[str, str]:
        """What the app was told, by names as a server for CGI or WSGI would see them."""
        found: dict[str, str] = {}
        for name, value in json.loads(self.text)["headers"]:
            key = name.lower().replace("_", "-")
            assert key not in found or not key.startswith("remote-"), f"{name} came twice"
            found[key] = value
        return found


@dataclass
class Browser:
    """Somebody at a browser: each host has cookies of its own, and `__Host-` is taken at its word."""

    house: House
    jars: dict[str, dict[str, str]] = field(default_factory=dict)
    trail: list[str] = field(default_factory=list)

    def ask(
        self, url: str, said: dict[str, str] | None = None, *, method: str = "", headers: dict[str, str] | None = None
    ) -> Answer:
        """One request, no redirect followed."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        connection = HTTPSConnection(host, parts.port, context=self.house.context, timeout=30)
        # Names of nobody lead to this machine.
        setattr(connection, "_create_connection", self._connect)  # noqa: B010 - where the class itself looks
        sent = {"Accept": "text/html", "Cookie": "; ".join(f"{k}={v}" for k, v in self.jars.get(host, {}).items())}
        body = urlencode(said) if said is not None else None
        if said is not None:
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method or ("GET" if said is None else "POST"), path or "/", body, sent | (headers or {}))
        answer = connection.getresponse()
        found = Answer(answer.status, url, answer.read().decode(), dict(answer.headers.items()))
        for line in answer.headers.get_all("Set-Cookie") or []:
            self._keep(host, line)
        connection.close()
        self.trail.append(f"{found.status} {url}")
        return found

    def _connect(self, *asked: Any) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.house.port))

    def _keep(self, host: str, line: str) -> None:
        for name, morsel in SimpleCookie(line).items():
            assert not morsel["domain"], "a cookie of one host alone"
            assert name.startswith("__Host-")
            assert morsel["secure"]
            assert morsel["httponly"]
            assert morsel["path"] == "/"
            self.jars.setdefault(host, {})[name] = morsel.value

    def open(self, url: str, said: dict[str, str] | None = None, **how: Any) -> Answer:
        """Follow redirects, wherever they lead."""
        answer = self.ask(url, said, **how)
        for _ in range(8):
            if "Location" not in answer.headers or answer.status not in (302, 303):
                return answer
            answer = self.ask(urljoin(answer.url, answer.headers["Location"]))
        raise AssertionError(self.trail)

    def sign_in(self, answer: Answer, email: str) -> Answer:
        """Fill in the sign-in page that an answer is."""
        (form,) = [form for form in Page(answer.text).forms if "password" in form.kinds]
        said = form.values | {"email": email, "password": PASSWORD}
        return self.open(urljoin(answer.url, form.action), said)


def plain(server: ThreadingHTTPServer | Any) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def running(
    which: str, kind: str, settings: Callable[..., Settings], sink: SmtpSink, folder: Path
) -> Iterator[House]:
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
            make_server("127.0.0.1", 0, service.app, threaded=True, request_handler=Quiet),
            ThreadingHTTPServer(("127.0.0.1", 0), App),
        )
        backends = [stack.enter_context(contextmanager(plain)(server)) for server in servers]
        config = documented(f"{which}: {kind}").replace("CLIENT_ID", app.id)
        config = config.replace("127.0.0.1:8000", f"127.0.0.1:{backends[0]}")
        config = config.replace("127.0.0.1:9000", f"127.0.0.1:{backends[1]}")
        pem = authority.server_file(ACCOUNTS, WIKI)
        try:
            stack.enter_context(PROXIES[which](config, folder, port=port, pem=pem, key=pem))
        except ProxyMissing as missing:
            pytest.skip(str(missing))
        yield House(service, port, authority.client_context())
    service.close()


@pytest.fixture(params=list(PROXIES))
def own_host(
    request: pytest.FixtureRequest, settings: Callable[..., Settings], sink: SmtpSink, tmp_path: Path
) -> Iterator[House]:
    with running(request.param, "an app at a host of its own", settings, sink, tmp_path) as house:
        yield house


@pytest.fixture(params=list(PROXIES))
def below_a_path(
    request: pytest.FixtureRequest, settings: Callable[..., Settings], sink: SmtpSink, tmp_path: Path
) -> Iterator[House]:
    with running(request.param, "an app below a path", settings, sink, tmp_path) as house:
        yield house


def member(house: House, *groups: str, name: str = "ana") -> Person:
    found = house.service.member(name)
    if groups:
        accounts.set_groups(house.service.uow(), accounts.find_account(house.service.uow(), found.email).id, groups)
    return found


@dataclass
class Scene:
    """Ana, who may come in, and is in; Bob, who may not."""

    house: House
    wiki: str
    ana: Person
    browser: Browser

    @property
    def account(self) -> Account:
        return accounts.find_account(self.house.service.uow(), self.ana.email)

    def comes_in_and_back_to_the_page_asked_for(self) -> None:
        """By signing in on the way."""
        wanted = f"{self.wiki}/a%20page/%C3%BC?x=1&y=%2F"
        page = self.browser.open(wanted, headers=PRETENDED)
        assert page.url.startswith(f"{self.house.origin(ACCOUNTS)}/sign-in?next=")
        there = self.browser.sign_in(page, self.ana.email)
        assert (there.status, there.url) == (200, wanted), self.browser.trail
        assert there.told["remote-user"] == self.account.id
        assert there.told["remote-email"] == self.ana.email
        assert there.told["remote-groups"] == "editors,staff"
        assert there.told["remote-name"].isascii()
        assert unquote(there.told["remote-name"]) == self.account.name
        assert set(self.browser.jars[WIKI]) == {"__Host-forward-start", "__Host-forward-visit"}
        assert self.browser.jars[ACCOUNTS]["__Host-session"] not in there.text, "the app never sees the session"

    def cannot_pretend(self) -> None:
        """Whatever headers a visitor sends, the app is told what the service says."""
        pretending = self.browser.ask(f"{self.wiki}/", headers=PRETENDED)
        assert "mallory" not in pretending.text.lower()
        assert pretending.told["remote-user"] == self.account.id
        assert pretending.told["remote-groups"] == "editors,staff"
        posted = self.browser.ask(f"{self.wiki}/form", {"a": "b"})
        assert (posted.status, posted.told["remote-user"]) == (200, self.account.id)

    def strangers_stay_outside(self) -> None:
        """With nothing, with headers, with the session's own cookie, by asking for themselves."""
        stranger = Browser(self.house)
        assert stranger.ask(f"{self.wiki}/", headers={"Remote-User": self.account.id}).status == 303
        assert stranger.ask(f"{self.wiki}/api", {"a": "b"}, headers={"Accept": "text/plain"}).status in (303, 401)
        session = self.browser.jars[ACCOUNTS]["__Host-session"]
        for name in ("__Host-session", "__Host-forward-visit"):
            assert Browser(self.house, {WIKI: {name: session}}).ask(f"{self.wiki}/").status == 303
        assert "Remote-User" not in self.browser.ask(f"{self.wiki}/forward-auth").headers

    def another_group_is_refused(self) -> None:
        """With 403, and without a cookie."""
        bob = member(self.house, "readers", name="bob")
        refused = Browser(self.house)
        assert refused.sign_in(refused.open(f"{self.wiki}/"), bob.email).status == 403
        assert "__Host-forward-visit" not in refused.jars[WIKI]

    def is_out_with_the_next_request(self) -> None:
        """After losing a group, and after signing out."""
        front = self.house.origin(ACCOUNTS)
        accounts.set_groups(self.house.service.uow(), self.account.id, ["staff"])
        page = self.browser.open(f"{self.wiki}/")
        assert page.url.startswith(f"{front}/sign-in"), "losing a group ends sessions"
        assert self.browser.sign_in(page, self.ana.email).told["remote-groups"] == "staff"
        out = Page(self.browser.ask(f"{front}/account").text)
        (form,) = [form for form in out.forms if form.action == "/sign-out"]
        assert self.browser.open(f"{front}/sign-out", form.values).status == 200
        assert self.browser.ask(f"{self.wiki}/").status == 303


def test_an_app_at_a_host_of_its_own(own_host: House) -> None:
    """The whole of it, in one run of the proxy: starting one costs more than asking it."""
    own_host.service.admin()
    ana = member(own_host, "staff", "editors")
    with own_host.service.uow() as uow:
        accounts.find_account(uow, ana.email).name = "Ána, 100 % «Müller»"
    scene = Scene(own_host, own_host.origin(WIKI), ana, Browser(own_host))
    scene.comes_in_and_back_to_the_page_asked_for()
    scene.cannot_pretend()
    scene.strangers_stay_outside()
    scene.another_group_is_refused()
    scene.is_out_with_the_next_request()


def test_an_app_below_a_path(below_a_path: House) -> None:
    house, wiki = below_a_path, f"{below_a_path.origin(ACCOUNTS)}/wiki"
    house.service.admin()
    ana, bob = member(house, "staff"), member(house, "readers", name="bob")
    browser = Browser(house)
    page = browser.open(f"{wiki}/a%20page?x=1", headers=PRETENDED)
    assert page.url.startswith(f"{house.origin(ACCOUNTS)}/sign-in?next="), browser.trail
    there = browser.sign_in(page, ana.email)
    assert (there.status, there.url) == (200, f"{wiki}/a%20page?x=1"), browser.trail
    assert there.told["remote-groups"] == "staff"
    assert browser.jars[ACCOUNTS]["__Host-session"] not in there.text, "the app never sees the session"
    assert "__Host-device" in there.told.get("cookie", ""), "other cookies go through"
    assert "mallory" not in browser.ask(f"{wiki}/", headers=PRETENDED).text.lower()
    other = Browser(house)
    assert other.sign_in(other.open(f"{wiki}/"), bob.email).status == 403


def test_the_app_itself_is_real() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), App)
    with contextmanager(plain)(server) as port:
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/", headers={"Remote-User": "mallory"})
        assert "mallory" in connection.getresponse().read().decode(), "what the proxies strip would be told"
        connection.close()
