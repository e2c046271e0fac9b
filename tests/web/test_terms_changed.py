"""Terms that have changed: whoever has a session is asked before anything else, but for leaving."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from accounts.core.models.account import Account
from accounts.flows.shared import accounts, terms
from tests.apps import register_app
from tests.conftest import on_both_databases
from tests.kit.browser import Browser
from tests.kit.concurrency import run_concurrently
from tests.people import Person, Service, make_email
from tests.web.answer_checks import AnswerChecker
from tests.web.endpoints import list_endpoints, problem_code
from tests.web.test_terms import FIRST, READABLE, SECOND, URL, kept

MakeService = Callable[..., Service]


@pytest.fixture
def service(make_service: MakeService) -> Service:
    return make_service(terms=URL, terms_version=FIRST)


@pytest.fixture
def changed(service: Service, make_service: MakeService) -> Service:
    """The same installation, after the terms have changed."""
    return make_service(terms=URL, terms_version=SECOND)


def again(person: Person, service: Service) -> Person:
    """The same person at the service as it is after a change, not signed in yet."""
    return Person(service.app.test_client(), person.email)


@on_both_databases
def test_after_a_change_a_session_is_worth_little_until_they_are_accepted(service: Service, changed: Service) -> None:
    member = again(service.member(), changed)
    assert member.sign_in().get_json()["terms_accepted"] is False
    refused = member.get("/api/account/sessions")
    assert (refused.status_code, problem_code(refused)) == (403, "terms_required")
    assert refused.get_json()["terms"] == {"url": READABLE, "version": SECOND}
    assert member.get("/api/account").get_json()["terms_accepted"] is False
    assert member.get("/api/account/terms").get_json() == {"url": READABLE, "version": SECOND, "accepted": False}
    assert problem_code(member.post("/api/account/terms", {"terms": FIRST})) == "invalid_input"
    assert kept(changed, member.email)[0] == FIRST
    checker = AnswerChecker(changed)
    checker.check("GET", member.get("/api/account/terms"))
    checker.check("GET", refused)
    for _ in range(2):
        accepted = member.post("/api/account/terms", {"terms": SECOND})
        checker.check("POST", accepted)
        assert accepted.get_json()["terms_accepted"] is True
    assert kept(changed, member.email) == (SECOND, [{"version": FIRST}, {"version": SECOND}])
    assert member.get("/api/account/sessions").status_code == 200


def test_admins_are_asked_like_everybody(service: Service, changed: Service) -> None:
    admin = again(service.admin(), changed)
    admin.sign_in()
    assert problem_code(admin.get("/api/admin/accounts")) == "terms_required"
    assert admin.post("/api/account/terms", {"terms": SECOND}).status_code == 200
    details = admin.get(f"/api/admin/accounts/{admin.get('/api/account').get_json()['id']}").get_json()
    assert details["terms_version"] == SECOND
    assert details["terms_accepted_at"]


WITHOUT_TERMS = {
    "account", "accept_terms", "show_terms", "close_account", "confirm", "export_data",
}  # fmt: skip
"""What a session is good for all the same: the terms, one's own data, closing the account, and what these need."""


def test_whatever_needs_a_session_needs_the_terms_but_for_a_few(service: Service) -> None:
    routes = {each.route.name: each.route for each in list_endpoints(service) if each.route is not None}
    signed_in = {name for name, route in routes.items() if route.access.signed_in}
    assert {name for name in signed_in if not routes[name].access.terms} == WITHOUT_TERMS


def test_whoever_does_not_accept_can_leave_with_their_data(service: Service, changed: Service) -> None:
    member = again(service.member(), changed)
    member.sign_in()
    data = member.get("/api/account/export").get_json()
    assert data["account"]["terms_version"] == FIRST
    assert member.post("/api/account/close").status_code == 202
    token = changed.link_token(member.email, "close-account")
    assert member.post("/api/l/close-account", {"token": token}).status_code == 200
    other = again(service.member(), changed)
    other.sign_in()
    assert other.post("/api/sign-out").status_code == 204
    assert not other.signed_in


def test_signing_in_leads_by_the_question_to_where_somebody_wanted(service: Service, changed: Service) -> None:
    member = service.member()
    browser = Browser(changed.app.test_client())
    browser.visit("/account/password")
    browser.sign_in_as(member.email)
    assert urlsplit(browser.url).path == "/account/terms"
    assert "We've updated our terms" in browser.page.text
    assert {"/account/export", "/account/close"} <= set(browser.page.links)
    form = browser.form("terms")
    assert "terms" not in form.values
    browser.open(browser.url, form.values)
    assert browser.status == 422
    browser.submit(browser.form("terms"), terms=SECOND)
    assert browser.url == "/account/password"
    assert "You have accepted the current version" in browser.visit("/account/terms").text


def test_a_mailed_link_that_signs_in_leads_by_the_question(service: Service, changed: Service) -> None:
    member = service.member()
    assert (
        changed.person().post("/api/sign-in/mail", {"email": member.email, "next": "/account/email"}).status_code
        == 202
    )
    browser = Browser(changed.app.test_client())
    browser.visit(changed.link_url(member.email, "sign-in"))
    browser.submit(browser.form("link_id"))
    assert (urlsplit(browser.url).path, browser.status) == ("/account/terms", 200)
    browser.submit(browser.form("terms"), terms=SECOND)
    assert urlsplit(browser.url).path != "/account/terms"


