"""Somebody has taken an account over, and its owner says so: whatever the thief does, the way back stays open."""

from __future__ import annotations

import pytest

from tests.adversary.recipes import request_change_link, request_reset_link, request_sign_in_link
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.people import OTHER_PASSWORD, PASSWORD, Person, Service, make_email, token_of_url
from tests.web.endpoints import problem_code

THIRD_PASSWORD = "nine orange kettles whistling"


def link_status(service: Service, purpose: str, url: str) -> int:
    """What looking at a link is answered."""
    return service.person().get(f"/api/l/{purpose}?token={token_of_url(url)}").status_code


def use_link_url(service: Service, purpose: str, url: str, **data: str) -> int:
    return service.person().post(f"/api/l/{purpose}", {"token": token_of_url(url), **data}).status_code


def steal_account(service: Service) -> tuple[Person, Person, str]:
    """The owner, a thief who knew the password and has set another one, and the link in the notice of that."""
    owner = service.member()
    thief = service.person(email=owner.email)
    assert thief.sign_in().status_code == 200
    data = {"current_password": PASSWORD, "password": OTHER_PASSWORD}
    assert thief.post("/api/account/password", data).status_code == 200
    thief.password = OTHER_PASSWORD
    return owner, thief, service.link_url(owner.email, "not-me")


def test_the_thief_cannot_shake_the_objection_off(service: Service) -> None:
    owner, thief, objection = steal_account(service)
    assert thief.post("/api/sign-out", {"everywhere": True}).status_code == 204
    assert thief.sign_in().status_code == 200
    assert thief.post("/api/account/email", {"email": make_email("mine")}).status_code == 202
    assert link_status(service, "not-me", objection) == 200
    assert use_link_url(service, "not-me", objection) == 200
    assert not thief.signed_in
    assert {
        service.person(email=owner.email, password=each).sign_in().status_code for each in (PASSWORD, OTHER_PASSWORD)
    } == {401}


def test_who_says_it_was_not_them_ends_every_session_link_and_password_and_chooses_anew(service: Service) -> None:
    owner, thief, objection = steal_account(service)
    change = request_change_link(service, thief, make_email("mine"))
    assert thief.post("/api/account/close").status_code == 202
    close = service.link_url(owner.email, "close-account")
    by_mail = request_sign_in_link(service, owner)
    assert use_link_url(service, "not-me", objection) == 200
    assert [
        link_status(service, *each)
        for each in (("change-email", change), ("close-account", close), ("sign-in", by_mail), ("not-me", objection))
    ] == [410] * 4
    reset = service.link_url(owner.email, "reset-password")
    for _ in range(3):
        assert thief.sign_in().status_code == 401
    assert use_link_url(service, "reset-password", reset, password=THIRD_PASSWORD) == 200
    owner.password = THIRD_PASSWORD
    assert owner.sign_in().status_code == 200
    assert link_status(service, "reset-password", reset) == 410


def test_nothing_is_proved_by_a_void_password(service: Service) -> None:
    """A session by mail can prove nothing then, and sets no password without the reset link."""
    owner, _, objection = steal_account(service)
    assert use_link_url(service, "not-me", objection) == 200
    person, mailed = service.person(email=owner.email), request_sign_in_link(service, owner)
    assert person.post("/api/l/sign-in", {"token": token_of_url(mailed)}).status_code == 200
    for tried in (PASSWORD, OTHER_PASSWORD, ""):
        assert person.post("/api/confirm", {"password": tried}).status_code == 422
        data = {"current_password": tried, "password": THIRD_PASSWORD}
        assert person.post("/api/account/password", data).status_code == 422
    assert problem_code(person.post("/api/account/email", {"email": make_email()})) == "confirmation_required"


def test_signing_in_by_mail_kills_a_reset_link_only_while_there_is_a_password(service: Service) -> None:
    owner, _, objection = steal_account(service)
    asked = request_reset_link(service, owner)
    assert use_link_url(service, "sign-in", request_sign_in_link(service, owner)) == 200
    assert link_status(service, "reset-password", asked) == 410
    assert use_link_url(service, "not-me", objection) == 200
    reset = service.link_url(owner.email, "reset-password")
    assert use_link_url(service, "sign-in", request_sign_in_link(service, owner)) == 200
    assert link_status(service, "reset-password", reset) == 200
    assert use_link_url(service, "reset-password", reset, password=THIRD_PASSWORD) == 200
    again = request_reset_link(service, owner)
    owner.password = THIRD_PASSWORD
    assert owner.sign_in().status_code == 200
    assert link_status(service, "reset-password", again) == 410


def test_a_newer_password_or_another_address_makes_an_objection_moot(service: Service) -> None:
    _, thief, objection = steal_account(service)
    data = {"current_password": OTHER_PASSWORD, "password": THIRD_PASSWORD}
    assert thief.post("/api/account/password", data).status_code == 200
    newest = service.link_url(thief.email, "not-me")
    assert [link_status(service, "not-me", each) for each in (objection, newest)] == [410, 200]
    new = make_email("mine")
    assert (
        thief.post(
            "/api/l/change-email", {"token": token_of_url(request_change_link(service, thief, new))}
        ).status_code
        == 200
    )
    assert link_status(service, "not-me", newest) == 410
    undo = service.link_url(thief.email, "undo-email-change")
    assert use_link_url(service, "undo-email-change", undo) == 200
    reset = service.link_url(thief.email, "reset-password")
    assert use_link_url(service, "sign-in", request_sign_in_link(service, thief)) == 200
    assert link_status(service, "reset-password", reset) == 200
    assert link_status(service, "not-me", newest) == 410, "the same address again, and still dead"


@on_both_databases
@pytest.mark.parametrize("others", [9])
def test_signing_in_at_the_very_moment_leaves_no_session_and_keeps_the_reset_link(
    service: Service, others: int
) -> None:
    owner, _, objection = steal_account(service)
    thieves = [service.person(email=owner.email, password=OTHER_PASSWORD) for _ in range(others)]

    def act(number: int) -> int:
        return (
            use_link_url(service, "not-me", objection) if number == 0 else thieves[number - 1].sign_in().status_code
        )

    answers = run_concurrently(others + 1, act)
    assert answers[0] == 200
    assert set(answers[1:]) <= {200, 401}
    assert not any(thief.signed_in for thief in thieves)
    reset = service.link_url(owner.email, "reset-password")
    assert {thief.sign_in().status_code for thief in thieves} == {401}
    assert use_link_url(service, "reset-password", reset, password=THIRD_PASSWORD) == 200
