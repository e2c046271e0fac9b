"""The pages of the further kinds of links: what asks for them, what they show, where they lead when they are dead."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from accounts.core import clock
from accounts.flows.sessions import session as sessions
from accounts.flows.sign_in import magic_link, unlock
from tests.people import OTHER_PASSWORD, PASSWORD, Person, Service, make_email
from tests.web.parsed_page import ParsedPage, check_skeleton, submit_form

NEXT = "/somewhere?a=b%26c"


def opened(service: Service, client: FlaskClient, to: str, purpose: str) -> TestResponse:
    """The page that the newest link to an address shows in a browser."""
    return client.get(
        service.link_url(to, purpose).removeprefix(service.site.settings.public_origin), follow_redirects=True
    )


def ways(page: ParsedPage) -> set[str]:
    return {each["href"] for each in page.find_all("a")}


def later(by: timedelta) -> time_machine.travel:
    """Some time from now, while the context lasts."""
    return time_machine.travel(clock.now() + by)


def remembered(service: Service, member: Person) -> FlaskClient:
    """A browser that is remembered: signed in, without a fresh proof."""
    elsewhere = service.person(email=member.email)
    elsewhere.sign_in(remember=True)
    return elsewhere.client


def asked_for_change(member: Person) -> str:
    new = make_email("new")
    assert member.post("/api/account/email", {"email": new}).status_code == 202
    return new


def test_a_return_target_survives_every_detour_before_signing_in(service: Service) -> None:
    client = service.app.test_client()
    page = ParsedPage(client.get(f"/sign-in?next={NEXT}"))
    detours = [way for way in ways(page) if "?next=" in way and "/sign-in?" not in way]
    assert sorted(way.partition("?")[0] for way in detours if not way.startswith(("/de", "/en"))) == [
        "/forgot-password",
        "/sign-in/mail",
        "/sign-up",
    ]
    for way in detours:
        page = ParsedPage(client.get(way))
        assert page.input("next")["value"] == "/somewhere?a=b&c"
        assert [back for back in ways(page) if "/sign-in?next=" in back]


def test_a_sign_in_link_is_a_button_that_says_what_it_does(service: Service) -> None:
    member = service.member()
    client = service.app.test_client()
    asked = submit_form(client, "/sign-in/mail", client.get("/sign-in/mail"), email=member.email, next="/somewhere")
    assert asked.status_code == 303
    shown = opened(service, client, member.email, "sign-in")
    page = check_skeleton(shown)
    assert "to sign in on this device" in page.text("main")
    assert submit_form(client, "/l/sign-in", shown).location == "/somewhere"
    assert "Your account" in client.get("/account").text


def test_a_link_that_was_used_says_so_kindly_and_offers_a_fresh_one(service: Service) -> None:
    member = service.member()
    client = service.app.test_client()
    member.post("/api/sign-in/mail", {"email": member.email})
    submit_form(client, "/l/sign-in", opened(service, client, member.email, "sign-in"))
    first = service.link_url(member.email, "sign-in")
    shown = opened(service, client, member.email, "sign-in")
    page = check_skeleton(shown)
    assert shown.status_code == 410
    assert page.text("h1") == "This link is no longer valid"
    assert "there is nothing more to do" in page.text("main")
    assert page.find_all("form", action="/l/sign-in/again")
    assert submit_form(client, "/l/sign-in/again", shown).location == "/check-email"
    assert service.link_url(member.email, "sign-in") != first


def test_a_link_that_is_too_old_offers_a_fresh_one(service: Service) -> None:
    member = service.member()
    client = service.app.test_client()
    member.post("/api/sign-in/mail", {"email": member.email})
    service.deliver()
    with later(magic_link.SIGN_IN.lifetime + timedelta(minutes=2)):
        page = check_skeleton(opened(service, client, member.email, "sign-in"))
    assert page.text("h1") == "This link doesn't work"
    assert "has expired" in page.text("main")
    assert page.text("button") == "Send a new link"


def test_a_change_of_address_is_shown_whole_and_only_where_one_is_signed_in(service: Service) -> None:
    member = service.member()
    submit_form(member.client, "/account/email", member.client.get("/account/email"), email="ann@example.net")
    page = check_skeleton(opened(service, service.app.test_client(), "ann@example.net", "change-email"))
    assert "ann@example.net" in page.text("main")
    assert "/sign-in?next=/l/change-email" in ways(page)
    assert not page.find_all("form")
    shown = opened(service, member.client, "ann@example.net", "change-email")
    assert check_skeleton(shown).find_all("form", action="/l/change-email")
    assert submit_form(member.client, "/l/change-email", shown).location == "/l/change-email/done"
    page = check_skeleton(opened(service, service.app.test_client(), member.email, "undo-email-change"))
    assert member.email in page.text("main")
    assert page.text("button") == "Undo change"


def test_a_remembered_browser_confirms_before_it_changes_the_address(service: Service) -> None:
    member = service.member()
    new = asked_for_change(member)
    client = remembered(service, member)
    page = check_skeleton(opened(service, client, new, "change-email"))
    assert [each["action"] for each in page.find_all("form")] == ["/sign-out"], "that of the menu alone"
    (way,) = [each for each in ways(page) if each.startswith("/confirm?")]
    assert (
        submit_form(client, way, client.get(way), password=PASSWORD, next="/l/change-email").location
        == "/l/change-email"
    )
    assert ParsedPage(client.get("/l/change-email")).find_all("form", action="/l/change-email")


@pytest.mark.parametrize("path", ["/account/email", "/account/close"])
def test_what_can_cost_the_account_asks_for_the_password_first(service: Service, path: str) -> None:
    client = remembered(service, service.member())
    answer = client.get(path)
    assert answer.location == f"/confirm?next={path}"
    page = check_skeleton(client.get(answer.location))
    assert page.input("next")["value"] == path
    assert page.input("password")["autocomplete"] == "current-password"
    assert page.find_all("input", autocomplete="username")
    wrong = ParsedPage(
        submit_form(client, answer.location, client.get(answer.location), password=OTHER_PASSWORD, next=path)
    )
    assert wrong.input("password")["aria-invalid"] == "true"
    assert wrong.input("next")["value"] == path
    assert (
        submit_form(client, answer.location, client.get(answer.location), password=PASSWORD, next=path).location
        == path
    )
    check_skeleton(client.get(path))


def test_a_form_left_open_too_long_leads_to_the_confirmation_and_back(service: Service) -> None:
    member = service.member()
    shown = member.client.get("/account/email")
    with later(sessions.STEP_UP_MAX_AGE + timedelta(minutes=1)):
        answer = submit_form(member.client, "/account/email", shown, email="ann@example.net")
    page = check_skeleton(answer)
    assert answer.status_code == 403
    assert page.input("email")["value"] == "ann@example.net"
    assert "/confirm?next=/account/email&submitted=1" in ways(page)


def test_without_a_fresh_proof_ending_other_sessions_asks_for_it_first(service: Service) -> None:
    client = remembered(service, service.member())
    (end,) = [each for each in ways(check_skeleton(client.get("/account/sessions"))) if each.endswith("/end")]
    for path in (end, "/account/sessions/end-others"):
        answer = client.get(path)
        assert (answer.status_code, answer.location) == (303, f"/confirm?next={path}")
    answer = submit_form(client, "/sign-out", client.get("/account"), everywhere="on")
    assert answer.status_code == 403
    assert "/confirm" in ways(check_skeleton(answer))


def test_closing_an_account_is_said_in_earnest_at_both_steps(service: Service) -> None:
    member = service.member()
    assert "/account/close" in ways(ParsedPage(member.client.get("/account")))
    shown = member.client.get("/account/close")
    page = check_skeleton(shown)
    assert "can't be undone" in page.text("main")
    assert member.email in page.text("main")
    refused = submit_form(member.client, "/account/close", shown, email="other@example.org")
    assert refused.status_code == 422
    submit_form(member.client, "/account/close", shown, email=member.email.upper())
    shown = opened(service, member.client, member.email, "close-account")
    page = check_skeleton(shown)
    assert "can't be undone" in page.text("main")
    assert [each["class"] for each in page.find_all("button") if "class" in each] == ["primary danger"]
    done = member.client.get(submit_form(member.client, "/l/close-account", shown).location)
    assert "/account" not in ways(check_skeleton(done))
    page = check_skeleton(opened(service, service.app.test_client(), member.email, "close-account"))
    assert "nothing more to do" in page.text("main")


def test_a_pause_is_lifted_by_a_button_that_shows_whose(service: Service) -> None:
    member = service.member()
    with service.uow() as uow:
        for _ in range(unlock.MAX_FAILURES):
            unlock.count_failure(uow, member.email)
    client = service.app.test_client()
    shown = opened(service, client, member.email, "unlock")
    assert f"{member.email[0]}•••@example.org" in check_skeleton(shown).text("main")
    done = client.get(submit_form(client, "/l/unlock", shown).location)
    assert "/sign-in" in ways(check_skeleton(done))
    page = check_skeleton(opened(service, client, member.email, "unlock"))
    assert {"/sign-in", "/sign-in/mail"} <= ways(page)


def test_a_notice_that_was_pressed_leads_to_a_new_password(service: Service) -> None:
    member = service.member()
    data = {"current_password": PASSWORD, "password": OTHER_PASSWORD}
    assert member.post("/api/account/password", data).status_code == 200
    client = service.app.test_client()
    shown = opened(service, client, member.email, "not-me")
    done = client.get(submit_form(client, "/l/not-me", shown).location)
    assert "mail" in check_skeleton(done).text("main")
    assert "/forgot-password" in ways(check_skeleton(done)), "should the mail not come"
    assert "/forgot-password" in ways(check_skeleton(opened(service, client, member.email, "not-me")))


@pytest.mark.parametrize(
    ("purpose", "leads_to"),
    [
        ("sign-in", "/sign-in/mail"),
        ("change-email", "/account/email"),
        ("undo-email-change", "/sign-in"),
        ("unlock", "/sign-in/mail"),
        ("close-account", "/account/close"),
        ("not-me", "/forgot-password"),
    ],
)
def test_a_link_that_was_cut_leads_on(service: Service, purpose: str, leads_to: str) -> None:
    page = check_skeleton(service.app.test_client().get(f"/l/{purpose}/junk/go"))
    assert leads_to in ways(page)
    assert not page.find_all("form")


def test_who_comes_back_to_the_link_that_made_the_account_is_told_to_go_on(service: Service) -> None:
    member = service.member_by_mail()
    assert ways(check_skeleton(opened(service, member.client, member.email, "activate"))) >= {"/account"}
    stranger = service.app.test_client()
    assert "/sign-up" in ways(check_skeleton(opened(service, stranger, member.email, "activate")))


def test_a_moment_is_written_as_people_of_the_language_write_it(service: Service) -> None:
    member = service.member()
    assert member.post("/api/forgot-password", {"email": member.email}).status_code == 202
    client = service.app.test_client()
    opened(service, client, member.email, "reset-password")
    for language, text in (("de", r"\d\. \w+ \d{4}, \d\d:\d\d UTC"), ("en", r"\d \w+ \d{4}, \d\d:\d\d UTC")):
        page = client.get(f"/{language}/l/reset-password")
        assert re.search(text, page.get_data(as_text=True))


def test_the_newest_of_several_changes_is_named(service: Service) -> None:
    member = service.member()
    first = asked_for_change(member)
    service.deliver()
    asked_for_change(member)
    answer = opened(service, member.client, first, "change-email")
    assert answer.status_code == 410
    assert "newer link" in check_skeleton(answer).text("main")
