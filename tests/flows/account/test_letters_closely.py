"""Letters, seen closely: which one falls due when somebody asks, and what it knows when it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
import time_machine

from accounts.core.clock import now
from accounts.core.links.link import Link
from accounts.core.models.account import LOCKOUT_DURATION
from accounts.core.security import throttle
from accounts.flows.account import change_email, close_account, reset_password, sign_up
from accounts.flows.shared.accounts import subject_of
from accounts.flows.sign_in import magic_link, unlock
from tests.flows.account.recorded_writes import (
    REQUEST_FACTS,
    are_counted,
    claims_of_letter,
    make_owner,
    record_writes,
    request_facts,
    update_account,
    write_letter,
)
from tests.flows.steps import Member, anonymous_uow
from tests.people import Service, make_email

BY_MAIL = [
    (sign_up.request_sign_up, sign_up.SignUpForm, "activate", "sign-up.asked"),
    (
        reset_password.request_password_reset,
        reset_password.ForgotPasswordForm,
        "reset-password",
        "password.reset-asked",
    ),
    (magic_link.request_sign_in_link, magic_link.SignInByMailForm, "sign-in", "sign-in.mail-asked"),
]
ABOUT_ACCOUNTS = [
    (reset_password, reset_password.RESET),
    (magic_link, magic_link.SIGN_IN),
    (unlock, unlock.UNLOCK),
    (close_account, close_account.CLOSE),
]


@pytest.fixture(autouse=True)
def still() -> Iterator[time_machine.Traveller]:
    """The clock stands, on a full second, so that moments can be compared."""
    with time_machine.travel(now().replace(microsecond=0), tick=False) as clock:
        yield clock


def token(who: Member, link: Link, **carried: Any) -> str:
    said = link.carries(**carried) if carried else None
    return who.service.site.link_signer.sign(link, subject_of(who.row), said)


@pytest.mark.parametrize(("ask", "form", "purpose", "event"), BY_MAIL)
def test_asking_by_mail_puts_one_letter_and_counts_network_and_address(
    service: Service, ask: Callable[..., object], form: Any, purpose: str, event: str
) -> None:
    email = make_email("Mixed.Case")
    said = form.model_validate({"email": email, "next": "/to"})
    found = record_writes(service, lambda: ask(anonymous_uow(service), said))
    assert found.mails == [(purpose, email, {"asked": REQUEST_FACTS, "next": "/to"}, "en")]
    assert found.events == [(event, None, None, {"mail": found.ids[0], "purpose": purpose})]
    address = (throttle.MAIL_ADDRESS, purpose, email.lower())
    assert are_counted(service, (throttle.MAIL_NETWORK, "10.9.9.9"), address)
    assert form.model_validate({"email": email}).next == ""


def test_asking_for_a_new_address_supersedes_and_counts_account_and_address(service: Service) -> None:
    who, new = make_owner(service, email_serial=4), make_email("New.One")
    said = change_email.ChangeEmailForm.model_validate({"email": new})
    found = record_writes(service, lambda: change_email.request_email_change(anonymous_uow(service), who.id, said))
    assert found.mails == [("change-email", who.id, {"asked": REQUEST_FACTS, "email": new, "serial": 5}, "de")]
    assert found.events == [("email.change-asked", who.id, None, {"mail": found.ids[0], "purpose": "change-email"})]
    assert who.row.email_serial == 5
    address = (throttle.MAIL_ADDRESS, "change-email", new.lower())
    assert are_counted(service, (throttle.MAIL_ACCOUNT, "change-email", who.id), address)


def test_asking_to_close_puts_one_letter_and_counts_the_account(service: Service) -> None:
    who = make_owner(service)
    found = record_writes(service, lambda: close_account.request_account_closing(anonymous_uow(service), who.id))
    assert found.mails == [("close-account", who.id, {"asked": REQUEST_FACTS}, "de")]
    assert found.events == [("account.close-asked", who.id, None, {"mail": found.ids[0], "purpose": "close-account"})]
    assert are_counted(service, (throttle.MAIL_ACCOUNT, "close-account", who.id))


@pytest.mark.parametrize("name", ["Ann", ""])
@pytest.mark.parametrize(("flow", "link"), ABOUT_ACCOUNTS)
def test_a_letter_about_an_account_says_who_asked_and_until_when(
    service: Service, flow: ModuleType, link: Link, name: str
) -> None:
    who = make_owner(service, name=name, locked_at=now())
    found = write_letter(service, flow.letter, who.id)
    assert found is not None
    assert (found.words, found.to, found.locale) == (link.purpose, who.email, "de")
    facts = {"asked": request_facts(), "email": who.email, "name": name or None, "until": now() + link.lifetime}
    assert found.context == facts
    assert claims_of_letter(service, link, found).subject_id == who.id
    update_account(who, status="disabled")
    assert write_letter(service, flow.letter, who.id) is None
    assert write_letter(service, flow.letter, "nobody") is None


@pytest.mark.parametrize(("flow", "link"), ABOUT_ACCOUNTS[:2])
def test_the_target_rides_in_the_link_where_there_is_one(service: Service, flow: ModuleType, link: Link) -> None:
    who = make_owner(service)
    for facts, wanted in (({"next": "/to"}, "/to"), ({"next": ""}, ""), ({}, "")):
        said = claims_of_letter(service, link, write_letter(service, flow.letter, who.email, facts))
        assert said.carried.next == wanted
        assert len(said.signed_token.payload) == (2 if wanted else 1), "what is not there takes no room"


def test_an_unlock_letter_is_dropped_once_the_lock_is_over(service: Service) -> None:
    who = make_owner(service, locked_at=now() - LOCKOUT_DURATION)
    assert write_letter(service, unlock.letter, who.id) is None


def test_an_activation_letter_carries_target_and_language(service: Service) -> None:
    found = write_letter(service, sign_up.letter, "New@example.org", {"next": "/to"}, "de")
    assert found is not None
    assert (found.words, found.to, found.locale) == ("activate", "New@example.org", "de")
    until = now() + timedelta(hours=48)
    assert found.context == {"asked": request_facts(), "email": "New@example.org", "until": until}
    said = claims_of_letter(service, sign_up.ACTIVATE, found)
    assert (said.subject_id, said.carried.next, said.carried.locale) == ("New@example.org", "/to", "de")


def test_who_has_an_account_is_told_where_to_sign_in(service: Service) -> None:
    who = make_owner(service)
    found = write_letter(service, sign_up.letter, who.email.upper(), {"next": ""})
    assert found is not None
    assert (found.words, found.to, found.locale, found.link) == ("already-registered", who.email, "de", None)
    page = service.site.link_signer.page_url
    pages = {"sign_in_url": page("/sign-in"), "forgot_url": page("/forgot-password")}
    assert found.context == {"asked": request_facts(), "email": who.email} | pages


def test_the_last_letter_goes_to_the_address_that_was(service: Service) -> None:
    found = write_letter(service, close_account.account_closed_letter, "was@example.org", locale="de")
    assert found is not None
    assert (found.words, found.to, found.locale) == ("account-closed", "was@example.org", "de")
    assert found.context == {"asked": request_facts(), "email": "was@example.org"}


AGAIN = [
    (reset_password.RESET, {"next": "/to"}, {"next": "/to"}, "en"),
    (magic_link.SIGN_IN, {"next": "/to"}, {"next": "/to"}, "en"),
    (change_email.CHANGE, {"email": "New@example.org"}, {"email": "New@example.org", "serial": 0}, "de"),
]


@pytest.mark.parametrize(("link", "carried", "facts", "locale"), AGAIN)
def test_once_more_means_the_same_letter_again(
    service: Service, link: Link, carried: dict[str, str], facts: dict[str, object], locale: str
) -> None:
    who, again = make_owner(service), link.can_resend
    assert again is not None
    said = service.site.link_signer.verify(link, token(who, link, **carried))

    def work() -> None:
        with anonymous_uow(service) as uow:
            assert again(uow, said)

    assert record_writes(service, work).mails == [(link.purpose, who.id, {"asked": REQUEST_FACTS} | facts, locale)]


def test_an_activation_once_more_keeps_target_and_language(service: Service) -> None:
    first = write_letter(service, sign_up.letter, "New@example.org", {"next": "/to"}, "de")
    said = claims_of_letter(service, sign_up.ACTIVATE, first)

    def work() -> None:
        with anonymous_uow(service) as uow:
            assert sign_up.resend_activation(uow, said)

    assert record_writes(service, work).mails == [
        ("activate", "New@example.org", {"asked": REQUEST_FACTS, "next": "/to"}, "de")
    ]
