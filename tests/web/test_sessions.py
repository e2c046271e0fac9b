"""Sessions over HTTP: what begins one anew, what ends which, and what a copy of a cookie is worth."""

from __future__ import annotations

import re
from datetime import timedelta

import time_machine

from accounts.core.clock import now
from tests.conftest import on_both_databases
from tests.people import OTHER_PASSWORD, Person, Service
from tests.web.endpoints import csrf_token, list_endpoints, problem_code, request_endpoint


def cookie_of(person: Person) -> str:
    found = person.client.get_cookie("session")
    assert found is not None
    return str(found.value)


def with_cookie(service: Service, value: str) -> Person:
    copy = service.person()
    copy.client.set_cookie("session", value)
    return copy


def elsewhere(service: Service, person: Person) -> Person:
    """The same person in another browser."""
    other = service.person(email=person.email, password=person.password)
    assert other.sign_in().status_code == 200
    return other


def test_signing_in_makes_a_new_session_and_a_new_csrf_token(service: Service) -> None:
    member = service.member()
    visitor = service.person(email=member.email)
    before, token = csrf_token(visitor), cookie_of(visitor)
    assert visitor.sign_in().status_code == 200
    assert cookie_of(visitor) != token
    assert not with_cookie(service, token).signed_in
    refused = visitor.post("/api/sign-out", headers={"X-CSRF-Token": before})
    assert problem_code(refused) == "csrf_failed"
    assert visitor.signed_in


def test_a_session_that_was_planted_before_the_sign_in_is_worth_nothing_after_it(service: Service) -> None:
    planted = cookie_of(service.member("attacker"))
    victim = service.member("victim")
    browser = with_cookie(service, planted)
    browser.email = victim.email
    assert browser.sign_in().status_code == 200
    assert browser.get("/api/account").get_json()["email"] == victim.email
    assert with_cookie(service, planted).get("/api/account").get_json()["email"] != victim.email


@on_both_databases
def test_a_copy_of_the_cookie_is_dead_after_signing_out(service: Service) -> None:
    member = service.member()
    other = elsewhere(service, member)
    copy = with_cookie(service, cookie_of(member))
    copy.get("/api/account")
    answer = member.post("/api/sign-out")
    assert answer.status_code == 204
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert not copy.signed_in
    assert not member.signed_in
    assert other.signed_in, "elsewhere it goes on"


def test_signing_out_as_a_page_ends_the_session_too(service: Service) -> None:
    member = service.member()
    copy = with_cookie(service, cookie_of(member))
    answer = member.client.post("/sign-out", data={"csrf_token": csrf_token(member)})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert not copy.signed_in


@on_both_databases
def test_signing_out_everywhere_ends_all_sessions(service: Service) -> None:
    member = service.member()
    browsers = [member, elsewhere(service, member), elsewhere(service, member)]
    assert browsers[1].post("/api/sign-out", {"everywhere": True}).status_code == 204
    assert [browser.signed_in for browser in browsers] == [False, False, False]


@on_both_databases
def test_changing_the_password_keeps_this_browser_and_ends_the_others(service: Service) -> None:
    member = service.member()
    before, other = cookie_of(member), elsewhere(service, member)
    data = {"current_password": member.password, "password": OTHER_PASSWORD}
    assert member.post("/api/account/password", data).status_code == 200
    assert member.signed_in
    assert cookie_of(member) != before
    assert not with_cookie(service, before).signed_in, "not even the old cookie of this browser"
    assert not other.signed_in


def test_a_person_sees_their_sessions_and_ends_one(service: Service) -> None:
    member = service.member()
    other, stranger = elsewhere(service, member), service.member()
    listed = member.get("/api/account/sessions").get_json()["sessions"]
    assert [each["current"] for each in listed] == [False, True]
    ended = stranger.delete(f"/api/account/sessions/{listed[0]['id']}")
    missing = stranger.delete("/api/account/sessions/nobody")
    assert (ended.status_code, ended.data) == (missing.status_code, missing.data) == (404, ended.data)
    assert member.delete(f"/api/account/sessions/{listed[0]['id']}").status_code == 204
    assert not other.signed_in
    assert [each["current"] for each in member.get("/api/account/sessions").get_json()["sessions"]] == [True]


def test_a_session_ends_when_nobody_uses_it_and_at_the_latest_after_a_day(service: Service) -> None:
    start = now()
    with time_machine.travel(start, tick=False):
        member = service.member()
        idle = with_cookie(service, cookie_of(member))
    for hours in range(7, 24, 7):
        with time_machine.travel(start + timedelta(hours=hours), tick=False):
            assert member.signed_in
    with time_machine.travel(start + timedelta(hours=8, seconds=1), tick=False):
        assert not idle.signed_in
    with time_machine.travel(start + timedelta(hours=24), tick=False):
        assert not member.signed_in


CSRF_TOKEN = re.compile(r'csrf_token"(?::| value=)"')
"""A token in JSON or in a form; the description of the API holds but the name of the field."""
PUBLISHED = ("discovery", "jwks")
"""What is the same for everybody, and may be kept."""


def test_answers_that_looked_at_the_session_are_kept_from_shared_caches(service: Service) -> None:
    for person in (service.person(), service.admin()):
        person.get("/api/csrf")
        for endpoint in list_endpoints(service):
            answer = request_endpoint(endpoint, person)
            if answer.headers.get("Set-Cookie") or CSRF_TOKEN.search(answer.text) or person.email in answer.text:
                assert answer.headers["Cache-Control"] == "no-store", endpoint
                assert "Cookie" in answer.vary, endpoint
            if answer.headers["Cache-Control"] != "no-store":
                assert endpoint.rule.startswith("/assets") or (endpoint.route and endpoint.route.name in PUBLISHED), (
                    endpoint
                )
            if endpoint.route and endpoint.route.needs_csrf_token:
                assert "Cookie" in answer.vary, endpoint
