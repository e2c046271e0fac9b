"""The list of devices, the tokens of forms, and who is signed in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine

from accounts.core.errors import CsrfFailed
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions import session_list
from accounts.flows.sessions.csrf_token import check_csrf_token, make_csrf_token
from accounts.flows.sessions.session import ABSOLUTE_TIMEOUT, REMEMBERED_ABSOLUTE_TIMEOUT
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.flows.steps import sign_up_member
from tests.people import Service


@on_both_databases
def test_open_sessions_are_listed_newest_first(service: Service) -> None:
    made = sign_up_member(service)
    with time_machine.travel(made.row.created_at.replace(microsecond=0), tick=False) as time:
        first = made.sign_in(remember=True)
        time.shift(60)
        second = made.sign_in()
        time.shift(60)
        me = made.current_account()
        # Beside the one that the activation has opened.
        signed_in = {me.session.id, second.id, first.id}
        found = [each for each in session_list.list_own_sessions(service.uow(), me) if each.id in signed_in]
        assert [each.id for each in found] == [me.session.id, second.id, first.id]
        assert [each.current for each in found] == [True, False, False]
        assert {(each.network, each.agent) for each in found} == {("10.9.9.9", "Firefox on Linux")}
        assert [each.ends - each.began for each in found][1:] == [ABSOLUTE_TIMEOUT, REMEMBERED_ABSOLUTE_TIMEOUT]


@on_both_databases
def test_what_was_ended_or_is_over_is_not_listed(service: Service) -> None:
    made, other = sign_up_member(service), sign_up_member(service)
    other.sign_in()
    with time_machine.travel(made.row.created_at.replace(microsecond=0), tick=False) as time:
        ended, short = made.sign_in(), made.sign_in()
        remembered = made.sign_in(remember=True)
        sessions.sign_out(service.uow(), ended)
        ids = {each.id for each in session_list.list_own_sessions(service.uow(), made.current_account())}
        assert ended.id not in ids
        assert {short.id, remembered.id} < ids
        time.shift(ABSOLUTE_TIMEOUT)
        assert [each.id for each in session_list.list_own_sessions(service.uow(), made.current_account())][1:] == [
            remembered.id
        ]
        time.shift(REMEMBERED_ABSOLUTE_TIMEOUT)
        assert len(session_list.list_own_sessions(service.uow(), made.current_account())) == 1
        sessions.sign_out_everywhere(service.uow(), made.id)
        assert len(session_list.list_own_sessions(service.uow(), made.current_account())) == 1


def test_the_current_account_is_one_statement(service: Service) -> None:
    made = sign_up_member(service)
    accounts.set_groups(service.uow(), made.id, ["b", "a", "c"])
    session = made.sign_in()
    with service.record_statements() as seen:
        found = made.load_current_account(session)
    assert len(seen) == 1
    assert found is not None
    row = made.row
    assert (found.id, found.email, found.name, found.locale) == (made.id, row.email, row.name, row.locale)
    assert (found.auth_epoch, found.created_at, found.groups) == (row.auth_epoch, row.created_at, ("a", "b", "c"))
    assert found.last_sign_in_at == row.last_sign_in_at
    assert session.csrf_secret not in repr(found)


def test_a_session_opened_with_a_new_password_is_a_sign_in_too(service: Service) -> None:
    made, uow = sign_up_member(service), service.uow()
    with uow:
        session = sessions.open_session(uow, accounts.find_account(uow, made.id), ("pwd",))
    found = made.load_current_account(session)
    assert found is not None
    assert found.last_sign_in_at is not None
    assert session.id in {each.id for each in session_list.list_own_sessions(service.uow(), found)}
    assert made.row.sign_in_serial == 0


def test_a_forms_token_is_of_its_session_only(service: Service) -> None:
    made = sign_up_member(service)
    one, two, visitor = made.sign_in(), made.sign_in(), sessions.create_visitor_session()
    tokens = [make_csrf_token(service.site, session) for session in (one, two, visitor)]
    assert not any(session.csrf_secret in "".join(tokens) for session in (one, two, visitor))
    for number, session in enumerate((one, two, visitor)):
        for place, token in enumerate(tokens):
            if place == number:
                check_csrf_token(service.site, session, token)
            else:
                with pytest.raises(CsrfFailed):
                    check_csrf_token(service.site, session, token)


def test_a_token_from_before_the_sign_in_is_worth_nothing_after_it(service: Service) -> None:
    before, after = sessions.create_visitor_session(), sign_up_member(service).sign_in()
    assert before.id != after.id
    with pytest.raises(CsrfFailed):
        check_csrf_token(service.site, after, make_csrf_token(service.site, before))


def test_a_refreshed_session_keeps_its_token(service: Service) -> None:
    session = sessions.create_visitor_session()
    token = make_csrf_token(service.site, session)
    check_csrf_token(service.site, replace(session, last_seen_at=session.last_seen_at + timedelta(hours=1)), token)


@pytest.mark.parametrize("stated", [None, 7, ["x"], {}, "", "x", "ü"])
def test_a_genuine_token_that_says_something_else_is_refused(service: Service, stated: object) -> None:
    token = service.site.signer.sign_payload("csrf", 1, stated)
    with pytest.raises(CsrfFailed, match=r"another (session|layout)"):
        check_csrf_token(service.site, sessions.create_visitor_session(), token)


@pytest.mark.parametrize("token", ["", "junk", "a.b.c", "x" * 10_000])
def test_what_is_no_token_is_refused(service: Service, token: str) -> None:
    with pytest.raises(CsrfFailed):
        check_csrf_token(service.site, sessions.create_visitor_session(), token)


def test_a_cookie_is_no_token_of_a_form(service: Service) -> None:
    session = sessions.create_visitor_session()
    with pytest.raises(CsrfFailed):
        check_csrf_token(service.site, session, service.site.signer.sign(sessions.SESSION, session))
    assert service.site.signer.read(sessions.SESSION, make_csrf_token(service.site, session)) is None
