"""Forward-auth behind a real nginx and a real Caddy, with the very configurations of the documentation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from accounts import Settings
from accounts.core.models.account import Account
from accounts.flows.oidc import registration, registration_form
from accounts.flows.shared import accounts
from tests.people import Person
from tests.servers.proxies import PROXIES
from tests.servers.smtp import SmtpSink
from tests.web.proxied_service import ACCOUNTS, WIKI, EchoApp, HostBrowser, ProxiedService, run_behind, serve

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


@pytest.fixture(params=list(PROXIES))
def own_host(
    request: pytest.FixtureRequest, settings: Callable[..., Settings], sink: SmtpSink, tmp_path: Path
) -> Iterator[ProxiedService]:
    with run_behind(request.param, "an app at a host of its own", settings, sink, tmp_path) as proxied:
        yield proxied


@pytest.fixture(params=list(PROXIES))
def below_a_path(
    request: pytest.FixtureRequest, settings: Callable[..., Settings], sink: SmtpSink, tmp_path: Path
) -> Iterator[ProxiedService]:
    with run_behind(request.param, "an app below a path", settings, sink, tmp_path) as proxied:
        yield proxied


def member(proxied: ProxiedService, *groups: str, name: str = "ana") -> Person:
    found = proxied.service.member(name)
    if groups:
        accounts.set_groups(
            proxied.service.uow(), accounts.find_account(proxied.service.uow(), found.email).id, groups
        )
    return found


@dataclass
class Scene:
    """Ana, who may come in, and is in; Bob, who may not."""

    proxied: ProxiedService
    wiki: str
    ana: Person
    browser: HostBrowser

    @property
    def account(self) -> Account:
        return accounts.find_account(self.proxied.service.uow(), self.ana.email)

    def comes_in_and_back_to_the_page_asked_for(self) -> None:
        """By signing in on the way."""
        wanted = f"{self.wiki}/a%20page/%C3%BC?x=1&y=%2F"
        page = self.browser.open(wanted, headers=PRETENDED)
        assert page.url.startswith(f"{self.proxied.origin(ACCOUNTS)}/sign-in?next=")
        there = self.browser.sign_in_as(self.ana.email)
        assert (there.status, there.url) == (200, wanted), self.browser.trail
        assert there.echoed_headers["remote-user"] == self.account.id
        assert there.echoed_headers["remote-email"] == self.ana.email
        assert there.echoed_headers["remote-groups"] == "editors,staff"
        assert there.echoed_headers["remote-name"].isascii()
        assert unquote(there.echoed_headers["remote-name"]) == self.account.name
        assert set(self.browser.jars[WIKI]) == {"__Host-forward-start", "__Host-forward-visit"}
        assert self.browser.jars[ACCOUNTS]["__Host-session"] not in there.text, "the app never sees the session"

    def cannot_pretend(self) -> None:
        """Whatever headers a visitor sends, the app is told what the service says."""
        pretending = self.browser.request(f"{self.wiki}/", headers=PRETENDED)
        assert "mallory" not in pretending.text.lower()
        assert pretending.echoed_headers["remote-user"] == self.account.id
        assert pretending.echoed_headers["remote-groups"] == "editors,staff"
        posted = self.browser.request(f"{self.wiki}/form", {"a": "b"})
        assert (posted.status, posted.echoed_headers["remote-user"]) == (200, self.account.id)

    def strangers_stay_outside(self) -> None:
        """With nothing, with headers, with the session's own cookie, by asking for themselves."""
        stranger = HostBrowser(self.proxied)
        assert stranger.request(f"{self.wiki}/", headers={"Remote-User": self.account.id}).status == 303
        assert stranger.request(f"{self.wiki}/api", {"a": "b"}, headers={"Accept": "text/plain"}).status in (303, 401)
        session = self.browser.jars[ACCOUNTS]["__Host-session"]
        for name in ("__Host-session", "__Host-forward-visit"):
            assert HostBrowser(self.proxied, {WIKI: {name: session}}).request(f"{self.wiki}/").status == 303
        assert "Remote-User" not in self.browser.request(f"{self.wiki}/forward-auth").headers

    def opens_a_websocket(self) -> None:
        """The app is told who it is; a stranger's is told 401, as is whatever a script asks or a form sends."""
        told, channel = self.browser.open_websocket(f"{self.wiki}/chat")
        assert (told.status, told.headers["X-Told-User"]) == (101, self.account.id)
        assert [channel.ask("hello"), channel.ask("once more")] == ["HELLO", "ONCE MORE"]
        self.browser.close_sockets()
        stranger = HostBrowser(self.proxied)
        refused, _ = stranger.open_websocket(f"{self.wiki}/chat")
        assert (refused.status, refused.headers["Upgrade"]) == (401, None)
        stranger.close_sockets()
        page = f"{self.wiki}/"
        assert stranger.request(page, headers={"Sec-Fetch-Mode": "navigate", "Accept": "*/*"}).status == 303
        for script in ({"Sec-Fetch-Mode": "cors"}, {"Accept": "application/json"}):
            assert stranger.request(page, headers=script).status == 401, script
        assert stranger.request(page, {"a": "b"}).status == 401

    def keeps_no_thread_waiting_for_a_body(self) -> None:
        """The proxy reads it whole before the service hears of the request."""
        seen: list[str] = []
        app = self.proxied.service.app
        answer_all = app.wsgi_app

        def watch(environ: dict[str, Any], start_response: Any) -> Any:
            seen.append(environ["PATH_INFO"])
            return answer_all(environ, start_response)

        app.wsgi_app = watch  # type: ignore[method-assign] # Flask's documented way
        browser = HostBrowser(self.proxied)
        slow = browser.connect_to(ACCOUNTS)
        head = f"POST /api/sign-in HTTP/1.1\r\nHost: {ACCOUNTS}:{self.proxied.port}\r\nContent-Type: application/json"
        slow.sendall(f"{head}\r\nContent-Length: 10002\r\n\r\n{{".encode())
        slow.sendall(b" " * 10_000)
        # Long enough to hand it on, where it does.
        time.sleep(0.5)
        for _ in range(3):
            assert browser.request(f"{self.proxied.origin(ACCOUNTS)}/health/live").status == 200
        assert seen == ["/health/live"] * 3
        slow.sendall(b"}")
        answer = HTTPResponse(slow)
        answer.begin()
        assert (answer.status, seen[-1]) == (422, "/api/sign-in")
        browser.close_sockets()

    def another_group_is_refused(self) -> None:
        """With 403, and without a cookie."""
        bob = member(self.proxied, "readers", name="bob")
        refused = HostBrowser(self.proxied)
        refused.open(f"{self.wiki}/")
        assert refused.sign_in_as(bob.email).status == 403
        assert "__Host-forward-visit" not in refused.jars[WIKI]

    def reads_why_the_app_is_shut(self) -> None:
        """By a page load, on a page of the service; a script is told 403."""
        uow = self.proxied.service.uow()
        (app,) = registration.list_apps(uow)
        for groups in (["board"], ["staff"]):
            registration.change_app(uow, app.id, registration_form.ChangeAppForm(allowed_groups=groups))
            if groups == ["board"]:
                page = self.browser.open(f"{self.wiki}/")
                assert (page.status, f"have access to {app.name}" in page.text) == (403, True), self.browser.trail
                assert page.url.startswith(f"{self.proxied.origin(ACCOUNTS)}/forward-auth/pass?"), page.url
                assert self.browser.request(f"{self.wiki}/", headers={"Sec-Fetch-Mode": "cors"}).status == 403
        assert self.browser.open(f"{self.wiki}/").status == 200

    def is_out_with_the_next_request(self) -> None:
        """After losing a group, and after signing out."""
        front = self.proxied.origin(ACCOUNTS)
        accounts.set_groups(self.proxied.service.uow(), self.account.id, ["staff"])
        page = self.browser.open(f"{self.wiki}/")
        assert page.url.startswith(f"{front}/sign-in"), "losing a group ends sessions"
        assert self.browser.sign_in_as(self.ana.email).echoed_headers["remote-groups"] == "staff"
        self.browser.open(f"{front}/account")
        assert self.browser.submit(self.browser.form(action="/sign-out")).status == 200
        assert self.browser.request(f"{self.wiki}/").status == 303


