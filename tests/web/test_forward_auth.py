"""Forward-auth, asked as proxies ask: who is let through where, and every way of pretending."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from accounts.core.models.audit import AuditRow
from accounts.core.signing import token_kind
from accounts.flows import forward_auth as forward_auth_flow
from accounts.flows.oidc import registration, registration_form
from accounts.flows.shared import accounts
from tests.apps import register_app
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.people import Person, Service

WIKI = "https://wiki.example.org"
OWN = "https://accounts.example.org"


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """Behind https, so that cookies are those of production."""
    return make_service(public_origin=OWN)


def asked(origin: str, uri: str = "/page", **more: str) -> dict[str, str]:
    """What a proxy says about a request."""
    scheme, _, host = origin.partition("://")
    return {"X-Forwarded-Proto": scheme, "X-Forwarded-Host": host, "X-Forwarded-Uri": uri, **more}


def ask(person: Person, origin: str = WIKI, query: str = "", **more: str) -> TestResponse:
    return person.get(f"/forward-auth{query}", headers=asked(origin, **more))


def trip(person: Person, origin: str = WIKI, to: str = "/page") -> TestResponse:
    """The whole round trip in one browser, up to what the app's host answers."""
    passed = person.get(begun(person, origin, to))
    assert passed.status_code == 303, passed.status_code
    return entered(person, str(passed.location), origin)


def begun(person: Person, origin: str = WIKI, to: str = "/page") -> str:
    started = person.get(f"/forward-auth/start?to={to}", headers=asked(origin))
    assert started.location.startswith(f"{OWN}/forward-auth/pass?trip=")
    return str(started.location).removeprefix(OWN)


def entered(person: Person, location: str, origin: str = WIKI) -> TestResponse:
    assert location.startswith(f"{origin}/forward-auth/enter?pass=")
    return person.get(location.removeprefix(origin), headers=asked(origin))


def test_an_app_for_one_mail_domain_stays_shut_for_others_as_soon_as_it_is_one(service: Service) -> None:
    service.admin()
    app = register_app(service, forward_origins=[WIKI], allowed_email_domain="example.org").app
    member = service.member()
    trip(member)
    assert ask(member).status_code == 200
    changed = registration_form.ChangeAppForm(allowed_email_domain="example.com")
    registration.change_app(service.uow(), app.id, changed)
    assert ask(member).status_code == 403
    assert member.get(begun(member)).status_code == 403


@on_both_databases
def test_a_visitor_is_let_through_with_all_four_headers(service: Service) -> None:
    service.admin()
    register_app(service, forward_origins=[WIKI])
    member = service.member()
    account = accounts.find_account(service.uow(), member.email)
    assert ask(member).status_code == 401, "the session's own cookie does not count at another origin"
    there = trip(member, to="/a%2520page")
    assert there.location == f"{WIKI}/a%20page"
    with service.record_statements() as statements:
        answer = ask(member)
    assert (len(statements), statements.commits) == (1, 0)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    data = {name: value for name, value in answer.headers.items() if name.startswith("Remote-")}
    assert data == {
        "Remote-User": account.id,
        "Remote-Email": member.email,
        "Remote-Name": "Member",
        "Remote-Groups": "",
    }


def test_at_the_own_origin_the_session_answers(service: Service) -> None:
    app = register_app(service, forward_origins=[OWN]).app
    member = service.member()
    assert ask(member, OWN).status_code == 200
    assert ask(member, OWN, f"?app={app.id}").status_code == 200
    assert ask(member, OWN, "?app=other").status_code == 403
    assert ask(service.person(), OWN).status_code == 401
    assert member.get(begun(member, OWN, "/wiki/x")).location == f"{OWN}/wiki/x"


def test_where_several_apps_stand_at_one_origin_the_proxy_says_which(service: Service) -> None:
    service.admin()
    open_, closed = (
        register_app(service, name, forward_origins=[WIKI], allowed_groups=groups).app
        for name, groups in (("Open", []), ("Closed", ["staff"]))
    )
    member = service.member()
    trip(member)
    assert ask(member).status_code == 403, "never guessed"
    assert ask(member, query=f"?app={open_.id}").status_code == 200
    assert ask(member, query=f"?app={closed.id}").status_code == 403


@on_both_databases
def test_whatever_ends_a_session_ends_its_host_sessions(service: Service) -> None:
    service.admin()
    app = register_app(service, forward_origins=[WIKI], allowed_groups=["staff"]).app
    member = service.member()
    account_id = accounts.find_account(service.uow(), member.email).id
    accounts.set_groups(service.uow(), account_id, ["staff"])
    member.sign_in()
    trip(member)
    assert ask(member).status_code == 200
    registration.disable_app(service.uow(), app.id)
    assert ask(member).status_code == 403
    registration.enable_app(service.uow(), app.id)
    assert ask(member).status_code == 200
    member.post("/api/sign-out")
    assert ask(member).status_code == 401
    member.sign_in()
    trip(member)
    assert ask(member).status_code == 200
    accounts.disable_account(service.uow(), account_id)
    assert ask(member).status_code == 401