def test_a_form_from_before_the_change_leads_to_the_question(service: Service, changed: Service) -> None:
    member = again(service.member(), changed)
    member.sign_in()
    answer = member.client.post(
        "/account",
        data={"csrf_token": member.csrf_token(), "name": "New"},
        headers={"Sec-Fetch-Site": "same-origin", "Referer": "http://localhost/account"},
    )
    assert answer.status_code == 303
    assert answer.location == "/account/terms?next=/account"


def test_a_link_that_needs_a_session_needs_the_terms(service: Service, changed: Service) -> None:
    old = service.member()
    new_email = make_email("new")
    assert old.post("/api/account/email", {"email": new_email}).status_code == 202
    token = service.link_token(new_email, "change-email")
    member = again(old, changed)
    member.sign_in()
    assert problem_code(member.post("/api/l/change-email", {"token": token})) == "terms_required"
    assert problem_code(member.get(f"/api/l/change-email?token={token}")) == "terms_required"
    member.post("/api/account/terms", {"terms": SECOND})
    assert member.post("/api/l/change-email", {"token": token}).status_code == 200


def test_an_app_gets_nobody_before_the_question(service: Service, changed: Service) -> None:
    service.admin()
    app = register_app(service, trusted=True).app
    query = {
        "client_id": app.id,
        "redirect_uri": app.redirect_uris[0],
        "response_type": "code",
        "scope": "openid",
        "state": "s",
    }
    member = again(service.member(), changed)
    member.sign_in()
    path = f"/oauth/authorize?{urlencode(query)}"
    led = member.get(path)
    assert led.status_code == 303
    target = urlsplit(led.location)
    assert target.path == "/account/terms"
    back = parse_qs(target.query)["next"][0]
    silent = member.get(f"{path}&prompt=none")
    assert parse_qs(urlsplit(silent.location).query)["error"] == ["interaction_required"]
    member.post("/api/account/terms", {"terms": SECOND})
    landed = urlsplit(member.get(back).location)
    assert parse_qs(landed.query)["code"]


def test_a_proxy_lets_nobody_through_before_the_question(service: Service, changed: Service) -> None:
    service.admin()
    register_app(service, forward_origins=["https://wiki.example.org"])
    member = again(service.member(), changed)
    member.sign_in()
    asked = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "wiki.example.org", "X-Forwarded-Uri": "/page"}
    started = member.get("/forward-auth/start?to=/page", headers=asked).location
    passing = f"/forward-auth/pass?{urlsplit(started).query}"
    led = member.get(passing)
    assert led.location.startswith("/account/terms?next=/forward-auth/pass")
    member.post("/api/account/terms", {"terms": SECOND})
    entered = urlsplit(member.get(passing).location)
    assert member.get(f"{entered.path}?{entered.query}", headers=asked).status_code == 303
    assert member.get("/forward-auth", headers=asked).status_code == 200


def test_a_proxy_is_told_of_a_change_at_the_next_page(service: Service, changed: Service) -> None:
    service.admin()
    register_app(service, forward_origins=["https://wiki.example.org"])
    member = service.member()
    asked = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "wiki.example.org", "X-Forwarded-Uri": "/page"}
    started = member.get("/forward-auth/start?to=/page", headers=asked).location
    entered = urlsplit(member.get(f"/forward-auth/pass?{urlsplit(started).query}").location)
    member.get(f"{entered.path}?{entered.query}", headers=asked)
    assert member.get("/forward-auth", headers=asked).status_code == 200
    cookie = member.client.get_cookie("__Host-forward-visit")
    assert cookie is not None
    with service.uow() as uow:
        uow.session.get_one(Account, accounts.find_account(uow, member.email).id).terms_version = "2020"
    refused = member.get("/forward-auth?redirect=1", headers=asked | {"Sec-Fetch-Mode": "navigate"})
    assert (refused.status_code, refused.location) == (303, "/forward-auth/start?to=/page")
    assert member.get("/forward-auth", headers=asked).status_code == 403


@on_both_databases
def test_of_two_at_once_one_is_kept(service: Service, changed: Service) -> None:
    member = service.member()
    account_id = accounts.find_account(service.uow(), member.email).id

    def accept(number: int) -> None:
        uow = changed.uow()
        try:
            terms.accept_terms(uow, account_id, terms.AcceptTermsForm(terms=SECOND))
        finally:
            uow.close()

    run_concurrently(4, accept)
    assert kept(changed, member.email) == (SECOND, [{"version": FIRST}, {"version": SECOND}])


def test_the_question_costs_no_statement(service: Service, changed: Service) -> None:
    member = again(service.member(), changed)
    member.sign_in()
    with changed.record_statements() as statements:
        assert member.get("/api/account/sessions").status_code == 403
    assert (len(statements), statements.commits) == (1, 0)
    with changed.record_statements() as statements:
        assert member.get("/account/terms").status_code == 200
    assert (len(statements), statements.commits) == (1, 0)
