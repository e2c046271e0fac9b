"""A live link of every kind there is, made by walking the flows; a kind without a way here fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from accounts.core.links.link import get_link
from accounts.core.models.account import Account
from accounts.flows.sign_in.unlock import MAX_FAILURES
from tests import approvals
from tests.kit.shared_invites import mailed_join_url, make_shared_link
from tests.people import OTHER_PASSWORD, Person, Service, make_email, token_of_url


def activate_url(service: Service, admin: Person) -> str:
    email = make_email("fresh")
    assert service.person().post("/api/sign-up", {"email": email}).status_code == 202
    return service.link_url(email, "activate")


def invite_url(service: Service, admin: Person) -> str:
    email = make_email("invited")
    assert admin.post("/api/admin/invites", {"email": email, "groups": ["editors"]}).status_code == 202
    return service.link_url(email, "invite")


def join_url(service: Service, admin: Person) -> str:
    return mailed_join_url(service, make_shared_link(service, admin))


def reset_password_url(service: Service, admin: Person) -> str:
    member = service.member("forgetful")
    assert service.person().post("/api/forgot-password", {"email": member.email}).status_code == 202
    return service.link_url(member.email, "reset-password")


def sign_in_url(service: Service, admin: Person) -> str:
    member = service.member("visiting")
    assert service.person().post("/api/sign-in/mail", {"email": member.email}).status_code == 202
    return service.link_url(member.email, "sign-in")


def change_email_url(service: Service, admin: Person) -> str:
    member, new_email = service.member("moving"), make_email("new")
    assert member.post("/api/account/email", {"email": new_email}).status_code == 202
    return service.link_url(new_email, "change-email")


def undo_email_change_url(service: Service, admin: Person) -> str:
    member, new_email = service.member("moved"), make_email("new")
    assert member.post("/api/account/email", {"email": new_email}).status_code == 202
    token = service.link_token(new_email, "change-email")
    assert member.post("/api/l/change-email", {"token": token}).status_code == 200
    return service.link_url(member.email, "undo-email-change")


def unlock_url(service: Service, admin: Person) -> str:
    owner = service.member("locked")
    for _ in range(MAX_FAILURES // 10):  # ten tries are what one network has for one account
        stranger = service.person(email=owner.email, password="not the password")
        assert {stranger.sign_in().status_code for _ in range(10)} == {401}
    return service.link_url(owner.email, "unlock")


def close_account_url(service: Service, admin: Person) -> str:
    member = service.member("leaving")
    assert member.post("/api/account/close").status_code == 202
    return service.link_url(member.email, "close-account")


def not_me_url(service: Service, admin: Person) -> str:
    member = service.member("startled")
    data = {"current_password": member.password, "password": OTHER_PASSWORD}
    assert member.post("/api/account/password", data).status_code == 200
    return service.link_url(member.email, "not-me")


def request_account_url(service: Service, admin: Person) -> str:
    return approvals.request_url(service)


def review_request_url(service: Service, admin: Person) -> str:
    return approvals.review_url(service, admin)


MAKERS: dict[str, Callable[[Service, Person], str]] = {
    "activate": activate_url,
    "invite": invite_url,
    "join-shared": join_url,
    "reset-password": reset_password_url,
    "sign-in": sign_in_url,
    "change-email": change_email_url,
    "undo-email-change": undo_email_change_url,
    "unlock": unlock_url,
    "close-account": close_account_url,
    "not-me": not_me_url,
    "request-account": request_account_url,
    "review-request": review_request_url,
}
FORM_DATA: dict[str, dict[str, Any]] = {
    "activate": {"password": OTHER_PASSWORD, "name": "Fresh"},
    "invite": {"password": OTHER_PASSWORD, "name": "Invited"},
    "join-shared": {"password": OTHER_PASSWORD, "name": "Pupil"},
    "reset-password": {"password": OTHER_PASSWORD},
    "sign-in": {},
    "change-email": {},
    "undo-email-change": {},
    "unlock": {},
    "close-account": {},
    "not-me": {},
    "request-account": {"name": approvals.NAME},
    "review-request": {"decision": "approve"},
}
"""What each kind asks for, so that the token alone decides."""
PASSWORD_PURPOSES = [purpose for purpose, said in FORM_DATA.items() if "password" in said]
CREATING_PURPOSES = ("activate", "invite", "join-shared")
"""Kinds whose act makes an account."""


def make_link_url(service: Service, purpose: str, admin: Person) -> str:
    """A freshly mailed link of one kind."""
    return MAKERS[purpose](service, admin)


def account_of_link(service: Service, purpose: str, url: str) -> Account:
    """The account that a link about an account speaks of."""
    link = service.site.links[purpose]
    claims = service.site.link_signer.verify(link, token_of_url(url))
    with service.uow() as uow:
        return uow.session.get_one(Account, claims.subject_id)


def browser_for_link(service: Service, purpose: str, url: str) -> Person:
    """Somebody at a browser of their own who may act on a link: a stranger, but where the account itself must act."""
    if not get_link(service.site, purpose).needs_session:
        return service.person()
    person = service.person(email=account_of_link(service, purpose, url).email)
    assert person.sign_in().status_code == 200
    return person


def open_in(browser: FlaskClient, url: str) -> None:
    """Open a mailed link in a browser."""
    assert browser.get(urlsplit(url).path).status_code == 303