def test_another_group_gets_no_pass(service: Service) -> None:
    register_app(service, forward_origins=[WIKI], allowed_groups=["staff"])
    member = service.member()
    assert member.get(begun(member)).status_code == 403


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://wiki.example.org",
        "https://wiki.example.org.evil.example",
        "https://wiki.example.org:444",
        "https://wiki.example.org@evil.example",
        "https://wiki.example.org, evil.example",
        "https://",
        "://",
        "javascript://wiki.example.org",
    ],
)
def test_nobody_is_led_to_an_origin_that_is_not_registered(service: Service, origin: str) -> None:
    register_app(service, forward_origins=[WIKI])
    member = service.member()
    assert member.get(begun(member, origin)).status_code == 404
    assert ask(member, origin).status_code in (401, 403)


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "", "evil", "/\t/evil"])
def test_whatever_page_is_named_it_is_one_of_that_origin(service: Service, to: str) -> None:
    register_app(service, forward_origins=[WIKI])
    there = trip(service.member(), to=to)
    assert str(there.location).startswith(f"{WIKI}/")


def test_a_pass_is_good_once_in_one_browser_at_one_origin_and_for_a_minute(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "https://notes.example.org"
    register_app(service, forward_origins=[WIKI])
    register_app(service, "Notes", forward_origins=[other])
    member, thief = service.member(), service.person()
    location = str(member.get(begun(member)).location)
    begun(thief)
    assert entered(thief, location).status_code == 400, "somebody else's browser"
    assert service.person().get(location.removeprefix(WIKI), headers=asked(WIKI)).status_code == 400, "no cookie"
    at_other = member.get(location.removeprefix(WIKI), headers=asked(other))
    assert at_other.status_code == 400
    first = entered(member, location)
    assert first.status_code == 303
    assert entered(member, location).status_code == 400, "used"
    late = str(member.get(begun(member)).location)
    from accounts.core.clock import now

    then = now() + forward_auth_flow.HANDOVER_TOKEN_TTL + forward_auth_flow.HANDOVER_TOKEN_TTL
    monkeypatch.setattr(token_kind, "now", lambda: then)
    assert entered(member, late).status_code == 400


def test_a_victim_is_not_signed_in_as_somebody_else(service: Service) -> None:
    """A stranger sends a link to a pass, or to a trip, of their own."""
    register_app(service, forward_origins=[WIKI])
    attacker, victim = service.member(), service.member()
    location = str(attacker.get(begun(attacker)).location)
    assert entered(victim, location).status_code == 400
    passed = victim.get(begun(attacker))
    assert passed.status_code == 303
    assert entered(attacker, str(passed.location)).status_code == 303, "the trip was the attacker's own"


def test_a_visit_is_worth_nothing_elsewhere(service: Service) -> None:
    other = "https://notes.example.org"
    register_app(service, forward_origins=[WIKI])
    register_app(service, "Notes", forward_origins=[other])
    member = service.member()
    trip(member)
    assert ask(member).status_code == 200
    assert ask(member, other).status_code == 401
    assert ask(member, OWN).status_code == 403


@on_both_databases
def test_fifty_take_one_pass_and_one_enters(service: Service) -> None:
    register_app(service, forward_origins=[WIKI])
    member = service.member()
    location = str(member.get(begun(member)).location)
    token = parse_qs(urlsplit(location).query)["pass"][0]
    cookie = member.client.get_cookie("__Host-forward-start")
    assert cookie is not None

    def enter(number: int) -> str:
        try:
            forward_auth_flow.redeem_handover_token(service.uow(), token, WIKI, cookie.value)
        except Exception as wrong:  # noqa: BLE001 - a test compares its name
            return type(wrong).__name__
        return "in"

    outcomes = run_concurrently(50, enter)
    assert (outcomes.count("in"), outcomes.count("LinkInvalid")) == (1, 49)
    with service.uow() as uow:
        assert len(list(uow.session.scalars(select(AuditRow).where(AuditRow.kind == "app.entered")))) == 1


REDIRECTS: list[tuple[dict[str, str], int]] = [
    ({"Accept": "text/html,*/*"}, 303),
    ({"Sec-Fetch-Mode": "navigate"}, 303),
    ({"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, 401),
    ({"Accept": "application/json"}, 401),
    ({"Accept": "text/html", "X-Forwarded-Method": "POST"}, 401),
]


@pytest.mark.parametrize(("headers", "status"), REDIRECTS)
def test_a_page_load_is_led_on_and_everything_else_is_told(
    service: Service, headers: dict[str, str], status: int
) -> None:
    stranger = service.person()
    answer = stranger.get("/forward-auth?redirect=1", headers=asked(WIKI, "/a?b=c", **headers))
    assert answer.status_code == status
    assert answer.headers["Location"] == "/forward-auth/start?to=/a?b%3Dc"
    plain = stranger.get("/forward-auth", headers=asked(WIKI, "/a?b=c", **headers))
    assert plain.status_code == 401


@pytest.mark.parametrize(
    "text", ["Ána «Müller», 100 %", "a\r\nRemote-Groups: admins", "日本", "%0d%0a", "", "plain name"]
)
def test_what_a_header_cannot_hold_is_encoded(text: str) -> None:
    safe = forward_auth_flow.encode_header_text(text)
    assert safe.isascii()
    assert safe.isprintable()
    assert unquote(safe) == text


def test_cookies_are_of_the_apps_host_alone(service: Service) -> None:
    register_app(service, forward_origins=[WIKI])
    member: Any = service.member()
    answer = trip(member)
    (cookie,) = [line for line in answer.headers.getlist("Set-Cookie") if "forward-visit" in line]
    assert cookie.startswith("__Host-forward-visit=")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in cookie
    assert "Domain" not in cookie
