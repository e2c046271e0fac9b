"""Whoever changes the address of an account that is not theirs cannot shake off its owner's 72 hours."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine

from accounts.core.clock import now
from accounts.flows.account.change_email import UNDO_LINK_TTL
from accounts.flows.account.close_account import CLOSE
from accounts.flows.shared.accounts import find_account, subject_of
from tests.adversary.recipes import request_change_link
from tests.people import Person, Service, make_email, token_of_url
from tests.web.endpoints import problem_code


def move_to(service: Service, thief: Person, new: str) -> None:
    change = request_change_link(service, thief, new)
    assert thief.post("/api/l/change-email", {"token": token_of_url(change)}).status_code == 200
    thief.email = new


@pytest.fixture
def taken(service: Service) -> tuple[str, Person]:
    """The owner's old address, and the thief, who has changed it."""
    thief = service.member("owner")
    old = thief.email
    move_to(service, thief, make_email("mine"))
    return old, thief


def use(service: Service, purpose: str, url: str) -> tuple[int, str]:
    answer = service.person().post(f"/api/l/{purpose}", {"token": token_of_url(url)})
    return answer.status_code, answer.get_json().get("code", "")


def test_closing_waits_for_the_end_of_the_undo_says_until_when_and_tells_the_old_mailbox(
    service: Service, taken: tuple[str, Person]
) -> None:
    old, thief = taken
    refused = thief.post("/api/account/close")
    assert (refused.status_code, problem_code(refused)) == (409, "address_change_pending")
    until = datetime.fromisoformat(refused.get_json()["until"])
    assert abs(until - now() - UNDO_LINK_TTL) < timedelta(minutes=5)
    subjects = [mail.message["Subject"] for mail in service.mails_to(thief.email)]
    assert "Confirm you want to close your Accounts account" not in subjects
    letter = service.mails_to(old)[-1].message
    assert letter["Subject"] == "Someone tried to close your Accounts account"
    assert use(service, "undo-email-change", service.link_url(old, "undo-email-change")) == (200, "")
    assert not thief.signed_in
    assert find_account(service.uow(), old).email == old


def test_the_page_says_when_closing_is_possible(service: Service, taken: tuple[str, Person]) -> None:
    _, thief = taken
    page = thief.client.post(
        "/account/close",
        data={"csrf_token": thief.csrf_token(), "email": thief.email},
        environ_base={"REMOTE_ADDR": thief.network},
    )
    assert page.status_code == 409
    assert "Try again after " in " ".join(page.text.split())


def test_a_chain_of_changes_prolongs_nothing_and_shakes_nothing_off(
    service: Service, taken: tuple[str, Person]
) -> None:
    old, thief = taken
    undo = service.link_url(old, "undo-email-change")
    move_to(service, thief, make_email("mine"))
    assert problem_code(thief.post("/api/account/close")) == "address_change_pending"
    assert use(service, "undo-email-change", undo) == (200, "")


def test_a_closing_link_that_is_out_does_nothing_while_the_change_can_be_undone(
    service: Service, taken: tuple[str, Person]
) -> None:
    old, thief = taken
    # However it came to be: as one that was signed in the second of the change.
    token = service.site.link_signer.sign(CLOSE, subject_of(find_account(service.uow(), thief.email)))
    answer = service.person().post("/api/l/close-account", {"token": token})
    assert (answer.status_code, problem_code(answer)) == (409, "address_change_pending")
    assert use(service, "undo-email-change", service.link_url(old, "undo-email-change")) == (200, "")


def test_once_the_time_is_over_the_account_can_be_closed_and_the_undo_says_that_it_is_too_old(
    service: Service, taken: tuple[str, Person]
) -> None:
    old, thief = taken
    undo = service.link_url(old, "undo-email-change")
    with time_machine.travel(now() + UNDO_LINK_TTL + timedelta(minutes=5)):
        assert use(service, "undo-email-change", undo) == (410, "link_expired")
        assert thief.sign_in().status_code == 200
        assert thief.post("/api/account/close").status_code == 202
        close = service.link_url(thief.email, "close-account")
        assert use(service, "close-account", close) == (200, "")
        assert use(service, "undo-email-change", undo) == (410, "link_used"), "not: cut or changed"


def test_who_is_deleted_by_an_admin_is_told_at_both_addresses_and_the_undo_says_that_it_is_over(
    service: Service,
) -> None:
    boss, thief = service.admin(), service.member("owner")
    old = thief.email
    move_to(service, thief, make_email("mine"))
    undo, objection = service.link_url(old, "undo-email-change"), service.link_url(old, "undo-email-change")
    account_id = thief.get("/api/account").get_json()["id"]
    path = f"/api/admin/accounts/{account_id}/delete"
    assert boss.post(path, {"email": thief.email}).status_code == 204
    for address in (old, thief.email):
        assert service.mails_to(address)[-1].message["Subject"] == "Your Accounts account was deleted"
    assert use(service, "undo-email-change", undo) == (410, "link_used")
    assert use(service, "undo-email-change", objection) == (410, "link_used")


def test_the_address_that_an_undo_drops_is_told_and_gets_no_link(service: Service, taken: tuple[str, Person]) -> None:
    old, thief = taken
    assert use(service, "undo-email-change", service.link_url(old, "undo-email-change")) == (200, "")
    letter = service.mails_to(thief.email)[-1].message
    assert letter["Subject"] == "Your change of email address was undone"
    body = letter.get_body(("plain",))
    assert body is not None
    assert "/l/" not in body.get_content()
    undo = service.link_url(old, "undo-email-change")
    assert use(service, "undo-email-change", undo) == (410, "link_used")
