"""Changing the password with the current one."""

from __future__ import annotations

import pytest

from accounts.core.errors import Conflict, InvalidInput, TooManyRequests
from accounts.core.outbox import OutboxItem
from accounts.flows.account import change_password
from accounts.flows.account.change_password import ChangePasswordForm
from accounts.flows.account.not_me import NOT_ME
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions import session_list
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.flows.steps import Member, link_state, list_event_kinds, sign_up_member
from tests.kit.concurrency import outcome_of, run_concurrently
from tests.people import OTHER_PASSWORD, PASSWORD, Service, token_of_url


def says(current: str = PASSWORD, new: str = OTHER_PASSWORD) -> ChangePasswordForm:
    return ChangePasswordForm(current_password=current, password=new)


@on_both_databases
def test_this_browser_goes_on_and_all_others_are_signed_out(service: Service) -> None:
    made = sign_up_member(service)
    me, other = made.current_account(remember=True), made.sign_in()
    session = change_password.change_password(made.uow(), me, says())
    found = made.load_current_account(session)
    assert found is not None
    assert session.remember, "remembered as before"
    assert session.id != me.session.id
    assert session.csrf_secret != me.session.csrf_secret
    assert made.load_current_account(me.session) is made.load_current_account(other) is None
    assert made.sign_in(OTHER_PASSWORD).account_id == made.id
    assert list_event_kinds(service, made.id)[-3:] == ["password.changed", "sign-in", "sign-in"]
    assert len(session_list.list_own_sessions(service.uow(), found)) == 2


def test_its_owner_is_told_by_mail_when_it_was_done_and_with_what(service: Service) -> None:
    made = sign_up_member(service)
    change_password.change_password(made.uow(), made.current_account(), says())
    mail = service.mails_to(made.email)[-1].message
    assert mail["Subject"] == "Your Accounts password was changed"
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "Device: Firefox." in text
    assert "10.1.1.1" not in text, "a network tells a person nothing"
    assert "/l/not-me/" in text
    assert link_state(service, NOT_ME, service.link_token(made.email, "not-me")) == "alive"


@pytest.mark.parametrize("wrong", ["", OTHER_PASSWORD, PASSWORD + " ", "x" * 1000])
def test_a_wrong_current_password_changes_nothing(service: Service, wrong: str) -> None:
    made = sign_up_member(service)
    me, before = made.current_account(), made.row.password_hash
    with pytest.raises(InvalidInput) as caught:
        change_password.change_password(made.uow(), me, says(wrong))
    assert [(field.field, field.code) for field in caught.value.fields] == [("current_password", "wrong_password")]
    assert made.row.password_hash == before
    assert made.load_current_account(me.session) is not None
    assert list_event_kinds(service, made.id)[-1] == "password.refused"


@pytest.mark.parametrize("weak", ["short", "passwordpassword", "member" * 5])
def test_a_weak_new_password_changes_nothing(service: Service, weak: str) -> None:
    made = sign_up_member(service)
    me, before = made.current_account(), made.row.password_hash
    with pytest.raises(InvalidInput) as caught:
        change_password.change_password(made.uow(), me, says(new=weak))
    assert [field.field for field in caught.value.fields] == ["password"]
    assert made.row.password_hash == before


def test_the_current_password_cannot_be_guessed_for_ever(service: Service) -> None:
    made = sign_up_member(service)
    me = made.current_account()
    for _ in range(10):
        with pytest.raises(InvalidInput):
            change_password.change_password(made.uow(), me, says("wrong"))
    with pytest.raises(TooManyRequests):
        change_password.change_password(made.uow(), me, says())


@on_both_databases
def test_of_two_changes_at_once_one_wins_and_the_other_is_told(service: Service) -> None:
    made = sign_up_member(service)
    both = [made.current_account(), made.current_account()]
    words = [f"{OTHER_PASSWORD} {number}" for number in range(2)]
    found = run_concurrently(
        2,
        lambda number: outcome_of(
            made.uow(), lambda uow: change_password.change_password(uow, both[number], says(new=words[number]))
        ),
    )
    # Whoever comes after the other's commit finds its current password wrong already.
    assert found.count("done") == 1
    assert set(found) <= {"done", "Conflict", "InvalidInput"}
    assert made.sign_in(words[found.index("done")]).account_id == made.id


def test_a_session_that_ended_meanwhile_changes_nothing(service: Service) -> None:
    made = sign_up_member(service)
    me = made.current_account()
    sessions.sign_out_everywhere(service.uow(), made.id)
    with pytest.raises(Conflict):
        change_password.change_password(made.uow(), me, says())
    assert made.sign_in().account_id == made.id


def test_a_notice_about_an_account_that_is_gone_is_dropped(service: Service) -> None:
    made, uow = sign_up_member(service), service.uow()
    intent = OutboxItem(
        "id", change_password.PASSWORD_CHANGED_NOTICE, made.id, {"asked": {}}, "en", 1, made.row.created_at
    )
    letter = change_password.letter(uow, intent)
    assert letter is not None
    assert (letter.words, letter.to) == (change_password.PASSWORD_CHANGED_NOTICE, made.email)
    assert letter.link is not None
    assert link_state(service, NOT_ME, token_of_url(letter.link)) == "alive"
    uow.close()
    _delete(made)
    assert change_password.letter(uow, intent) is None
    uow.close()


def _delete(made: Member) -> None:
    uow = made.service.uow()
    with uow:
        uow.session.delete(accounts.find_account(uow, made.id))
