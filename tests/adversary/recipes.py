"""A live link of each purpose, whose link it is, and what its form asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from accounts.flows import LINKS
from accounts.flows.sign_in.unlock import MAX_FAILURES
from tests.people import OTHER_PASSWORD, Person, Service, new_address, token_in

PURPOSES = [link.purpose for link in LINKS]


@dataclass
class Sent:
    """A link that is out.

    :ivar owner: whose account it is about, signed in; None for a link about an address.
    """

    purpose: str
    url: str
    owner: Person | None = None
    says: dict[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        return token_in(self.url)


def sent(service: Service, purpose: str) -> Sent:
    """A freshly mailed link of one purpose, on a service of its own."""
    return MAKERS[purpose](service)


def _activate(service: Service) -> Sent:
    email = new_address("fresh")
    assert service.person().post("/api/sign-up", {"email": email}).status_code == 202
    return Sent("activate", service.url(email, "activate"), None, {"password": OTHER_PASSWORD, "name": "Fresh"})


def _invite(service: Service) -> Sent:
    email = new_address("invited")
    assert service.admin().post("/api/admin/invites", {"email": email, "groups": ["editors"]}).status_code == 202
    return Sent("invite", service.url(email, "invite"), None, {"password": OTHER_PASSWORD, "name": "Invited"})


def reset_link(service: Service, owner: Person) -> str:
    """A reset link of somebody."""
    assert service.person().post("/api/forgot-password", {"email": owner.email}).status_code == 202
    return service.url(owner.email, "reset-password")


def sign_in_link(service: Service, owner: Person) -> str:
    """A sign-in link of somebody."""
    assert service.person().post("/api/sign-in/mail", {"email": owner.email}).status_code == 202
    return service.url(owner.email, "sign-in")


def change_link(service: Service, owner: Person, new: str) -> str:
    """A link that makes a new address somebody's own."""
    assert owner.post("/api/account/email", {"email": new}).status_code == 202
    return service.url(new, "change-email")


def unlock_link(service: Service, owner: Person) -> str:
    """The link that lifts a lock, after so many wrong passwords from several networks."""
    for _ in range(MAX_FAILURES // 10):
        stranger = service.person(email=owner.email, password="not the password at all")
        assert {stranger.sign_in().status_code for _ in range(10)} == {401}
    return service.url(owner.email, "unlock")


def _reset(service: Service) -> Sent:
    owner = service.member()
    return Sent("reset-password", reset_link(service, owner), owner, {"password": OTHER_PASSWORD})


def _sign_in(service: Service) -> Sent:
    owner = service.member()
    return Sent("sign-in", sign_in_link(service, owner), owner)


def _change(service: Service) -> Sent:
    owner = service.member()
    return Sent("change-email", change_link(service, owner, new_address("new")), owner)


def _undo(service: Service) -> Sent:
    owner = service.member()
    token = token_in(change_link(service, owner, new_address("new")))
    assert owner.post("/api/l/change-email", {"token": token}).status_code == 200
    return Sent("undo-email-change", service.url(owner.email, "undo-email-change"), owner)


def _unlock(service: Service) -> Sent:
    owner = service.member()
    return Sent("unlock", unlock_link(service, owner), owner)


def _close(service: Service) -> Sent:
    owner = service.member()
    assert owner.post("/api/account/close").status_code == 202
    return Sent("close-account", service.url(owner.email, "close-account"), owner)


def _not_me(service: Service) -> Sent:
    owner = service.member()
    said = {"current_password": owner.password, "password": OTHER_PASSWORD}
    assert owner.post("/api/account/password", said).status_code == 200
    owner.password = OTHER_PASSWORD
    return Sent("not-me", service.url(owner.email, "not-me"), owner)


MAKERS: dict[str, Callable[[Service], Sent]] = {
    "activate": _activate,
    "invite": _invite,
    "reset-password": _reset,
    "sign-in": _sign_in,
    "change-email": _change,
    "undo-email-change": _undo,
    "unlock": _unlock,
    "close-account": _close,
    "not-me": _not_me,
}
