"""No page is a dead end: whatever went wrong, and whoever asks, something on it leads on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from accounts.core import clock, errors, link_errors
from accounts.core.errors import FieldError, Problem
from accounts.flows.sessions import session as sessions
from tests.people import PASSWORD, Service
from tests.web.live_links import make_link_url, open_in
from tests.web.parsed_page import ParsedPage, check_skeleton, submit_form

MakeService = Callable[..., Service]


def all_problems(kind: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Every error that this service can tell."""
    yield kind
    for each in kind.__subclasses__():
        if each.__module__ in (errors.__name__, link_errors.__name__):
            yield from all_problems(each)


PROBLEMS = sorted(all_problems(), key=lambda each: each.__name__)


@pytest.fixture
def broken(make_service: MakeService) -> Service:
    """A service with an address for each error, which it answers by GET and by POST."""
    service = make_service(options={}, terms="https://example.org/terms", terms_version="2026-11-29")

    def fail(name: str) -> Response:
        raise next(each for each in PROBLEMS if each.__name__ == name)("in a test")

    service.app.add_url_rule("/fails/<name>", "fails", fail, methods=["GET", "POST"])
    return service


def ways_on(page: ParsedPage) -> list[str]:
    """Where links and forms of a page lead to that is no header and no footer."""
    main = next(index for index, (tag, _) in enumerate(page.elements) if tag == "main")
    footer = next(index for index, (tag, _) in enumerate(page.elements) if tag == "footer")
    return [
        attrs.get("href", "") or attrs.get("action", "")
        for tag, attrs in page.elements[main:footer]
        if tag in ("a", "form")
    ]


@pytest.mark.parametrize("who", ["visitor", "member"])
def test_the_page_of_every_error_leads_on(broken: Service, who: str) -> None:
    client = (broken.member() if who == "member" else broken.person()).client
    found = {}
    for kind in PROBLEMS:
        for ask in (client.get, client.post):
            answer = ask(f"/fails/{kind.__name__}")
            found[kind.__name__, ask.__name__] = list_answers(client, kind, answer)
    assert len(found) > 80
    assert {
        name: answers for name, answers in found.items() if not answers or set(answers.values()) - {200, 303}
    } == {}


def list_answers(client: FlaskClient, kind: type[Problem], answer: TestResponse) -> dict[str, int]:
    """What is answered where a page leads, by address."""
    if answer.status_code == 303:
        return {answer.location: client.get(answer.location).status_code}
    # To try the same page again is a way on once the trouble is over, and not before.
    ways = [way for way in ways_on(check_skeleton(answer)) if way not in (f"/fails/{kind.__name__}", "/sign-out")]
    return {way: client.get(way).status_code for way in ways}


def test_an_admin_finds_the_list_again(service: Service) -> None:
    admin = service.admin()
    for path, above in (
        ("/admin/accounts/nobody", "/admin/accounts"),
        ("/de/admin/apps/none", "/de/admin/apps"),
    ):
        answer = admin.client.get(path)
        assert answer.status_code == 404
        assert ParsedPage(answer).find_all("a", href=above, **{"class": "button primary"}), path


def test_a_member_at_an_admins_page_reads_who_is_signed_in_and_may_sign_in_otherwise(service: Service) -> None:
    member = service.member()
    page = check_skeleton(member.client.get("/admin/accounts"))
    assert page.text("h1") == "You need admin rights"
    assert member.email in page.text("main")
    assert page.find_all("form", action="/sign-out")
    assert page.find_all("a", href="/account", **{"class": "button primary"})


def test_a_form_that_cannot_be_taken_says_which_and_leads_back(service: Service) -> None:
    member = service.member()
    shown = member.client.get("/account")
    answer = submit_form(member.client, "/account/sessions/none/end", shown)
    assert answer.status_code == 404
    assert ParsedPage(answer).find_all("a", href="/account/sessions")


def test_a_page_that_is_away_for_a_moment_is_asked_for_again(broken: Service) -> None:
    page = check_skeleton(broken.person().client.get("/fails/Unavailable?a=b"))
    assert page.find_all("a", href="/fails/Unavailable?a=b", **{"class": "button primary"})


