"""Resetting a forgotten password: once, in time, and only while nothing has changed since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from accounts.core.clock import now
from accounts.core.errors import InvalidInput, SignInFailed, TooManyRequests
from accounts.core.uow import UnitOfWork
from accounts.flows.account import change_password, reset_password
from accounts.flows.account.change_password import ChangePasswordForm
from accounts.flows.account.reset_password import RESET, ForgotPasswordForm
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts
from accounts.flows.shared.recovery import CHANGE_PASSWORD, recover_account
from tests.conftest import on_both_databases
from tests.flows.letters import make_owner
from tests.flows.steps import (
    Member,
    anonymous_uow,
    count_rows,
    link_state,
    list_event_kinds,
    open_token,
    sign_up_member,
    use_link,
)
from tests.kit.concurrency import outcome_of, run_concurrently
from tests.people import OTHER_PASSWORD, PASSWORD, Service, make_email


def ask(service: Service, email: str, network: str = "10.9.9.9") -> None:
    reset_password.request_password_reset(
        anonymous_uow(service, network), ForgotPasswordForm.model_validate({"email": email})
    )


@on_both_databases
def test_a_reset_sets_the_password_ends_all_sessions_and_signs_nobody_in(service: Service) -> None:
    made = sign_up_member(service)
    found = [made.sign_in(), made.sign_in(remember=True)]
    ask(service, made.email)
    done = use_link(service, RESET, service.link_token(made.email, "reset-password"), {"password": OTHER_PASSWORD})
    assert (done.account_id, done.sign_in_as, done.created) == (made.id, None, False)
    assert [made.load_current_account(session) for session in found] == [None, None]
    assert made.sign_in(OTHER_PASSWORD).account_id == made.id
    assert made.row.auth_epoch == 2
    assert list_event_kinds(service, made.id)[-2:] == ["password.reset", "sign-in"]
    assert service.mails_to(made.email)[-1].message["Subject"] == "Your Accounts password was changed"


def _signs_in(made: Member) -> None:
    made.sign_in()


def _changes_password(made: Member) -> None:
    form = ChangePasswordForm(current_password=PASSWORD, password=OTHER_PASSWORD)
    change_password.change_password(made.uow(), made.current_account(), form)


def _sets_the_same_password_again(made: Member) -> None:
    same = made.row.password_hash or ""
    uow = made.service.uow()
    with uow:
        recover_account(uow, accounts.find_account(uow, made.id), CHANGE_PASSWORD, password_hash=same)


def _signs_out_everywhere(made: Member) -> None:
    sessions.sign_out_everywhere(made.uow(), made.id)


def _is_disabled_and_enabled(made: Member) -> None:
    accounts.disable_account(made.service.uow(), made.id)
    accounts.enable_account(made.service.uow(), made.id)


def _resets(made: Member) -> None:
    use_link(made.service, RESET, made.reset_token(), {"password": PASSWORD})


def _moves(made: Member) -> None:
    _in_one_piece(
        made, lambda uow: setattr(accounts.find_account(uow, made.id), "email_key", "elsewhere@example.org")
    )


def _leaves_a_group(made: Member) -> None:
    accounts.set_groups(made.service.uow(), made.id, ["x"])
    accounts.set_groups(made.service.uow(), made.id, [])


def _in_one_piece(made: Member, work: Callable[[UnitOfWork], None]) -> None:
    uow = made.service.uow()
    with uow:
        work(uow)


@pytest.mark.parametrize(
    "change",
    [_signs_in, _changes_password, _sets_the_same_password_again, _signs_out_everywhere, _is_disabled_and_enabled,
     _resets, _moves, _leaves_a_group],
)  # fmt: skip
def test_a_reset_link_dies_when_its_owner(service: Service, change: Callable[[Member], None]) -> None:
    made = sign_up_member(service)
    token = made.reset_token()
    assert link_state(service, RESET, token) == "alive"
    change(made)
    assert link_state(service, RESET, token) == "link_used"


def test_a_reset_link_survives_what_is_none_of_its_business(service: Service) -> None:
    made = sign_up_member(service)
    token = made.reset_token()
    ask(service, made.email)
    assert made.load_current_account(sessions.create_session(made.id, 1, amr=("pwd",))) is not None
    _in_one_piece(made, lambda uow: setattr(accounts.find_account(uow, made.id), "name", "Another Name"))
    accounts.set_groups(service.uow(), made.id, ["editors"])
    assert link_state(service, RESET, token) == "alive"


def test_the_second_link_works_and_the_first_is_dead_then(service: Service) -> None:
    made = sign_up_member(service)
    tokens = []
    for _ in range(2):
        ask(service, made.email)
        tokens.append(service.link_token(made.email, "reset-password"))
    assert [link_state(service, RESET, token) for token in tokens] == ["alive", "alive"]
    use_link(service, RESET, tokens[1], {"password": OTHER_PASSWORD})
    assert [link_state(service, RESET, token) for token in tokens] == ["link_used", "link_used"]


@on_both_databases
def test_of_several_at_once_one_sets_its_password(service: Service) -> None:
    made = sign_up_member(service)
    token = made.reset_token()
    words = [f"{PASSWORD} number {number}" for number in range(6)]
    found = run_concurrently(
        6,
        lambda number: outcome_of(
            service.uow(), lambda uow: use_link(service, RESET, token, {"password": words[number]})
        ),
    )
    assert sorted(found) == ["LinkUsed"] * 5 + ["done"]
    assert made.sign_in(words[found.index("done")]).account_id == made.id
    assert made.row.auth_epoch == 2


@pytest.mark.parametrize("state", ["disabled", "gone"])
def test_a_link_of_an_account_that_may_not_be_used_is_invalid_and_no_letter_is_written(
    service: Service, state: str
) -> None:
    made = sign_up_member(service)
    token, before = made.reset_token(), len(service.mails_to(made.email))
    if state == "disabled":
        accounts.disable_account(service.uow(), made.id)
    else:
        _in_one_piece(made, lambda uow: uow.session.delete(accounts.find_account(uow, made.id)))
    assert link_state(service, RESET, token) == "link_invalid"
    ask(service, made.email)
    assert len(service.mails_to(made.email)) == before


def test_asking_looks_nobody_up(service: Service) -> None:
    made = sign_up_member(service)
    for email in (made.email, make_email()):
        with service.record_statements() as seen:
            ask(service, email)
        assert not [statement for statement in seen if "accounts" in statement.lower()]
    assert count_rows(service)["outbox"] == 2


def test_three_letters_an_hour_for_known_and_unknown_alike(service: Service) -> None:
    for email in (sign_up_member(service).email, make_email()):
        for _ in range(3):
            ask(service, email, "10.0.1.9")
        with pytest.raises(TooManyRequests):
            ask(service, email, "10.0.1.9")


def test_a_stranger_cannot_use_up_the_letters_of_an_owner_elsewhere(service: Service) -> None:
    for email in (sign_up_member(service).email, make_email()):
        for number in range(5):
            for _ in range(3):
                ask(service, email, f"10.0.1.{number}")
            with pytest.raises(TooManyRequests):
                ask(service, email, f"10.0.1.{number}")
        for _ in range(3):
            ask(service, email, "10.0.2.1")


def test_a_crowd_of_strangers_gets_no_more_than_twenty_letters_an_hour(service: Service) -> None:
    email = sign_up_member(service).email
    for number in range(20):
        ask(service, email, f"10.0.1.{number}")
    with pytest.raises(TooManyRequests):
        ask(service, email, "10.0.2.1")


def test_a_link_lives_half_an_hour_and_as_long_as_configured(make_service: Callable[..., Service]) -> None:
    for service, lives in (
        (make_service(), timedelta(minutes=30)),
        (make_service(lifetime_reset_password="3"), timedelta(seconds=3)),
    ):
        token = sign_up_member(service).reset_token()
        found = open_token(service, RESET, token)
        assert found.expires_at - found.claims.issued_at == lives
        with time_machine.travel(found.expires_at, tick=False) as time:
            assert link_state(service, RESET, token) == "alive"
            time.shift(1)
            assert link_state(service, RESET, token) == "link_expired"


def test_a_used_link_that_has_expired_is_reported_as_used(service: Service) -> None:
    made = sign_up_member(service)
    token = made.reset_token()
    made.sign_in()
    with time_machine.travel(open_token(service, RESET, made.reset_token()).expires_at + timedelta(days=1)):
        assert link_state(service, RESET, token) == "link_used"


def test_a_weak_password_leaves_the_link_alive(service: Service) -> None:
    made = sign_up_member(service)
    token = made.reset_token()
    for weak in ("short", made.email, "x" * 300):
        with pytest.raises(InvalidInput):
            use_link(service, RESET, token, {"password": weak})
    assert link_state(service, RESET, token) == "alive"
    assert made.sign_in().account_id == made.id


def test_a_name_of_ones_own_is_no_new_password(service: Service) -> None:
    owner = make_owner(service, name="Wolfeschlegelstein")
    with pytest.raises(InvalidInput):
        use_link(service, RESET, owner.reset_token(), {"password": "Wolfeschlegelstein"})


def test_a_reset_lifts_the_lock_and_tells_the_owner(service: Service) -> None:
    owner = make_owner(service, locked_at=now(), failures=3)
    with pytest.raises(SignInFailed):
        owner.sign_in()
    use_link(service, RESET, owner.reset_token(), {"password": OTHER_PASSWORD})
    assert owner.sign_in(OTHER_PASSWORD).account_id == owner.id
    assert service.mails_to(owner.email)[-1].message["Content-Language"] == "de"
