"""A live link of every kind there is, made by walking the flows; a kind without a way here fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts.core.models.account import Account
from accounts.flows.sign_in.unlock import MAX_FAILURES
from tests.people import OTHER_PASSWORD, Person, Service, new_address, token_in


def activate(service: Service, admin: Person) -> str:
    email = new_address("fresh")
    assert service.person().post("/api/sign-up", {"email": email}).status_code == 202
    return service.url(email, "activate")


def invite(service: Service, admin: Person) -> str:
    email = new_address("invited")
    assert admin.post("/api/admin/invites", {"email": email, "groups": ["editors"]}).status_code == 202
    return service.url(email, "invite")


def reset_password(service: Service, admin: Person) -> str:
    member = service.member("forgetful")
    assert service.person().post("/api/forgot-password", {"email": member.email}).status_code == 202
    return service.url(member.email, "reset-password")


def sign_in(service: Service, admin: Person) -> str:
    member = service.member("visiting")
    assert service.person().post("/api/sign-in/mail", {"email": member.email}).status_code == 202
    return service.url(member.email, "sign-in")


def change_email(service: Service, admin: Person) -> str:
    member, new = service.member("moving"), new_address("new")
    assert member.post("/api/account/email", {"email": new}).status_code == 202
    return service.url(new, "change-email")


def undo_email_change(service: Service, admin: Person) -> str:
    member, new = service.member("moved"), new_address("new")
    assert member.post("/api/account/email", {"email": new}).status_code == 202
    token = service.token(new, "change-email")
    assert member.post("/api/l/change-email", {"token": token}).status_code == 200
    return service.url(member.email, "undo-email-change")


def unlock(service: Service, admin: Person) -> str:
    owner = service.member("locked")
    for _ in range(MAX_FAILURES // 10):  # ten tries are what one network has for one account
        stranger = service.person(email=owner.email, password="not the password")
        assert {stranger.sign_in().status_code for _ in range(10)} == {401}
    return service.url(owner.email, "unlock")


def close_account(service: Service, admin: Person) -> str:
    member = service.member("leaving")
    assert member.post("/api/account/close").status_code == 202
    return service.url(member.email, "close-account")


def not_me(service: Service, admin: Person) -> str:
    member = service.member("startled")
    said = {"current_password": member.password, "password": OTHER_PASSWORD}
    assert member.post("/api/account/password", said).status_code == 200
    return service.url(member.email, "not-me")


MAKERS: dict[str, Callable[[Service, Person], str]] = {
    "activate": activate,
    "invite": invite,
    "reset-password": reset_password,
    "sign-in": sign_in,
    "change-email": change_email,
    "undo-email-change": undo_email_change,
    "unlock": unlock,
    "close-account": close_account,
    "not-me": not_me,
}
SAYS: dict[str, dict[str, Any]] = {
    "activate": {"password": OTHER_PASSWORD, "name": "Fresh"},
    "invite": {"password": OTHER_PASSWORD, "name": "Invited"},
    "reset-password": {"password": OTHER_PASSWORD},
    "sign-in": {},
    "change-email": {},
    "undo-email-change": {},
    "unlock": {},
    "close-account": {},
    "not-me": {},
}
"""What each kind asks for, so that the token alone decides."""
PASSWORD_ASKED = [purpose for purpose, said in SAYS.items() if "password" in said]
CREATE = ("activate", "invite")
"""Kinds whose act makes an account."""


def live_url(service: Service, purpose: str, admin: Person) -> str:
    """A freshly mailed link of one kind."""
    return MAKERS[purpose](service, admin)


def account_of(service: Service, purpose: str, url: str) -> Account:
    """The account that a link about an account speaks of."""
    link = service.house.links[purpose]
    sentence = service.house.link_signer.verify(link, token_in(url))
    with service.uow() as uow:
        return uow.session.get_one(Account, sentence.subject_id)


def bearer(service: Service, purpose: str, url: str) -> Person:
    """Somebody at a browser of their own who may act on a link: a stranger, but where the account itself must act."""
    if not service.house.links[purpose].needs_session:
        return service.person()
    person = service.person(email=account_of(service, purpose, url).email)
    assert person.sign_in().status_code == 200
    return person
