"""Signing up: an address asks, the mailbox answers, and nothing is stored about anybody before that."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from pydantic import ValidationError

from accounts.core.errors import InvalidInput, TooManyRequests
from accounts.core.link_errors import LinkUsed
from accounts.flows.account import sign_up
from accounts.flows.account.sign_up import ACTIVATE, SignUpForm
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
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


def ask(service: Service, email: str, next: str = "", network: str = "10.9.9.9") -> None:
    sign_up.request_sign_up(anonymous_uow(service, network), SignUpForm(email=email, next=next))  # type: ignore[arg-type] # parsed by its validator


def last_words(service: Service, email: str) -> str:
    return str(service.mails_to(email)[-1].message["Subject"])


@on_both_databases
def test_asking_stores_a_letter_that_is_due_and_nobody(service: Service) -> None:
    email = make_email()
    ask(service, email)
    assert count_rows(service) == {"outbox": 1, "audit": 1, "rate_limits": 3}
    assert link_state(service, ACTIVATE, service.link_token(email, "activate")) == "alive"
    left = {"audit": 2, "key_uses": 1, "rate_limits": 3}
    assert count_rows(service) == left, "the letter is sent and forgotten"


@on_both_databases
def test_activation_makes_an_active_account_with_the_password_chosen_then(service: Service) -> None:
    email = make_email("Mixed.Case")
    ask(service, email, next="/welcome?x=1")
    token = service.link_token(email, "activate")
    found = open_token(service, ACTIVATE, token)
    assert (found.subject.id, found.carried.next, found.carried.locale) == (email, "/welcome?x=1", "en")
    done = use_link(service, ACTIVATE, token, {"password": PASSWORD, "name": "  Ann   Miller "})
    made = Member(service, email, done.account_id)
    account = made.row
    assert done.created
    assert done.sign_in_as is not None
    assert (account.email, account.email_key, account.name) == (email, email.lower(), "Ann Miller")
    assert (account.active, account.groups, account.auth_epoch, account.sign_in_serial) == (True, (), 1, 0)
    assert made.sign_in().account_id == account.id
    assert list_event_kinds(service, account.id) == ["account.activated", "sign-in", "sign-in"]
    assert link_state(service, ACTIVATE, token) == "link_used"


def test_all_links_of_an_address_die_with_the_first_use(service: Service) -> None:
    email = make_email()
    tokens = []
    for _ in range(2):
        ask(service, email)
        tokens.append(service.link_token(email, "activate"))
    assert tokens[0] != tokens[1]
    assert [link_state(service, ACTIVATE, token) for token in tokens] == ["alive", "alive"], (
        "asking again kills nothing"
    )
    use_link(service, ACTIVATE, tokens[1], {"password": PASSWORD})
    assert [link_state(service, ACTIVATE, token) for token in tokens] == ["link_used", "link_used"]


@on_both_databases
def test_two_links_of_one_address_used_at_once_make_one_account(service: Service) -> None:
    email = make_email()
    tokens = []
    for _ in range(2):
        ask(service, email)
        tokens.append(service.link_token(email, "activate"))

    def activate(number: int) -> str:
        data = {"password": (PASSWORD, OTHER_PASSWORD)[number % 2]}
        return outcome_of(service.uow(), lambda uow: use_link(service, ACTIVATE, tokens[number // 2], data))

    assert sorted(run_concurrently(4, activate)) == ["LinkUsed"] * 3 + ["done"]
    assert count_rows(service)["accounts"] == 1


def test_a_link_outlives_the_account_it_made_by_its_mark_only(service: Service) -> None:
    made = sign_up_member(service)
    token = _token_for(service, made.email + ".org")
    use_link(service, ACTIVATE, token, {"password": PASSWORD})
    uow = service.uow()
    with uow:
        uow.session.delete(accounts.find_account(uow, made.email + ".org"))
    assert link_state(service, ACTIVATE, token) == "link_used"


def _token_for(service: Service, email: str) -> str:
    ask(service, email)
    return service.link_token(email, "activate")


def test_an_address_with_an_account_gets_another_letter(service: Service) -> None:
    made = sign_up_member(service)
    ask(service, made.email.upper())
    mail = service.mails_to(made.email)[-1]
    assert mail.message["Subject"] != service.mails_to(made.email)[0].message["Subject"]
    assert "/l/activate/" not in str(mail.message)


def test_a_disabled_account_gets_no_letter_at_all(service: Service) -> None:
    made = sign_up_member(service)
    accounts.disable_account(service.uow(), made.id)
    before = len(service.mails_to(made.email))
    ask(service, made.email)
    assert len(service.mails_to(made.email)) == before


def test_an_open_link_is_dead_once_the_address_has_an_account(service: Service) -> None:
    email = make_email()
    ask(service, email)
    token = service.link_token(email, "activate")
    uow = service.uow()
    with uow:
        accounts.create_account(uow, email, accounts.NewCredentials("x"), locale="en")
    with pytest.raises(LinkUsed):
        open_token(service, ACTIVATE, token)


def test_a_link_lives_48_hours(service: Service) -> None:
    email = make_email()
    ask(service, email)
    token = service.link_token(email, "activate")
    with time_machine.travel(open_token(service, ACTIVATE, token).expires_at, tick=False) as time:
        assert link_state(service, ACTIVATE, token) == "alive"
        time.shift(1)
        assert link_state(service, ACTIVATE, token) == "link_expired"
    assert ACTIVATE.lifetime == timedelta(hours=48)


def test_a_weak_password_is_refused_before_anything_is_written(service: Service) -> None:
    email = make_email("anna")
    ask(service, email)
    token = service.link_token(email, "activate")
    before = count_rows(service)
    for weak in ("short", "passwordpassword", email * 2):
        with pytest.raises(InvalidInput):
            use_link(service, ACTIVATE, token, {"password": weak})
    assert count_rows(service) == before
    assert link_state(service, ACTIVATE, token) == "alive"


def test_one_address_gets_three_letters_an_hour_and_no_spelling_gets_more(service: Service) -> None:
    email = make_email()
    for spelled in (email, email.upper(), email.title()):
        ask(service, spelled, network="10.7.7.7")
    with pytest.raises(TooManyRequests) as caught:
        ask(service, email.swapcase(), network="10.7.7.7")
    assert caught.value.retry_after is not None
    ask(service, make_email())
    assert count_rows(service)["outbox"] == 4


@pytest.mark.parametrize("said", [{}, {"email": "x"}, {"email": None}, {"email": ["a@example.org"]}, {"email": 7}])
def test_what_is_no_address_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SignUpForm.model_validate(said)


def test_the_letter_is_in_the_language_of_who_asked(service: Service) -> None:
    email, uow = make_email(), anonymous_uow(service)
    with uow:
        uow.enqueue("activate", email, {"next": ""}, locale="de")
    token = service.link_token(email, "activate")
    assert open_token(service, ACTIVATE, token).carried.locale == "de"
    done = use_link(service, ACTIVATE, token, {"password": PASSWORD})
    assert Member(service, email, done.account_id).row.locale == "de"
