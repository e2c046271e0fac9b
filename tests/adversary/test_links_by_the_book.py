"""The addresses of one account: changed, raced for, taken back; and what a change asks of whoever wants it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from accounts.core.clock import now
from accounts.flows.shared.accounts import find_account
from tests.adversary.recipes import request_change_link, request_sign_in_link
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.people import Person, Service, make_email, token_of_url
from tests.servers.received import links
from tests.web.endpoints import problem_code


def use_link(person: Person, url: str) -> tuple[int, str]:
    purpose = url.split("/l/")[1].split("/", maxsplit=1)[0]
    answer = person.post(f"/api/l/{purpose}", {"token": token_of_url(url)})
    return answer.status_code, problem_code(answer)


def email_of(person: Person) -> str:
    return str(person.get("/api/account").get_json()["email"])


def test_a_second_change_request_supersedes_the_link_of_the_first(service: Service) -> None:
    """E1."""
    member, first, second = service.member(), make_email("first"), make_email("second")
    to_first = request_change_link(service, member, first)
    to_second = request_change_link(service, member, second)
    assert use_link(member, to_first) == (410, "link_superseded")
    assert email_of(member) == member.email
    assert use_link(member, to_second) == (200, "")
    assert email_of(member) == second


def test_a_change_link_does_nothing_without_the_accounts_own_session(service: Service) -> None:
    """E2."""
    member, other = service.member(), service.member()
    url = request_change_link(service, member, make_email("new"))
    assert use_link(service.person(), url) == (401, "not_signed_in")
    assert use_link(other, url) == (409, "wrong_account")
    assert email_of(member) == member.email
    assert use_link(member, url) == (200, ""), "nothing was consumed"


@on_both_databases
def test_of_concurrent_change_requests_an_address_is_only_ever_confirmed_by_its_own_letter(service: Service) -> None:
    """E4 (CVE-2026-32700): whichever request wins, a link changes to the address that received it or to nothing."""
    for _ in range(3):
        member, own, victim = service.member(), make_email("own"), make_email("victim")
        token = member.get("/api/csrf").get_json()["csrf_token"]
        cookie = member.client.get_cookie("session")
        assert cookie is not None
        browsers = [service.person(network=member.network) for _ in range(8)]
        for browser in browsers:
            browser.client.set_cookie("session", cookie.value)

        def ask(
            number: int,
            browsers: list[Person] = browsers,
            own: str = own,
            victim: str = victim,
            token: str = token,
        ) -> int:
            data = {"email": (own, victim)[number % 2]}
            if number >= 6:  # the worker writes letters meanwhile
                service.deliver()
                return 202
            answer = browsers[number].post("/api/account/email", data, headers={"X-CSRF-Token": token})
            return answer.status_code

        assert set(run_concurrently(8, ask)) <= {202, 409}
        own_links = [
            url for mail in service.mails_to(own) for url in links(mail.message) if "/l/change-email/" in url
        ]
        done = [use_link(member, url)[0] for url in own_links]
        assert set(done) <= {200, 410}
        assert email_of(member) == (own if 200 in done else member.email)


def test_an_old_proof_a_mail_and_a_remembered_session_do_not_suffice_for_a_change(service: Service) -> None:
    """E6, at the request and at the act."""
    member = service.member()
    url = request_change_link(service, member, make_email("new"))
    remembered = service.person(email=member.email)
    assert remembered.sign_in(remember=True).status_code == 200
    with time_machine.travel(now() + timedelta(minutes=11), tick=True):
        for browser in (member, remembered):
            data = {"email": make_email("stolen")}
            assert problem_code(browser.post("/api/account/email", data)) == "confirmation_required"
            assert problem_code(browser.post("/api/account/close")) == "confirmation_required"
            assert use_link(browser, url) == (403, "confirmation_required")
            assert email_of(browser) == member.email
        assert problem_code(member.post("/api/confirm", {"password": "not the password"})) == "invalid_input"
        assert use_link(member, url) == (403, "confirmation_required")
        assert member.post("/api/confirm", {"password": member.password}).status_code == 200
        assert use_link(member, url) == (200, "")


def test_a_session_begun_by_mail_is_no_proof_and_stays_none_when_it_is_renewed(service: Service) -> None:
    """E6, for a sign-in by mail alone, used once and used again in the same browser."""
    member, browser = service.member(), service.person()
    for _ in range(2):
        assert use_link(browser, request_sign_in_link(service, member)) == (200, "")
        assert browser.get("/api/account").get_json()["amr"] == ["mail"]
        data = {"email": make_email("stolen")}
        assert problem_code(browser.post("/api/account/email", data)) == "confirmation_required"
        assert problem_code(browser.post("/api/sign-out", {"everywhere": True})) == "confirmation_required"


def test_the_owner_takes_the_address_back_after_a_chain_of_changes(service: Service) -> None:
    """E, undo: the anchor is the first address, and everybody else's session and link is dead afterwards."""
    member, second, third = service.member(), make_email("second"), make_email("third")
    first = member.email
    for new in (second, third):
        assert use_link(member, request_change_link(service, member, new)) == (200, "")
    undo = service.link_url(first, "undo-email-change")
    assert use_link(service.person(), undo) == (200, "")
    assert not member.signed_in
    assert member.sign_in().status_code == 401, "the password is void"
    assert use_link(service.person(), undo)[0] == 410
    assert service.link_url(first, "reset-password")


