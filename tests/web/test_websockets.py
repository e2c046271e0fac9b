"""Nothing of ours is a WebSocket: who offers one is answered as anybody else, and none is led to a page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from accounts import Accounts, Settings, create_app
from tests.apps import register_app
from tests.people import Service
from tests.web.test_forward_auth import ask, asked, trip

WIKI, OWN = "https://wiki.example.org", "https://accounts.example.org"
OFFER = {"Connection": "Upgrade", "Upgrade": "websocket"}
OFFERS: list[dict[str, str]] = [
    OFFER,
    {"Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket"},
    {"Connection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "eA==", "Sec-WebSocket-Version": "13"},
    {"Connection": " UPGRADE ,close", "Upgrade": "WEBSOCKET", "Sec-Fetch-Mode": "websocket"},
    {**OFFER, "Sec-WebSocket-Protocol": "chat", "Sec-WebSocket-Extensions": "permessage-deflate"},
]
OTHER_OFFERS: list[dict[str, str]] = [
    {"Upgrade": "websocket"},
    {"Connection": "Upgrade"},
    {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQCAAAAAAIAAAAA"},
    {"Connection": "Upgrade", "Upgrade": "h2c, websocket"},
    {"Connection": "Upgrade", "Upgrade": "TLS/1.0"},
]


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return make_service(public_origin=OWN)


@pytest.fixture
def host(settings: Callable[..., Settings]) -> Flask:
    """A host app with a WebSocket of its own."""
    app = Flask("host")
    app.secret_key = "of the host"
    app.add_url_rule("/chat", "chat", lambda: "a WebSocket", websocket=True)
    app.add_url_rule("/accounts", "accounts_of_the_host", lambda: "a page")
    Accounts(app, settings=settings(public_origin=OWN), url_prefix="/auth").upgrade(app)
    return app


@pytest.mark.parametrize("offer", [*OFFERS, *OTHER_OFFERS])
def test_a_proxy_that_asks_about_a_websocket_is_told_who_comes(service: Service, offer: dict[str, str]) -> None:
    register_app(service, forward_origins=[WIKI])
    member = service.member()
    assert ask(member, **offer).status_code == 401
    trip(member)
    answer = ask(member, **offer)
    assert (answer.status_code, answer.headers["Remote-Email"]) == (200, member.email)
    assert ask(member, query="?redirect=1", **offer).status_code == 200
    assert member.get("/de/forward-auth", headers=asked(WIKI) | offer).status_code == 200


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("accept", ["text/html,*/*", "*/*", ""])
def test_a_websocket_of_nobody_is_told_401_and_led_nowhere(
    service: Service, offer: dict[str, str], accept: str
) -> None:
    """A page load is led on by 303; a browser does not follow one for a WebSocket."""
    stranger, more = service.person(), {"Accept": accept, **offer}
    for path in ("/forward-auth", "/de/forward-auth"):
        answer = stranger.get(f"{path}?redirect=1", headers=asked(WIKI, **more))
        assert (answer.status_code, answer.content_type) == (401, "text/plain; charset=utf-8")
    navigation = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    assert stranger.get("/forward-auth?redirect=1", headers=asked(WIKI, **navigation)).status_code == 303


def test_what_traefik_sends_about_a_websocket_is_told_401(service: Service) -> None:
    """Replayed: it keeps Connection and Upgrade to itself, as of one hop, and hands on the rest."""
    told = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13", "Accept": "text/html"}
    register_app(service, forward_origins=[WIKI])
    member = service.member()
    question = {**told, "X-Forwarded-Method": "GET", "X-Forwarded-Port": "443", "X-Forwarded-Server": "gate"}
    assert ask(member, query="?redirect=1", **question).status_code == 401
    trip(member)
    assert ask(member, query="?redirect=1", **question).status_code == 200


@pytest.mark.parametrize("mounted", [False, True])
def test_every_other_address_answers_as_without_an_offer(
    settings: Callable[..., Settings], host: Flask, mounted: bool
) -> None:
    app = host if mounted else create_app(settings(public_origin=OWN))
    prefix = "/auth" if mounted else ""
    paths = [
        *("/sign-in", "/de/sign-in", "/api/account", "/sign-out", "/health/live", "/nothing", "/forward-auth"),
        *("/l/activate", "/l/activate/x.y.z/go", "/api/openapi.json", "/oauth/jwks", "/assets/nothing.css"),
    ]
    client = app.test_client()
    for path in paths:
        for method in ("GET", "POST", "HEAD"):
            plain = client.open(f"{prefix}{path}", method=method)
            for offer in (OFFERS[1], OTHER_OFFERS[2]):
                offered = client.open(f"{prefix}{path}", method=method, headers=offer)
                assert (offered.status_code, offered.content_type) == (plain.status_code, plain.content_type), path


def test_the_websockets_of_a_host_app_are_its_own(host: Flask) -> None:
    client = host.test_client()
    assert client.get("/chat", headers=OFFER).text == "a WebSocket"
    assert client.get("/chat").status_code == 400
    assert client.get("/accounts", headers=OFFER).status_code == 400, "as Flask answers it"
    assert client.get("/auth/forward-auth", headers=OFFER).status_code == 401
