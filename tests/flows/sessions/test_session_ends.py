"""When a session ends: by age, by being ended, and with the account's epoch."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine

from accounts.core.clock import now
from accounts.core.database.spent import is_spent
from accounts.core.errors import NotFound
from accounts.core.signing.keys import new_key
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions import session_list
from accounts.flows.sessions.session import (
    ABSOLUTE_TIMEOUT,
    IDLE_TIMEOUT,
    LAST_SEEN_INTERVAL,
    REMEMBERED_ABSOLUTE_TIMEOUT,
    REMEMBERED_IDLE_TIMEOUT,
    VISITOR_SESSION_TTL,
    Session,
)
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.core.sites import make_signer
from tests.flows.steps import Member, list_event_kinds, sign_up_member
from tests.people import Service

START = "2030-01-01T00:00:00Z"
SECOND = timedelta(seconds=1)


def begun(*, remember: bool = False) -> Session:
    return sessions.create_session("an-account", 1, amr=("pwd",), remember=remember)


def kept(service: Service, session: Session) -> Session | None:
    return service.site.signer.read(sessions.SESSION, service.site.signer.sign(sessions.SESSION, session))


@pytest.mark.parametrize("remember", [False, True])
def test_an_idle_session_ends(service: Service, remember: bool) -> None:
    with time_machine.travel(START, tick=False) as time:
        cookie = service.site.signer.sign(sessions.SESSION, begun(remember=remember))
        time.shift((REMEMBERED_IDLE_TIMEOUT if remember else IDLE_TIMEOUT) - SECOND)
        assert service.site.signer.read(sessions.SESSION, cookie) is not None
        time.shift(SECOND)
        assert service.site.signer.read(sessions.SESSION, cookie) is None


@pytest.mark.parametrize("remember", [False, True])
def test_a_session_in_use_ends_too(service: Service, remember: bool) -> None:
    with time_machine.travel(START, tick=False) as time:
        session: Session | None = begun(remember=remember)
        idle, ends = (
            (REMEMBERED_IDLE_TIMEOUT, REMEMBERED_ABSOLUTE_TIMEOUT) if remember else (IDLE_TIMEOUT, ABSOLUTE_TIMEOUT)
        )
        passed = timedelta()
        while passed + idle / 2 < ends:
            time.shift(idle / 2)
            passed += idle / 2
            assert session is not None
            session = sessions.refresh_session(session)
            assert session is not None
            session = kept(service, session)
        assert session is not None
        time.move_to(session.expires_at - SECOND)
        assert kept(service, replace(session, last_seen_at=now())) is not None
        time.shift(SECOND)
        assert kept(service, replace(session, last_seen_at=now())) is None


def test_a_visitor_has_a_day_for_a_form(service: Service) -> None:
    with time_machine.travel(START, tick=False) as time:
        cookie = service.site.signer.sign(sessions.SESSION, sessions.create_visitor_session())
        time.shift(VISITOR_SESSION_TTL - SECOND)
        seen = service.site.signer.read(sessions.SESSION, cookie)
        assert seen is not None
        assert sessions.find_current_account(service.uow(), seen) is None
        assert not service.site.store.has_engine, "a visitor needs no store"
        time.shift(SECOND)
        assert service.site.signer.read(sessions.SESSION, cookie) is None


def test_the_time_of_last_use_is_written_anew_now_and_then() -> None:
    with time_machine.travel(START, tick=False) as time:
        session = begun()
        time.shift(LAST_SEEN_INTERVAL)
        assert sessions.refresh_session(session) is None
        time.shift(1)
        fresh = sessions.refresh_session(session)
        assert fresh is not None
        assert fresh == replace(session, last_seen_at=now())
        assert fresh.expires_at == session.expires_at


def test_a_clock_that_is_behind_reads_the_session_of_one_ahead(service: Service) -> None:
    with time_machine.travel(START, tick=False) as time:
        time.shift(20)
        cookie = service.site.signer.sign(sessions.SESSION, begun())
        time.shift(-20)
        assert service.site.signer.read(sessions.SESSION, cookie) is not None
        time.shift(-41)
        assert service.site.signer.read(sessions.SESSION, cookie) is None


@pytest.mark.parametrize("payload", [None, [], "x", 7, {}, ["a"], list("123456789"), list("1234567890")])
def test_a_genuine_cookie_of_another_layout_is_a_strangers(service: Service, payload: object) -> None:
    assert service.site.signer.read(sessions.SESSION, service.site.signer.sign_payload("session", 1, payload)) is None


def test_a_cookie_of_another_installation_is_a_strangers(service: Service) -> None:
    payload = ["a", 1, "b", 2, 3, ["pwd"], 0, 3, "c"]
    for foreign in (
        make_signer(new_key(), issuer="http://127.0.0.1:8000"),
        make_signer(issuer="https://other.example.org"),
    ):
        assert service.site.signer.read(sessions.SESSION, foreign.sign_payload("session", 1, payload)) is None
    assert service.site.signer.read(sessions.SESSION, "junk") is None


def test_a_cookie_holds_no_address_no_name_and_no_role(service: Service) -> None:
    made = sign_up_member(service, "readable")
    session = made.sign_in()
    statement = service.site.signer.verify_payload("session", 1, service.site.signer.sign(sessions.SESSION, session))
    began = session.started_at
    assert statement.payload == [made.id, 1, session.id, began, began, ["pwd"], 0, began, session.csrf_secret]
    assert session.csrf_secret not in repr(session)


@on_both_databases
def test_signing_out_ends_this_session_and_each_copy_of_it(service: Service) -> None:
    made = sign_up_member(service)
    here, there = made.sign_in(), made.sign_in()
    sessions.sign_out(service.uow(), here)
    assert made.load_current_account(here) is None
    assert made.load_current_account(there) is not None
    sessions.sign_out(service.uow(), here)
    assert list_event_kinds(service, made.id).count("sign-out") == 2
    uow = service.uow()
    assert is_spent(uow.session, f"session:{here.id}")
    uow.close()


def _everywhere(made: Member) -> None:
    sessions.sign_out_everywhere(made.service.uow(), made.id)


def _off_and_on(made: Member) -> None:
    accounts.disable_account(made.service.uow(), made.id)
    accounts.enable_account(made.service.uow(), made.id)


def _fewer_groups(made: Member) -> None:
    accounts.set_groups(made.service.uow(), made.id, ["editors"])
    accounts.set_groups(made.service.uow(), made.id, [])


@pytest.mark.parametrize("change", [_everywhere, _off_and_on, _fewer_groups])
@on_both_databases
def test_a_rise_of_the_epoch_ends_all_sessions_at_once(service: Service, change: object) -> None:
    made = sign_up_member(service)
    found = [made.sign_in(), made.sign_in(remember=True)]
    assert callable(change)
    version = made.row.version
    change(made)
    assert [made.load_current_account(session) for session in found] == [None, None]
    assert made.row.auth_epoch > 1
    assert made.row.version > version, "a writer who saw the old epoch must lose"
    assert made.load_current_account(made.sign_in()) is not None


def test_a_disabled_account_is_nobody_even_in_a_session_of_its_epoch(service: Service) -> None:
    made = sign_up_member(service)
    accounts.disable_account(service.uow(), made.id)
    assert made.load_current_account(sessions.create_session(made.id, made.row.auth_epoch, amr=("pwd",))) is None
    assert made.load_current_account(sessions.create_session("nobody", 1, amr=("pwd",))) is None


def test_more_groups_end_nothing(service: Service) -> None:
    made = sign_up_member(service)
    session = made.sign_in()
    accounts.set_groups(service.uow(), made.id, ["editors", "authors"])
    found = made.load_current_account(session)
    assert found is not None
    assert found.groups == ("authors", "editors")
    assert found.is_in("editors")
    assert not found.is_in("admins")


def test_ending_one_session_ends_that_one(service: Service) -> None:
    made = sign_up_member(service)
    me, other = made.current_account(), made.sign_in()
    session_list.end_own_session(made.uow(), me, other.id)
    assert made.load_current_account(other) is None
    assert made.load_current_account(me.session) is not None
    with pytest.raises(NotFound):
        session_list.end_own_session(made.uow(), me, other.id)


def test_nobody_ends_the_session_of_somebody_else(service: Service) -> None:
    made, stranger = sign_up_member(service), sign_up_member(service)
    target = made.sign_in()
    with pytest.raises(NotFound):
        session_list.end_own_session(stranger.uow(), stranger.current_account(), target.id)
    assert made.load_current_account(target) is not None