@on_both_databases
def test_moving_there_and_back_does_not_stand_in_the_way_of_moving_again(service: Service) -> None:
    """E: the anchor of long ago is the account's own address by now."""
    member = service.member()
    first = member.email
    for new in (make_email("there"), first):
        assert use_link(member, request_change_link(service, member, new)) == (200, "")
    with time_machine.travel(now() + timedelta(hours=80), tick=True):
        assert member.sign_in().status_code == 200
        assert use_link(member, request_change_link(service, member, make_email("again"))) == (200, "")


def test_an_undo_link_ends_with_the_time_that_its_letter_names(service: Service) -> None:
    """E: the letter about a second change does not prolong what the first one began."""
    member = service.member()
    assert use_link(member, request_change_link(service, member, make_email("second"))) == (200, "")
    start = now()
    with time_machine.travel(start + timedelta(hours=70), tick=True):
        member.email, first = email_of_after_sign_in(service, member), member.email
        assert use_link(member, request_change_link(service, member, make_email("third"))) == (200, "")
        undo = service.link_url(first, "undo-email-change")
        assert service.person().get(f"/api/l/undo-email-change?token={token_of_url(undo)}").status_code == 200
    with time_machine.travel(start + timedelta(hours=73), tick=True):
        assert use_link(service.person(), undo) == (410, "link_expired")


def email_of_after_sign_in(service: Service, member: Person) -> str:
    """Sign in at whichever address is theirs now; sessions of days ago are over."""
    for mail in reversed(service.sink.messages):
        candidate = mail.recipients[0]
        candidate_person = Person(member.client, email=candidate, password=member.password)
        if candidate.startswith("second") and candidate_person.sign_in().status_code == 200:
            return candidate
    raise AssertionError("cannot sign in")


@pytest.mark.parametrize("close", [False, True])
def test_an_activation_does_not_come_back_when_its_address_is_left_again(service: Service, close: bool) -> None:
    """A -> B -> A: nobody, somebody, nobody again; of two sign-ups only one ever makes an account."""
    person = service.person()
    tokens = []
    for _ in range(2):
        assert person.post("/api/sign-up", {"email": person.email}).status_code == 202
        tokens.append(service.link_token(person.email, "activate"))
    data = {"token": tokens[0], "password": person.password, "name": "Some Body"}
    assert person.post("/api/l/activate", data).status_code == 201
    for name in ("second", "third"):
        assert use_link(person, request_change_link(service, person, make_email(name))) == (200, "")
    if close:
        email = email_of(person)
        with service.uow() as uow:
            # A change that can be undone would have to wait.
            find_account(uow, email).anchor_until = now()
        assert person.post("/api/account/close").status_code == 202
        assert use_link(person, service.link_url(email, "close-account")) == (200, "")
    stranger = service.person()
    assert stranger.get(f"/api/l/activate?token={tokens[1]}").status_code != 200
    answer = stranger.post("/api/l/activate", {**data, "token": tokens[1]})
    assert answer.status_code in (409, 410)
