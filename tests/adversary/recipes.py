"""A live link of each purpose, whose link it is, and what its form asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from accounts.flows import LINKS
from accounts.flows.sign_in.unlock import MAX_FAILURES
from tests import approvals
from tests.kit.shared_invites import mailed_join_url, make_shared_link
from tests.people import OTHER_PASSWORD, Person, Service, make_email, token_of_url

PURPOSES = [link.purpose for link in LINKS]


@dataclass
class SentLink:
    """A link that is out.

    :ivar owner: whose account it is about, signed in; None for a link about an address.
    """

    purpose: str
    url: str
    owner: Person | None = None
    form_data: dict[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        return token_of_url(self.url)


def send_link(service: Service, purpose: str) -> SentLink:
    """A freshly mailed link of one purpose, on a service of its own."""
    return MAKERS[purpose](service)


def _activate(service: Service) -> SentLink:
    email = make_email("fresh")
    assert service.person().post("/api/sign-up", {"email": email}).status_code == 202
    return SentLink(
        "activate", service.link_url(email, "activate"), None, {"password": OTHER_PASSWORD, "name": "Fresh"}
    )


def _invite(service: Service) -> SentLink:
    email = make_email("invited")
    assert service.admin().post("/api/admin/invites", {"email": email, "groups": ["editors"]}).status_code == 202
    return SentLink(
        "invite", service.link_url(email, "invite"), None, {"password": OTHER_PASSWORD, "name": "Invited"}
    )


def _join(service: Service) -> SentLink:
    url = mailed_join_url(service, make_shared_link(service))
    return SentLink("join-shared", url, None, {"password": OTHER_PASSWORD, "name": "Pupil"})


def request_reset_link(service: Service, owner: Person) -> str:
    """A reset link of somebody."""
    assert service.person().post("/api/forgot-password", {"email": owner.email}).status_code == 202
    return service.link_url(owner.email, "reset-password")


def request_sign_in_link(service: Service, owner: Person) -> str:
    """A sign-in link of somebody."""
    assert service.person().post("/api/sign-in/mail", {"email": owner.email}).status_code == 202
    return service.link_url(owner.email, "sign-in")


def request_change_link(service: Service, owner: Person, new_email: str) -> str:
    """A link that makes a new address somebody's own."""
    assert owner.post("/api/account/email", {"email": new_email}).status_code == 202
    return service.link_url(new_email, "change-email")


def request_unlock_link(service: Service, owner: Person) -> str:
    """The link that lifts a lock, after so many wrong passwords from several networks."""
    for _ in range(MAX_FAILURES // 10):
        stranger = service.person(email=owner.email, password="not the password at all")
        assert {stranger.sign_in().status_code for _ in range(10)} == {401}
    return service.link_url(owner.email, "unlock")


def _reset(service: Service) -> SentLink:
    owner = service.member()
    return SentLink("reset-password", request_reset_link(service, owner), owner, {"password": OTHER_PASSWORD})


def _sign_in(service: Service) -> SentLink:
    owner = service.member()
    return SentLink("sign-in", request_sign_in_link(service, owner), owner)


def _change(service: Service) -> SentLink:
    owner = service.member()
    return SentLink("change-email", request_change_link(service, owner, make_email("new")), owner)


def _undo(service: Service) -> SentLink:
    owner = service.member()
    token = token_of_url(request_change_link(service, owner, make_email("new")))
    assert owner.post("/api/l/change-email", {"token": token}).status_code == 200
    return SentLink("undo-email-change", service.link_url(owner.email, "undo-email-change"), owner)


def _unlock(service: Service) -> SentLink:
    owner = service.member()
    return SentLink("unlock", request_unlock_link(service, owner), owner)


def _close(service: Service) -> SentLink:
    owner = service.member()
    assert owner.post("/api/account/close").status_code == 202
    return SentLink("close-account", service.link_url(owner.email, "close-account"), owner)


def _not_me(service: Service) -> SentLink:
    owner = service.member()
    data = {"current_password": owner.password, "password": OTHER_PASSWORD}
    assert owner.post("/api/account/password", data).status_code == 200
    owner.password = OTHER_PASSWORD
    return SentLink("not-me", service.link_url(owner.email, "not-me"), owner)


def _request(service: Service) -> SentLink:
    approvals.make_admin(service)
    return SentLink("request-account", approvals.request_url(service), None, {"name": approvals.NAME})


def _review(service: Service) -> SentLink:
    admin = approvals.make_admin(service)
    return SentLink("review-request", approvals.review_url(service, admin), admin, {"decision": "approve"})


MAKERS: dict[str, Callable[[Service], SentLink]] = {
    "activate": _activate,
    "invite": _invite,
    "join-shared": _join,
    "reset-password": _reset,
    "sign-in": _sign_in,
    "change-email": _change,
    "undo-email-change": _undo,
    "unlock": _unlock,
    "close-account": _close,
    "not-me": _not_me,
    "request-account": _request,
    "review-request": _review,
}