def test_nobody_without_an_account_is_told_more_than_that_a_page_is_missing(service: Service) -> None:
    with service.record_statements() as statements:
        pages = [service.app.test_client().get(path).data for path in ("/nothing", "/admin2/x", "/account/none")]
    assert len(set(pages)) == 1
    assert list(statements) == []


def test_a_field_error_without_a_form_is_told_in_full(broken: Service) -> None:
    def refuse() -> Response:
        raise errors.InvalidInput("x", fields=[FieldError("email", "bad", errors.NotFound.message, {})])

    broken.app.add_url_rule("/refuses", "refuses", refuse, methods=["POST"])
    page = check_skeleton(broken.person().client.post("/refuses"))
    assert errors.NotFound.message in page.text("main")


def end_session_late(service: Service, client: FlaskClient, session_id: str) -> ParsedPage:
    """What the page says that refuses an act for want of a fresh proof."""
    path = f"/account/sessions/{session_id}/end"
    return check_skeleton(submit_form(client, path, client.get(path)))


def test_after_confirming_somebody_is_back_at_the_page_of_the_act_and_told_to_repeat_it(service: Service) -> None:
    member = service.member()
    other = service.person(email=member.email)
    other.sign_in()
    listed = member.get("/api/account/sessions").get_json()["sessions"]
    session_id = next(each["id"] for each in listed if not each["current"])
    with time_machine.travel(clock.now() + sessions.STEP_UP_MAX_AGE + timedelta(minutes=1)):
        page = end_session_late(service, member.client, session_id)
        (way,) = [each["href"] for each in page.find_all("a") if "/confirm" in each["href"]]
        asks = f"/account/sessions/{session_id}/end"
        assert way == f"/confirm?next={asks}&submitted=1"
        shown = member.client.get(way)
        target = ParsedPage(shown).input("next")["value"]
        done = submit_form(member.client, way, shown, password=PASSWORD, next=target)
        assert done.location == asks
        assert "Please submit again" in check_skeleton(member.client.get(done.location)).text("main")


def test_a_page_that_asks_for_a_proof_first_says_nothing_of_submitting(service: Service) -> None:
    member = service.member()
    with time_machine.travel(clock.now() + sessions.STEP_UP_MAX_AGE + timedelta(minutes=1)):
        way = member.client.get("/account/email").location
        assert way == "/confirm?next=/account/email"
        done = submit_form(member.client, way, member.client.get(way), password=PASSWORD, next="/account/email")
        assert "submit again" not in member.client.get(done.location).text


def test_signing_out_is_said(service: Service) -> None:
    member = service.member()
    done = submit_form(member.client, "/sign-out", member.client.get("/account"))
    assert "You're signed out." in check_skeleton(member.client.get(done.location)).text("main")
    member.sign_in()
    done = submit_form(member.client, "/sign-out", member.client.get("/account"), everywhere="on")
    assert "on all devices" in check_skeleton(member.client.get(done.location)).text("main")


def test_a_mailed_sign_in_link_goes_straight_on_and_says_so(service: Service) -> None:
    member = service.member()
    browser = service.app.test_client()
    submit_form(browser, "/sign-in/mail", browser.get("/sign-in/mail"), email=member.email)
    open_in(browser, service.link_url(member.email, "sign-in"))
    done = submit_form(browser, "/l/sign-in", browser.get("/l/sign-in"))
    assert done.location == "/account"
    assert "You're signed in." in check_skeleton(browser.get("/account")).text("main")


def test_an_invitation_that_was_used_knows_who_is_signed_in(service: Service) -> None:
    admin = service.admin()
    url = make_link_url(service, "invite", admin)
    browser = service.app.test_client()
    open_in(browser, url)
    submit_form(browser, "/l/invite", browser.get("/l/invite"), password=PASSWORD, name="")
    open_in(browser, url)
    page = check_skeleton(browser.get("/l/invite"))
    assert "You are already signed in" in page.text("main")
    assert "/account" in ways_on(page)