def test_an_app_at_a_host_of_its_own(own_host: ProxiedService) -> None:
    """The whole of it, in one run of the proxy: starting one costs more than asking it."""
    own_host.service.admin()
    ana = member(own_host, "staff", "editors")
    with own_host.service.uow() as uow:
        accounts.find_account(uow, ana.email).name = "Ána, 100 % «Müller»"
    scene = Scene(own_host, own_host.origin(WIKI), ana, HostBrowser(own_host))
    scene.comes_in_and_back_to_the_page_asked_for()
    scene.cannot_pretend()
    scene.strangers_stay_outside()
    scene.opens_a_websocket()
    scene.keeps_no_thread_waiting_for_a_body()
    scene.another_group_is_refused()
    scene.reads_why_the_app_is_shut()
    scene.is_out_with_the_next_request()


def test_an_app_below_a_path(below_a_path: ProxiedService) -> None:
    proxied, wiki = below_a_path, f"{below_a_path.origin(ACCOUNTS)}/wiki"
    proxied.service.admin()
    ana, bob = member(proxied, "staff"), member(proxied, "readers", name="bob")
    browser = HostBrowser(proxied)
    page = browser.open(f"{wiki}/a%20page?x=1", headers=PRETENDED)
    assert page.url.startswith(f"{proxied.origin(ACCOUNTS)}/sign-in?next="), browser.trail
    there = browser.sign_in_as(ana.email)
    assert (there.status, there.url) == (200, f"{wiki}/a%20page?x=1"), browser.trail
    assert there.echoed_headers["remote-groups"] == "staff"
    assert browser.jars[ACCOUNTS]["__Host-session"] not in there.text, "the app never sees the session"
    assert "__Host-device" in there.echoed_headers.get("cookie", ""), "other cookies go through"
    assert "mallory" not in browser.request(f"{wiki}/", headers=PRETENDED).text.lower()
    told, channel = browser.open_websocket(f"{wiki}/chat")
    assert (told.status, channel.ask("hello")) == (101, "HELLO")
    browser.close_sockets()
    other = HostBrowser(proxied)
    refused, _ = other.open_websocket(f"{wiki}/chat")
    assert refused.status == 401
    other.close_sockets()
    other.open(f"{wiki}/")
    assert other.sign_in_as(bob.email).status == 403


def test_the_app_itself_is_real() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), EchoApp)
    with contextmanager(serve)(server) as port:
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/", headers={"Remote-User": "mallory"})
        assert "mallory" in connection.getresponse().read().decode(), "what the proxies strip would be told"
        connection.close()
