"""Sign-in by mail, unlocking, sessions and where a sign-in leads."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine

from accounts.core.clock import now
from accounts.flows.shared import accounts
from tests.adversary.recipes import request_change_link, request_reset_link, request_sign_in_link, request_unlock_link
from tests.adversary.test_links_by_the_book import use_link
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.people import OTHER_PASSWORD, Person, Service, make_email
from tests.web.endpoints import problem_code

TARGETS = [
    *("//e", "/\\e", "\\\\e", "https:e", "/%09/e", "/\t/e", "/%5ce", "%20//e", " //e", "///e", "javascript:1"),
    *("%0d%0aX:", "/\r\nX: y", "https://e", "//e@f", "/\u2028/e", "/..//e"),
]


def account_id(person: Person) -> str:
    return str(person.get("/api/account").get_json()["id"])


def test_a_sign_in_link_works_once_and_not_after_a_sign_in_by_password(service: Service) -> None:
    """L1."""
    member = service.member()
    url = request_sign_in_link(service, member)
    assert use_link(service.person(), url) == (200, "")
    assert use_link(service.person(), url) == (410, "link_used")
    url = request_sign_in_link(service, member)
    assert member.sign_in().status_code == 200
    assert use_link(service.person(), url) == (410, "link_used")


@on_both_databases
def test_of_ten_uses_of_a_sign_in_link_at_once_one_signs_in(service: Service) -> None:
    """L1, in parallel."""
    member = service.member()
    url = request_sign_in_link(service, member)
    browsers = [service.person() for _ in range(10)]
    answers = run_concurrently(10, lambda number: use_link(browsers[number], url)[0])
    assert answers.count(200) == 1
    assert set(answers) <= {200, 409, 410}
    assert [browser.signed_in for browser in browsers].count(True) == 1


def test_somebody_elses_sign_in_link_changes_nobodys_session(service: Service) -> None:
    """L2: login CSRF by mail."""
    attacker, victim = service.member("attacker"), service.member("victim")
    url, victim_id = request_sign_in_link(service, attacker), account_id(victim)
    assert victim.get(urlsplit(url).path).status_code == 303
    page = victim.get("/l/sign-in").get_data(as_text=True)
    assert victim.email in page, "the page names who is signed in"
    assert account_id(victim) == victim_id
    assert use_link(victim, url) == (409, "wrong_account")
    found = re.search(r'name="link_id"[^>]*value="([^"]+)"', page)
    assert victim.client.post("/l/sign-in", data={"link_id": found.group(1) if found else ""}).status_code == 403
    assert account_id(victim) == victim_id


def test_an_unlock_link_lifts_only_the_lock_that_it_was_sent_for(service: Service) -> None:
    """L4."""
    member = service.member()
    first = request_unlock_link(service, member)
    elsewhere = service.person(email=member.email)
    assert elsewhere.sign_in().status_code == 401, "locked"
    assert use_link(service.person(), first) == (200, "")
    assert elsewhere.sign_in().status_code == 200
    second = request_unlock_link(service, member)
    assert first != second
    assert use_link(service.person(), first) == (410, "link_used")
    assert service.person(email=member.email).sign_in().status_code == 401, "still locked"
    assert use_link(service.person(), second) == (200, "")


def test_links_of_a_disabled_account_do_not_tell_why_they_are_dead(service: Service) -> None:
    """L5."""
    member = service.member()
    urls = [request_sign_in_link(service, member), request_unlock_link(service, member)]
    junk = service.person().post("/api/l/sign-in", {"token": "x.y.z"}).get_json()
    accounts.disable_account(service.uow(), account_id(member))
    for url in urls:
        assert use_link(service.person(), url) == (400, "link_invalid")
        response = service.person().post(f"/api/l/{url.split('/l/')[1].split('/')[0]}", {"token": url.split("/")[-2]})
        assert {k: v for k, v in response.get_json().items() if k != "request_id"} == {
            k: v for k, v in junk.items() if k != "request_id"
        }


@pytest.mark.parametrize("what", ["sign in", "password", "email", "everywhere", "off and on", "by mail"])
def test_a_reset_link_dies_of(service: Service, what: str) -> None:
    """R3, over HTTP, each cause by itself."""
    member = service.member()
    url = request_reset_link(service, member)
    if what == "sign in":
        assert member.sign_in().status_code == 200
    elif what == "password":
        data = {"current_password": member.password, "password": OTHER_PASSWORD}
        assert member.post("/api/account/password", data).status_code == 200
    elif what == "email":
        assert use_link(member, request_change_link(service, member, make_email("moved"))) == (200, "")
    elif what == "everywhere":
        assert member.post("/api/sign-out", {"everywhere": True}).status_code == 204
    elif what == "off and on":
        for change in (accounts.disable_account, accounts.enable_account):
            change(service.uow(), accounts.find_account(service.uow(), member.email).id)
    else:
        assert use_link(service.person(), request_sign_in_link(service, member)) == (200, "")
    answer = service.person().get(f"/api/l/reset-password?token={url.split('/')[-2]}")
    assert (answer.status_code, problem_code(answer)) == (410, "link_used")


def test_a_change_of_password_keeps_this_browser_and_ends_the_others(service: Service) -> None:
    """S2."""
    member = service.member()
    other, remembered = service.person(email=member.email), service.person(email=member.email)
    assert other.sign_in().status_code == remembered.sign_in(remember=True).status_code == 200
    data = {"current_password": member.password, "password": OTHER_PASSWORD}
    assert member.post("/api/account/password", data).status_code == 200
    assert [each.signed_in for each in (member, other, remembered)] == [True, False, False]


@pytest.mark.parametrize("by_mail", [False, True])
def test_nothing_from_before_a_sign_in_is_worth_anything_after_it(service: Service, by_mail: bool) -> None:
    """S3: fixation of the session and of its CSRF token."""
    member, browser = service.member(), service.person()
    csrf = browser.get("/api/csrf").get_json()["csrf_token"]
    before = browser.client.get_cookie("session")
    if by_mail:
        assert use_link(browser, request_sign_in_link(service, member)) == (200, "")
    else:
        browser.email = member.email
        assert browser.sign_in().status_code == 200
    after = browser.client.get_cookie("session")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    headers = {"X-CSRF-Token": csrf}
    assert browser.client.patch("/api/account", json={"name": "Evil"}, headers=headers).status_code == 403
    planted = service.person()
    planted.client.set_cookie("session", before.value)
    assert not planted.signed_in


@pytest.mark.parametrize("target", TARGETS)
def test_no_link_and_no_sign_in_leads_away_from_the_origin(service: Service, target: str) -> None:
    """S4, as a page, as JSON, through a mailed link and on the page that comes after one."""
    member = service.member()
    said = service.person(email=member.email).sign_in(next=target).get_json()
    person = service.person()
    token = person.get("/api/csrf").get_json()["csrf_token"]
    form = {"email": member.email, "password": member.password, "next": target, "csrf_token": token}
    answer = person.client.post("/sign-in", data=form)
    assert answer.status_code in (303, 422)
    places = [answer.headers.get("Location", "/"), str(said.get("next", "/"))]
    asked = service.person().post("/api/sign-in/mail", {"email": member.email, "next": target})
    if asked.status_code == 202:
        url = service.link_url(member.email, "sign-in")
        used = service.person().post("/api/l/sign-in", {"token": url.split("/")[-2]})
        assert used.status_code == 200
        places.append(str(used.get_json().get("next", "/")))
    done = service.person().get("/l/sign-in/done", query_string={"next": target}).get_data(as_text=True)
    places += [place for place in re.findall(r'href="([^"#]+)"', done) if "//" in place or ":" in place]
    for place in places:
        parts = urlsplit(place)
        assert not parts.scheme
        assert not parts.netloc
        assert re.match(r"/(?![/\\])[^\\\s]*$", place), place


def test_a_dead_session_lends_no_freshness(service: Service) -> None:
    """S, E6: what was proven once does not outlive ten minutes by renewing the session."""
    member = service.member()
    with time_machine.travel(now() + timedelta(minutes=9), tick=True):
        assert use_link(member, request_change_link(service, member, make_email("moved"))) == (200, "")
    with time_machine.travel(now() + timedelta(minutes=12), tick=True):
        assert problem_code(member.post("/api/account/close")) == "confirmation_required"
