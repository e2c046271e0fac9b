"""What somebody reads whom an app does not let in: at the page of the app's request, and behind a proxy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from accounts.flows.oidc import registration, registration_form
from accounts.flows.shared import accounts
from tests.apps import register_app
from tests.kit.browser import Browser
from tests.people import Person, Service
from tests.web.test_forward_auth import WIKI, ask, begun, entered, trip

OWN = "https://accounts.example.org"


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return make_service(public_origin=OWN, support="service-desk@example.org")


def browser_of(person: Person) -> Browser:
    """The same browser, which reads pages."""
    return Browser(person.client)


def authorize_path(app_id: str, redirect_uri: str) -> str:
    query = {
        "client_id": app_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "openid",
        "state": "s",
    }
    return f"/oauth/authorize?{urlencode(query)}"


REASONS: dict[str, tuple[dict[str, Any], str]] = {
    "invited": ({"invited_only": True}, "been invited"),
    "groups": ({"allowed_groups": ["staff"]}, "members"),
    "domain": ({"allowed_email_domain": "example.com"}, "at example.com"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_page_names_app_account_reason_and_contact(service: Service, reason: str) -> None:
    fields, words = REASONS[reason]
    app = register_app(
        service, "Wiki & <b>", contact="wiki+help@example.org", redirect_uris=[f"{WIKI}/cb"], **fields
    ).app
    member = service.member()
    browser = browser_of(member)
    page = browser.visit(authorize_path(app.id, app.redirect_uris[0]))
    assert browser.status == 403
    for text in ("You don't have access to Wiki & <b>", member.email, words, "wiki+help@example.org"):
        assert text in page.text
    assert "<b>" not in browser.response.text
    assert 'href="mailto:wiki%2Bhelp@example.org"' in browser.response.text
    assert "service-desk" not in page.text


def test_the_contact_of_the_service_stands_in_for_that_of_an_app(service: Service) -> None:
    app = register_app(service, allowed_groups=["staff"]).app
    browser = browser_of(service.member())
    assert "service-desk@example.org" in browser.visit(authorize_path(app.id, app.redirect_uris[0])).text


def test_another_account_goes_on_with_the_same_request(service: Service) -> None:
    app = register_app(service, allowed_groups=["staff"], trusted=True).app
    member, colleague = service.member(), service.member()
    accounts.set_groups(service.uow(), accounts.find_account(service.uow(), colleague.email).id, ["staff"])
    browser = browser_of(member)
    browser.visit(authorize_path(app.id, app.redirect_uris[0]))
    page = browser.submit(browser.form(action="/sign-out"))
    assert browser.url.startswith("/sign-in?next=/oauth/authorize"), browser.url
    assert not member.signed_in
    form = browser.form("password")
    values = form.values | {"email": colleague.email, "password": colleague.password}
    signed_in = member.client.post(form.action or browser.url, data=values)
    back = member.client.get(str(signed_in.location))
    assert str(back.location).startswith(app.redirect_uris[0])
    query = parse_qs(urlsplit(str(back.location)).query)
    assert (query["state"], "code" in query) == (["s"], True), page.text


def test_the_way_back_tells_the_app_that_access_was_denied(service: Service) -> None:
    app = register_app(service, allowed_groups=["staff"]).app
    member = service.member()
    browser = browser_of(member)
    browser.visit(authorize_path(app.id, app.redirect_uris[0]))
    form = browser.form("request")
    answer = member.client.post(form.action, data=form.values | {"decision": "no"})
    query = parse_qs(urlsplit(str(answer.location)).query)
    assert (query["error"], query["state"]) == (["access_denied"], ["s"])


def test_behind_a_proxy_the_page_says_the_same_and_goes_on_with_another_account(service: Service) -> None:
    register_app(service, forward_origins=[WIKI], allowed_groups=["staff"], contact="https://example.org/wiki-help")
    member, colleague = service.member(), service.member()
    accounts.set_groups(service.uow(), accounts.find_account(service.uow(), colleague.email).id, ["staff"])
    browser = browser_of(member)
    page = browser.visit(begun(member))
    assert browser.status == 403
    for text in (
        "You don't have access to Wiki",
        member.email,
        "for members of certain groups",
        "https://example.org/wiki-help",
    ):
        assert text in page.text
    assert [form.action for form in page.forms] == ["/sign-out"], "no app waits for an answer"
    browser.submit(browser.form(action="/sign-out"))
    assert browser.url.startswith("/sign-in?next=/forward-auth/pass"), browser.url
    form = browser.form("password")
    values = form.values | {"email": colleague.email, "password": colleague.password}
    signed_in = member.client.post(form.action or browser.url, data=values)
    passed = member.client.get(str(signed_in.location))
    assert entered(member, str(passed.location)).location == f"{WIKI}/page"


def test_who_loses_an_app_behind_a_proxy_is_led_to_that_page_and_never_in_a_circle(service: Service) -> None:
    service.admin()
    app = register_app(service, forward_origins=[WIKI], allowed_groups=["staff"], contact="wiki@example.org").app
    member = service.member()
    account_id = accounts.find_account(service.uow(), member.email).id
    accounts.set_groups(service.uow(), account_id, ["staff", "other"])
    member.sign_in()
    trip(member)
    assert ask(member).status_code == 200
    accounts.set_groups(service.uow(), account_id, ["other"])
    member.sign_in()
    assert ask(member).status_code == 401, "the session at the app's host has ended"
    again = member.get(begun(member))
    assert again.status_code == 403

    accounts.set_groups(service.uow(), account_id, ["staff", "other"])
    trip(member)
    registration.change_app(service.uow(), app.id, registration_form.ChangeAppForm(allowed_groups=["board"]))
    told = ask(member)
    assert (told.status_code, told.headers["Location"]) == (403, "/forward-auth/start?to=/page")
    assert told.text.splitlines() == [
        "The account you're signed in with doesn't have access to Wiki.",
        "Contact: wiki@example.org",
        f"To see why, or to use another account, open {WIKI}/forward-auth/start?to=/page",
    ]
    led = ask(member, query="?redirect=1", **{"Sec-Fetch-Mode": "navigate"})
    assert (led.status_code, led.headers["Location"]) == (303, "/forward-auth/start?to=/page")
    assert ask(member, query="?redirect=1", **{"Sec-Fetch-Mode": "cors"}).status_code == 403
    assert member.get(begun(member)).status_code == 403

    register_app(service, "Notes", forward_origins=[WIKI])
    told = ask(member, query=f"?app={app.id}&redirect=1", **{"Sec-Fetch-Mode": "navigate"})
    assert told.status_code == 403, "the page would let them in at the other app, and lead back here"
    assert "Location" not in told.headers
    assert "have access to" in told.text


def test_an_address_that_is_not_proven_opens_no_app_of_its_domain(service: Service) -> None:
    admin = service.admin()
    app = register_app(service, allowed_email_domain="example.org", trusted=True).app
    browser = browser_of(admin)
    page = browser.visit(authorize_path(app.id, app.redirect_uris[0]))
    assert browser.status == 403
    assert "a confirmed email address" in page.text
    assert "/account" in page.links
