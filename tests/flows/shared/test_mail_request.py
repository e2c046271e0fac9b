"""Letters with a link: which one goes out when somebody asks, and what it knows when it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType

import pytest

from accounts.core.clock import now
from accounts.core.errors import TooManyRequests
from accounts.core.links.link import Link
from accounts.core.security import throttle
from accounts.flows.account import change_email, close_account, reset_password, sign_up
from accounts.flows.shared.mail_request import MailRequestForm
from accounts.flows.sign_in import magic_link, unlock
from tests.flows.letters import make_owner, read_letter_claims, request_facts, update_account, write_letter
from tests.flows.steps import anonymous_uow, list_event_kinds, open_token
from tests.kit.signed_links import read_claims, sign_link
from tests.people import Service, make_email, token_of_url

pytestmark = pytest.mark.usefixtures("stopped_clock")
BY_MAIL = [
    (sign_up.request_sign_up, sign_up.SignUpForm, sign_up.ACTIVATE),
    (reset_password.request_password_reset, reset_password.ForgotPasswordForm, reset_password.RESET),
    (magic_link.request_sign_in_link, magic_link.SignInByMailForm, magic_link.SIGN_IN),
]
EVENTS = [
    (ask, form, event)
    for (ask, form, _), event in zip(
        BY_MAIL, ("sign-up.asked", "password.reset-asked", "sign-in.mail-asked"), strict=True
    )
]
ABOUT_ACCOUNTS = [
    (reset_password, reset_password.RESET),
    (magic_link, magic_link.SIGN_IN),
    (unlock, unlock.UNLOCK),
    (close_account, close_account.CLOSE),
]


@pytest.mark.parametrize(("ask", "form", "link"), BY_MAIL)
def test_a_request_mails_one_link_that_keeps_the_return_target(
    service: Service, ask: Callable[..., object], form: type[MailRequestForm], link: Link
) -> None:
    email = make_email("new") if link is sign_up.ACTIVATE else make_owner(service).email
    before = len(service.mails_to(email))
    for data, target in (({"next": "/to"}, "/to"), ({}, "")):
        ask(anonymous_uow(service), form.model_validate({"email": email, **data}))
        opened = open_token(service, link, service.link_token(email, link.purpose))
        assert opened.carried.next == target
    assert len(service.mails_to(email)) == before + 2


@pytest.mark.parametrize(("ask", "form", "event"), EVENTS)
def test_requests_are_limited_by_address_and_by_network_and_each_is_logged(
    service: Service, ask: Callable[..., object], form: type[MailRequestForm], event: str
) -> None:
    def request(email: str, network: str) -> None:
        ask(anonymous_uow(service, network), form.model_validate({"email": email}))

    email = make_email("Mixed.Case")
    for _ in range(3):
        request(email, "10.3.3.99")
    with pytest.raises(TooManyRequests):
        request(email.lower(), "10.3.3.99")
    service.site.throttle.reserve(throttle.MAIL_NETWORK.by("10.9.9.9", cost=299))
    request(make_email(), "10.9.9.9")
    with pytest.raises(TooManyRequests):
        request(make_email(), "10.9.9.9")
    assert Counter(list_event_kinds(service, None)) == {event: 4, "mail.held": 2}


@pytest.mark.parametrize("name", ["Ann", ""])
@pytest.mark.parametrize(("flow", "link"), ABOUT_ACCOUNTS)
def test_a_letter_about_an_account_says_who_asked_and_until_when(
    service: Service, flow: ModuleType, link: Link, name: str
) -> None:
    who = make_owner(service, name=name, locked_at=now())
    found = write_letter(service, flow.letter, who.id)
    assert found is not None
    assert (found.words, found.to, found.locale) == (link.purpose, who.email, "de")
    facts = {
        "asked": request_facts(),
        "email": who.email,
        "name": name or None,
        "until": now() + link.lifetime,
        "zone": "",
    }
    assert found.context == facts
    assert read_letter_claims(service, link, found).subject_id == who.id
    update_account(who, status="disabled")
    assert write_letter(service, flow.letter, who.id) is None
    assert write_letter(service, flow.letter, "nobody") is None


@pytest.mark.parametrize(("flow", "link"), ABOUT_ACCOUNTS[:2])
def test_the_link_carries_a_target_where_there_is_one(service: Service, flow: ModuleType, link: Link) -> None:
    who = make_owner(service)
    for facts, wanted in (({"next": "/to"}, "/to"), ({"next": ""}, ""), ({}, "")):
        result = read_letter_claims(service, link, write_letter(service, flow.letter, who.email, facts))
        assert result.carried.next == wanted
        assert len(result.signed_token.payload) == (2 if wanted else 1), "what is not there takes no room"


def test_an_activation_letter_carries_target_and_language(service: Service) -> None:
    found = write_letter(service, sign_up.letter, "New@example.org", {"next": "/to"}, "de")
    assert found is not None
    assert (found.words, found.to, found.locale) == ("activate", "New@example.org", "de")
    until = now() + timedelta(hours=48)
    assert found.context == {"asked": request_facts(), "email": "New@example.org", "until": until}
    result = read_letter_claims(service, sign_up.ACTIVATE, found)
    assert (result.subject_id, result.carried.next, result.carried.locale) == ("New@example.org", "/to", "de")


def test_who_has_an_account_is_told_where_to_sign_in(service: Service) -> None:
    who = make_owner(service)
    found = write_letter(service, sign_up.letter, who.email.upper(), {"next": ""})
    assert found is not None
    assert (found.words, found.to, found.locale, found.link) == ("already-registered", who.email, "de", None)
    page = service.site.link_signer.page_url
    pages = {"sign_in_url": page("/sign-in"), "forgot_url": page("/forgot-password")}
    assert found.context == {"asked": request_facts(), "email": who.email, "zone": ""} | pages


@pytest.mark.parametrize("link", [reset_password.RESET, magic_link.SIGN_IN])
def test_a_link_sent_once_more_keeps_the_target(service: Service, link: Link) -> None:
    owner = make_owner(service)
    resend(service, link, sign_link(owner, link, next="/to"))
    assert open_token(service, link, service.link_token(owner.email, link.purpose)).carried.next == "/to"


def test_a_change_link_sent_once_more_is_about_the_same_address(service: Service) -> None:
    owner, new = make_owner(service), make_email("New")
    resend(service, change_email.CHANGE, sign_link(owner, change_email.CHANGE, email=new))
    opened = open_token(service, change_email.CHANGE, service.link_token(new, "change-email"))
    assert (opened.account.id, opened.carried.email) == (owner.id, new)
    assert service.mails_to(new)[-1].message["Content-Language"] == "de"


def test_an_activation_sent_once_more_keeps_target_and_language(service: Service) -> None:
    email = make_email("New")
    letter = write_letter(service, sign_up.letter, email, {"next": "/to"}, "de")
    assert letter is not None
    assert letter.link is not None
    resend(service, sign_up.ACTIVATE, token_of_url(letter.link))
    opened = open_token(service, sign_up.ACTIVATE, service.link_token(email, "activate"))
    assert (opened.carried.next, opened.carried.locale) == ("/to", "de")
    assert service.mails_to(email)[-1].message["Content-Language"] == "de"


def resend(service: Service, link: Link, token: str) -> None:
    assert link.resend is not None
    with anonymous_uow(service) as uow:
        assert link.resend(uow, read_claims(service, link, token))
