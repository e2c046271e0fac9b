"""The page after asking for an email: which address, how long its link works, how to have it sent again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient

from accounts.core import clock
from accounts.core.models.outbox import OutboxRow
from accounts.flows.shared.asked_mail import ASKED_MAIL_TTL
from accounts.web.check_email import describe_duration
from tests.kit.shared_invites import make_shared_link
from tests.people import Service, make_email
from tests.web.live_links import open_in
from tests.web.parsed_page import ParsedPage, check_skeleton, submit_form

MakeService = Callable[..., Service]
PAGE = "/check-email"
FORMS = {
    "/sign-up": ("finish creating your account", "2 days"),
    "/forgot-password": ("choose a new password", "30 minutes"),
    "/sign-in/mail": ("to sign in", "15 minutes"),
}


def ask(service: Service, path: str, email: str, client: FlaskClient | None = None, **fields: str) -> FlaskClient:
    client = client or service.app.test_client()
    assert submit_form(client, path, client.get(path), email=email, **fields).location == PAGE
    return client


def count_letters(service: Service) -> int:
    with service.uow() as uow:
        return uow.session.query(OutboxRow).count()


@pytest.mark.parametrize("path", FORMS)
def test_the_page_says_which_address_what_to_do_and_how_long_the_link_works(service: Service, path: str) -> None:
    email = make_email()
    page = check_skeleton(ask(service, path, email).get(PAGE))
    what, duration = FORMS[path]
    assert email in page.text("main")
    assert what in page.text("main")
    assert f"expires after {duration}" in page.text("main")


def test_a_lifetime_that_an_installation_has_set_is_the_one_that_is_told(make_service: MakeService) -> None:
    service = make_service(lifetime_reset_password=45 * 60)
    page = ParsedPage(ask(service, "/forgot-password", make_email()).get(PAGE))
    assert "expires after 45 minutes" in page.text("main")


@pytest.mark.parametrize("path", FORMS)
def test_known_and_unknown_addresses_get_the_same_page_and_nobody_is_looked_up(service: Service, path: str) -> None:
    known, unknown, pages, costs = service.member().email, make_email(), [], []
    for email in (known, unknown):
        client = ask(service, path, email)
        with service.record_statements() as statements:
            text = ParsedPage(client.get(PAGE)).text("main")
        costs.append(list(statements))
        pages.append(text.replace(email, "ADDRESS"))
    assert pages[0] == pages[1]
    assert costs == [[], []]


def test_only_the_browser_that_typed_the_address_sees_it_and_not_for_ever(service: Service) -> None:
    email = make_email()
    client = ask(service, "/sign-up", email)
    assert email not in service.app.test_client().get(PAGE).text
    assert email in client.get(PAGE).text
    with time_machine.travel(clock.now() + ASKED_MAIL_TTL + timedelta(minutes=1)):
        assert email not in client.get(PAGE).text


def test_a_button_sends_it_again_under_the_same_limits(service: Service) -> None:
    client = ask(service, "/forgot-password", make_email(), next="")
    answers = []
    for _ in range(4):
        before = count_letters(service)
        answers.append(submit_form(client, PAGE, client.get(PAGE)))
        assert count_letters(service) == before + (answers[-1].status_code == 303)
    assert answers[0].status_code == 303
    assert answers[-1].status_code == 429
    page = check_skeleton(answers[-1])
    assert "Try again in" in page.text("main"), "the page stays, with its button"
    assert page.find_all("form", action=PAGE)


def test_sending_again_says_so(service: Service) -> None:
    client = ask(service, "/sign-in/mail", make_email())
    assert submit_form(client, PAGE, client.get(PAGE)).location == PAGE
    assert "we've sent a new link" in check_skeleton(client.get(PAGE)).text("main")


def test_who_has_asked_for_nothing_has_nothing_to_send_again(service: Service) -> None:
    client = service.app.test_client()
    assert not ParsedPage(client.get(PAGE)).find_all("form")
    assert submit_form(client, PAGE, client.get("/sign-in")).status_code == 404


@pytest.mark.parametrize("path", FORMS)
def test_a_wrong_address_is_corrected_in_the_form_that_has_it(service: Service, path: str) -> None:
    email = make_email()
    client = ask(service, path, email, next="/account/export")
    (way,) = [each["href"] for each in ParsedPage(client.get(PAGE)).find_all("a") if "corrects" in each["href"]]
    assert email not in way, "addresses stand in no address line"
    page = ParsedPage(client.get(way))
    assert page.input("email")["value"] == email
    assert page.input("next")["value"] == "/account/export"


def test_a_member_is_told_about_the_new_address_and_led_back_to_the_account(service: Service) -> None:
    member, email = service.member(), make_email()
    client = ask(service, "/account/email", email, member.client)
    page = check_skeleton(client.get(PAGE))
    assert email in page.text("main")
    assert page.find_all("a", href="/account")
    assert submit_form(client, PAGE, client.get(PAGE)).location == PAGE
    ask(service, "/account/close", member.email, client)
    assert "to close your account" in ParsedPage(client.get(PAGE)).text("main")
    assert submit_form(client, PAGE, client.get(PAGE)).location == PAGE


def test_nobody_else_at_this_browser_asks_again_for_an_account_that_is_not_theirs(service: Service) -> None:
    member, other = service.member(), service.member()
    client = ask(service, "/account/email", make_email(), member.client)
    submit_form(client, "/sign-out", client.get(PAGE))
    shown = client.get("/sign-in")
    submit_form(client, "/sign-in", shown, email=other.email, password=other.password)
    assert submit_form(client, PAGE, client.get(PAGE)).status_code == 404


def test_a_fresh_link_for_a_dead_one_can_be_asked_for_again(service: Service) -> None:
    member = service.member()
    client = ask(service, "/sign-in/mail", member.email)
    open_in(client, service.link_url(member.email, "sign-in"))
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        answer = submit_form(client, "/l/sign-in/again", client.get("/l/sign-in"))
        assert answer.location == PAGE
        page = check_skeleton(client.get(PAGE))
        assert "a new link to the same address" in page.text("main")
        assert member.email not in page.text("main"), "the link was opened here, the address was not typed"
        assert submit_form(client, "/l/sign-in/again", client.get(PAGE)).location == PAGE


def test_whoever_joins_by_a_shared_link_leaves_no_address_to_the_next(service: Service) -> None:
    shared, client, email = make_shared_link(service, service.admin()), service.app.test_client(), make_email()
    client.get(f"/join/{shared.token}/go")
    assert submit_form(client, "/join", client.get("/join"), email=email).location == "/join/sent"
    page = check_skeleton(client.get("/join/sent"))
    assert email in page.text("main")
    assert "You haven't joined until" in page.text("main")
    again = {name: page.input(name)["value"] for name in ("csrf_token", "link_id", "email")}
    assert client.post("/join", data=again).location == "/join/sent"
    assert email not in client.get("/join").text
    assert email not in client.get("/join/sent").text


def test_the_old_address_of_the_page_leads_to_it(service: Service) -> None:
    answer = service.app.test_client().get("/de/look-into-your-mail")
    assert (answer.status_code, answer.location) == (303, "/de/check-email")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (30, (1, "minute")),
        (60, (1, "minute")),
        (90 * 60, (90, "minutes")),
        (3600, (1, "hour")),
        (86400 * 2, (2, "days")),
    ],
)
def test_a_duration_is_told_in_a_unit_that_fits(seconds: int, told: tuple[int, str]) -> None:
    message = describe_duration(seconds)
    count: Any = message.values["count"]
    assert (count, message.text[count != 1].removeprefix("%(count)s ")) == told


def test_a_typo_in_the_domain_is_asked_about_once_and_never_refused(service: Service) -> None:
    client = service.app.test_client()
    answer = submit_form(client, "/sign-up", client.get("/sign-up"), email="anna@gmial.con", next="/account")
    page = check_skeleton(answer)
    assert "Did you mean anna@gmail.com?" in page.text("main")
    assert count_letters(service) == 0
    assert [each["value"] for each in page.find_all("input", name="email")] == ["anna@gmail.com", "anna@gmial.con"]
    sent = submit_form(client, "/sign-up", answer, email="anna@gmial.con", checked_address="anna@gmial.con")
    assert sent.location == PAGE
    assert submit_form(client, "/sign-up", answer, email="anna@gmail.com").location == PAGE
    assert count_letters(service) == 2


def test_a_domain_without_a_dot_is_asked_about_and_programs_are_not(service: Service) -> None:
    client = service.app.test_client()
    answer = submit_form(client, "/sign-up", client.get("/sign-up"), email="nonsense@x")
    assert "has no dot" in check_skeleton(answer).text("main")
    assert service.person().post("/api/sign-up", {"email": "anna@gmial.con"}).status_code == 202
