"""The sign-in form of a second tab, sent after the first one has signed in."""

from __future__ import annotations

import re

import pytest
from werkzeug.test import TestResponse

from tests.people import PASSWORD, Person, Service


def open_form(person: Person) -> str:
    page = person.client.get("/sign-in").get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def send_form(person: Person, token: str, email: str, next: str = "", **headers: str) -> TestResponse:
    data = {"email": email, "password": PASSWORD, "next": next, "csrf_token": token}
    return person.client.post("/sign-in", data=data, headers=headers, environ_base={"REMOTE_ADDR": person.network})


@pytest.fixture
def tabs(service: Service) -> tuple[Person, str]:
    """Somebody who has signed in by one tab, and the token of the form that another tab shows."""
    member = service.member()
    browser = service.person(email=member.email)
    first, second = open_form(browser), open_form(browser)
    assert send_form(browser, first, member.email).status_code == 303
    return browser, second


def test_the_second_tab_goes_where_its_user_wanted_to_go(tabs: tuple[Person, str]) -> None:
    browser, token = tabs
    before = browser.get("/api/account").get_json()
    answer = send_form(browser, token, f" {browser.email.upper()} ", "/account/sessions")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account/sessions")
    assert send_form(browser, token, browser.email).headers["Location"] == "/account"
    assert browser.get("/api/account").get_json() == before, "the same session as before"


@pytest.mark.parametrize("target", ["//evil.test", "https://evil.test/", "/\\\\evil.test", "javascript:alert(1)"])
def test_the_second_tab_leads_nowhere_else(tabs: tuple[Person, str], target: str) -> None:
    browser, token = tabs
    assert send_form(browser, token, browser.email, target).headers["Location"] == "/account"


def test_other_sites_are_refused_as_ever(tabs: tuple[Person, str]) -> None:
    browser, token = tabs
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.test"},
    ):
        assert send_form(browser, token, browser.email, "/account/sessions", **headers).status_code == 403
    for forged in ("", "x", token[:-4]):
        assert send_form(browser, forged, browser.email, "/account/sessions").status_code == 403


def test_the_form_of_somebody_else_is_shown_again(service: Service, tabs: tuple[Person, str]) -> None:
    """Whoever types another address wants to be somebody else; going on as who is signed in would mislead them."""
    browser, token = tabs
    other = service.member()
    assert send_form(browser, token, other.email, "/account/sessions").status_code == 403
    assert browser.get("/api/account").get_json()["email"] == browser.email


def test_a_form_outlives_no_session_that_has_ended(tabs: tuple[Person, str]) -> None:
    browser, token = tabs
    browser.post("/api/sign-out", {})
    assert send_form(browser, token, browser.email, "/account/sessions").status_code == 403
