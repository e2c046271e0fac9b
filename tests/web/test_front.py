"""What is answered before Flask is answered as Flask would: status, headers, body, audit log and limits."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from time_machine import Traveller

from accounts.flows.oidc import tokens
from accounts.flows.sessions import session as sessions
from tests.people import Service
from tests.web.twins import PAGE_ORIGIN, WIKI_ORIGIN, Ask, Twins, make_twins, token_ask

ACCOUNT, FORWARD, USERINFO, TOKEN = "/api/account", "/forward-auth", "/oauth/userinfo", "/oauth/token"
WEBSOCKET = {"Connection": "Upgrade", "Upgrade": "websocket"}
PUBLISHED = ("/.well-known/openid-configuration", "/oauth/jwks")


twins = make_twins


def test_who_am_i(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    good = twins.cookie()
    value = good["Cookie"]
    visitor = twins.cookie(sessions.create_visitor_session())
    other = twins.make_session()
    table = {
        "200 plain": Ask(ACCOUNT, good),
        "200 with headers that say nothing to it": Ask(
            ACCOUNT,
            good | {"Range": "bytes=0-3", "If-None-Match": '"x"', "Accept": "text/html", "Accept-Encoding": "gzip"},
        ),
        "200 in another language": Ask(ACCOUNT, good | {"Accept-Language": "de-AT,de;q=0.9"}),
        "200 with junk for a language": Ask(ACCOUNT, good | {"Accept-Language": ";;q=x,*" * 50}),
        "200 by a proxy": Ask(ACCOUNT, good | {"X-Forwarded-For": "2001:db8::1, 10.0.0.1", "User-Agent": "é" * 2000}),
        "200 beside other cookies": Ask(ACCOUNT, {"Cookie": f'a="b;\\073c"; =x; ;; {value}; {"x" * 5000}=1'}),
        "200 in quotes": Ask(ACCOUNT, {"Cookie": value.replace("=", '="', 1) + '"'}),
        "200 said twice": Ask(ACCOUNT, {"Cookie": f"{value}; __Host-session=junk"}),
        "401 said twice, junk first": Ask(ACCOUNT, {"Cookie": f"__Host-session=junk; {value}"}, by_front=False),
        "401 nobody": Ask(ACCOUNT, by_front=False),
        "401 a visitor": Ask(ACCOUNT, visitor, by_front=False),
        "401 of another epoch": Ask(
            ACCOUNT,
            twins.cookie(sessions.create_session(twins.account_id, twins.epoch + 1, amr=("pwd",))),
            by_front=False,
        ),
        "401 of another account": Ask(
            ACCOUNT, twins.cookie(sessions.create_session("nobody", 1, amr=("pwd",))), by_front=False
        ),
        "401 one letter changed": Ask(ACCOUNT, {"Cookie": value[:40] + "x" + value[41:]}, by_front=False),
        "401 another spelling": Ask(ACCOUNT, {"Cookie": f"{value}A"}, by_front=False),
        "401 a cookie that is no text": Ask(ACCOUNT, {"Cookie": "__Host-session=\xff\xfe\x80"}, by_front=False),
        "401 huge": Ask(ACCOUNT, {"Cookie": f"__Host-session={'a' * 20_000}"}, by_front=False),
        "422 a query": Ask(f"{ACCOUNT}?x=1", good, by_front=False),
        "200 head": Ask(ACCOUNT, good, by_front=False, method="HEAD"),
        "200 options": Ask(ACCOUNT, good, by_front=False, method="OPTIONS"),
        "405 another method": Ask(ACCOUNT, good, by_front=False, method="PUT"),
        "200 a method in small letters": Ask(ACCOUNT, good, by_front=False, environ={"REQUEST_METHOD": "get"}),
        "404 a slash more": Ask(f"{ACCOUNT}/", good, by_front=False),
        "200 two slashes": Ask("/x", good, by_front=False, environ={"PATH_INFO": "//api/account"}),
        "200 a body that nobody reads": Ask(ACCOUNT, good, body=b"{}", content_type="application/json"),
        "200 a websocket": Ask(ACCOUNT, good | {"Connection": "keep-alive, Upgrade", "Upgrade": "websocket"}),
        "405 a websocket by another method": Ask(
            ACCOUNT, good | {"Connection": "Upgrade", "Upgrade": "websocket"}, by_front=False, method="PUT"
        ),
        "200 no host": Ask(ACCOUNT, good, by_front=False, environ={"HTTP_HOST": ""}),
        "200 a host that is none": Ask(ACCOUNT, good, by_front=False, environ={"HTTP_HOST": "a<b>.example"}),
        "400 a host with an empty label": Ask(ACCOUNT, good, by_front=False, environ={"HTTP_HOST": "a..example"}),
        "200 a host by number": Ask(ACCOUNT, good, environ={"HTTP_HOST": "[::1]:8000"}),
        "200 a session that is new": Ask(ACCOUNT, twins.cookie(other)),
    }
    assert twins.ask_all(table, monkeypatch) == {name: name[:3] for name in table}


def test_forward_auth(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    good, host = twins.cookie(), twins.host_cookie()
    elsewhere = host | {"X-Forwarded-Host": "other.example.org"}
    table = {
        "200 at the own origin": Ask(FORWARD, good),
        "200 at the app's host": Ask(FORWARD, host | {"X-Forwarded-Uri": "/a?b=c", "X-Forwarded-Method": "POST"}),
        "200 of this app": Ask(f"{FORWARD}?app={twins.app_id}&redirect=1&x=%ff&x=2", host),
        "403 of another app": Ask(f"{FORWARD}?app=other", host, by_front=False),
        "200 said twice": Ask(f"{FORWARD}?app={twins.app_id}&app=other", host),
        "401 nobody": Ask(FORWARD, by_front=False),
        "401 nobody, with words": Ask(FORWARD, {"Accept-Language": "de"}, by_front=False),
        "303 nobody, led on": Ask(
            f"{FORWARD}?redirect=1", {**elsewhere, "Cookie": "", "Accept": "text/html"}, by_front=False
        ),
        "401 at another host": Ask(FORWARD, elsewhere, by_front=False),
        "401 by the wrong cookie": Ask(FORWARD, host | good, by_front=False),
        "401 at no host": Ask(FORWARD, host | {"X-Forwarded-Host": "a b"}, by_front=False),
        "401 for another origin": Ask(FORWARD, twins.host_cookie("https://other.example.org"), by_front=False),
        "200 head": Ask(FORWARD, good, by_front=False, method="HEAD"),
        "200 in the address of a language": Ask(f"/de{FORWARD}", good, by_front=False),
        "200 a websocket": Ask(FORWARD, host | WEBSOCKET),
        "200 a websocket in the address of a language": Ask(f"/de{FORWARD}", good | WEBSOCKET, by_front=False),
        "401 a websocket of nobody": Ask(
            f"{FORWARD}?redirect=1", {**elsewhere, **WEBSOCKET, "Cookie": "", "Accept": "text/html"}, by_front=False
        ),
    }
    assert twins.ask_all(table, monkeypatch) == {name: name[:3] for name in table}


def test_what_is_published(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in PUBLISHED:
        table = {
            "200 plain": Ask(path),
            "200 of a page elsewhere": Ask(path, {"Origin": "https://evil.example"}),
            "200 with a cookie": Ask(path, twins.cookie()),
            "200 with a query": Ask(f"{path}?x=1"),
            "200 head": Ask(path, by_front=False, method="HEAD"),
            "405 posted": Ask(path, by_front=False, method="POST"),
        }
        assert twins.ask_all(table, monkeypatch) == {name: name[:3] for name in table}


def test_userinfo(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = twins.redeem(monkeypatch, twins.code())
    access = answered["access_token"]
    bearer = {"Authorization": f"Bearer {access}"}
    of_nothing = twins.site.signer.sign(
        tokens.ACCESS_TOKEN, tokens.AccessToken("none", twins.session.started_at + 60, ("openid",))
    )
    table = {
        "200 plain": Ask(USERINFO, bearer),
        "200 lower case": Ask(USERINFO, {"Authorization": f"bearer   {access} "}),
        "200 of a public client's page": Ask(USERINFO, bearer | {"Origin": PAGE_ORIGIN}),
        "200 of another page": Ask(USERINFO, bearer | {"Origin": WIKI_ORIGIN}),
        "200 with a query": Ask(f"{USERINFO}?access_token=x", bearer),
        "200 posted": Ask(USERINFO, bearer, method="POST"),
        "200 in the body": Ask(USERINFO, method="POST", form=[("access_token", access)]),
        "400 in both": Ask(USERINFO, bearer, method="POST", form=[("access_token", access)]),
        "400 said twice": Ask(USERINFO, method="POST", form=[("access_token", access), ("access_token", access)]),
        "400 as JSON": Ask(USERINFO, bearer, method="POST", body=b"{}", content_type="application/json"),
        "401 nothing": Ask(USERINFO),
        "401 basic": Ask(USERINFO, twins.basic()),
        "401 junk": Ask(USERINFO, {"Authorization": "Bearer \xe9"}),
        "401 of no grant": Ask(USERINFO, {"Authorization": f"Bearer {of_nothing}"}),
        "401 a refresh token": Ask(USERINFO, {"Authorization": f"Bearer {answered['refresh_token']}"}),
        "200 head": Ask(USERINFO, bearer, by_front=False, method="HEAD"),
        "204 preflight": Ask(USERINFO, {"Origin": PAGE_ORIGIN}, by_front=False, method="OPTIONS"),
    }
    assert twins.ask_all(table, monkeypatch) == {name: name[:3] for name in table}


def test_tokens(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    code, twice = twins.code(), twins.code()
    good = {"grant_type": "authorization_code", "code": code}
    pairs = [*good.items()]
    answered = twins.redeem(monkeypatch, twice)
    refresh = {"grant_type": "refresh_token", "refresh_token": answered["refresh_token"]}
    table = {
        "401 a wrong secret": Ask(TOKEN, twins.basic("wrong"), method="POST", form=pairs),
        "401 nobody": Ask(TOKEN, method="POST", form=pairs),
        "400 said twice": Ask(TOKEN, twins.basic(), method="POST", form=[*pairs, ("code", code)]),
        "400 as JSON": Ask(TOKEN, twins.basic(), method="POST", body=b"{}", content_type="application/json"),
        "400 no body": Ask(TOKEN, twins.basic(), method="POST"),
        "413 too long": Ask(TOKEN, twins.basic(), by_front=False, method="POST", form=[*pairs, ("x", "y" * 70_000)]),
        "400 another grant": token_ask(twins, grant_type="password", username="ada", password="x"),
        "400 without its verifier": token_ask(
            twins, grant_type="authorization_code", code=twins.code(challenge="x" * 43)
        ),
        "200 a code": token_ask(twins, **good),
        "400 the same once more": token_ask(twins, **good),
        "200 a refresh token": token_ask(twins, **refresh),
        "200 of a public client's page": Ask(
            TOKEN, twins.basic() | {"Origin": PAGE_ORIGIN}, method="POST", form=[*refresh.items()]
        ),
        "200 asked about": token_ask(twins, "/oauth/introspect", token=answered["access_token"]),
        "200 revoked": token_ask(twins, "/oauth/revoke", token=answered["refresh_token"]),
        "400 refreshed then": token_ask(twins, **refresh),
        "405 read": Ask(TOKEN, by_front=False),
    }
    assert twins.ask_all(table, monkeypatch) == {name: name[:3] for name in table}


def test_a_code_that_is_spent_twice_revokes_what_it_gave_at_the_front_too(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = twins.code()
    bearer = {"Authorization": f"Bearer {twins.redeem(monkeypatch, code)['access_token']}"}
    assert twins.ask(Ask(USERINFO, bearer), monkeypatch).status == "200 OK"
    told = twins.ask(token_ask(twins, grant_type="authorization_code", code=code), monkeypatch)
    assert json.loads(told.body)["error"] == "invalid_grant"
    assert "app.code-replayed" in str(told.audit)
    assert twins.ask(Ask(USERINFO, bearer), monkeypatch).status.startswith("401")


def test_a_cookie_that_has_not_been_seen_for_a_while_is_written_anew(
    twins: Twins, monkeypatch: pytest.MonkeyPatch, stopped_clock: Traveller
) -> None:
    ask = Ask(ACCOUNT, twins.cookie())
    assert "Set-Cookie" not in dict(twins.ask(ask, monkeypatch).headers)
    stopped_clock.shift(timedelta(minutes=11))
    told = twins.ask(ask, monkeypatch)
    assert [name for name, _ in told.headers].count("Set-Cookie") == 2


@pytest.mark.parametrize("path", [ACCOUNT, FORWARD])
def test_who_was_shown_a_moment_ago_is_refused_as_soon_as_the_session_ends(
    twins: Twins, monkeypatch: pytest.MonkeyPatch, stopped_clock: Traveller, path: str
) -> None:
    def status(ask: Ask, by_front: bool) -> str:
        return twins.ask(Ask(ask.path, ask.headers, by_front), monkeypatch).status[:3]

    ended, late = twins.make_session(), twins.make_session()
    asks = [Ask(path, twins.cookie(session)) for session in (ended, late)]
    assert [status(ask, True) for ask in asks] == ["200", "200"]
    twins.act(lambda service: sessions.sign_out(service.uow(), ended), monkeypatch)
    assert [status(asks[0], False), status(asks[1], True)] == ["401", "200"]
    stopped_clock.shift(sessions.IDLE_TIMEOUT + timedelta(seconds=1))
    assert status(asks[1], False) == "401"
    fresh = Ask(path, twins.cookie(twins.make_session()))
    assert status(fresh, True) == "200"
    twins.act(lambda service: sessions.sign_out_everywhere(service.uow(), twins.account_id), monkeypatch)
    assert status(fresh, False) == "401"


def test_what_programs_ask_is_one_statement_and_no_commit(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    access = twins.redeem(monkeypatch, twins.code())["access_token"]
    asks = {
        ACCOUNT: twins.cookie(),
        FORWARD: twins.host_cookie(),
        USERINFO: {"Authorization": f"Bearer {access}"},
    }
    for service in (twins.by_front, twins.by_flask):
        for path, headers in asks.items():
            with service.record_statements() as statements:
                service.app.test_client(use_cookies=False).get(path, headers=headers)
            assert (len(statements), statements.commits) == (1, 0), path
        for path in PUBLISHED:
            with service.record_statements() as statements:
                service.app.test_client(use_cookies=False).get(path)
            assert statements == [], path


def test_in_development_the_front_says_what_it_took(make_service: Callable[..., Service]) -> None:
    service = make_service()
    answer = service.member().get(ACCOUNT)
    assert '"1 statements"' in answer.headers["Server-Timing"]


def test_a_store_that_is_gone_is_told_as_flask_tells_it(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in (twins.by_front, twins.by_flask):
        with service.site.store.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE memberships RENAME TO gone")
    told = twins.ask(Ask(ACCOUNT, twins.cookie(), by_front=False), monkeypatch)
    assert told.status.startswith("503")
