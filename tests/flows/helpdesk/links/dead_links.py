"""Links that do not work (and one that does), each made by walking the flows, with what the doctor should find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import time_machine

from accounts.core.clock import now
from accounts.flows.shared import accounts
from tests import approvals
from tests.people import OTHER_PASSWORD, Person, Service, make_email, token_of_url
from tests.servers.received import links


@dataclass(frozen=True, slots=True)
class LinkCase:
    """What somebody sends in, the token that must not come back, and the cause behind the answer."""

    text: str
    token: str
    cause: str


def reset_url(service: Service, person: Person) -> str:
    assert service.person().post("/api/forgot-password", {"email": person.email}).status_code == 202
    return service.link_url(person.email, "reset-password")


def _case(url: str, cause: str) -> LinkCase:
    return LinkCase(url, token_of_url(url), cause)


def _altered_case(service: Service, alter: Callable[[str], str], cause: str) -> LinkCase:
    url = reset_url(service, service.member())
    token = token_of_url(url)
    return LinkCase(url.replace(token, alter(token)), alter(token), cause)


def alive(service: Service, admin: Person) -> LinkCase:
    return _case(reset_url(service, service.member()), "alive")


def expired(service: Service, admin: Person) -> LinkCase:
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=2)):
        url = reset_url(service, service.member())
    return _case(url, "expired")


def used(service: Service, admin: Person) -> LinkCase:
    url = reset_url(service, service.member())
    data = {"token": token_of_url(url), "password": OTHER_PASSWORD}
    assert service.person().post("/api/l/reset-password", data).status_code == 200
    return _case(url, "used")


def moved(service: Service, admin: Person) -> LinkCase:
    member = service.member()
    url = reset_url(service, member)
    data = {"current_password": member.password, "password": OTHER_PASSWORD}
    assert member.post("/api/account/password", data).status_code == 200
    return _case(url, "moved")


def superseded(service: Service, admin: Person) -> LinkCase:
    member, first = service.member(), make_email("first")
    assert member.post("/api/account/email", {"email": first}).status_code == 202
    url = service.link_url(first, "change-email")
    assert member.post("/api/account/email", {"email": make_email("second")}).status_code == 202
    return _case(url, "superseded")


def taken(service: Service, admin: Person) -> LinkCase:
    member, new_email = service.member(), make_email("wanted")
    assert member.post("/api/account/email", {"email": new_email}).status_code == 202
    url = service.link_url(new_email, "change-email")
    other = service.person(email=new_email)
    assert other.post("/api/sign-up", {"email": new_email}).status_code == 202
    data = {"token": service.link_token(new_email, "activate"), "password": OTHER_PASSWORD}
    assert other.post("/api/l/activate", data).status_code == 201
    return _case(url, "address_taken")


def revoked(service: Service, admin: Person) -> LinkCase:
    email = make_email("invited")
    invite_id = admin.post("/api/admin/invites", {"email": email, "groups": ["editors"]}).get_json()["id"]
    url = service.link_url(email, "invite")
    assert admin.post(f"/api/admin/invites/{invite_id}/revoke").status_code == 200
    return _case(url, "revoked")


def of_a_former_admin(service: Service, admin: Person) -> LinkCase:
    second, email = service.member(), make_email("invited")
    uow = service.uow()
    second_id = accounts.find_account(uow, second.email).id
    accounts.set_groups(uow, second_id, ["admins"])
    assert second.post("/api/admin/invites", {"email": email}).status_code == 202
    url = service.link_url(email, "invite")
    accounts.set_groups(uow, second_id, [])
    return _case(url, "inviter")


def _close(service: Service, member: Person) -> None:
    assert member.post("/api/account/close").status_code == 202
    data = {"token": service.link_token(member.email, "close-account")}
    assert member.post("/api/l/close-account", data).status_code == 200


def of_a_closed_account(service: Service, admin: Person) -> LinkCase:
    member = service.member()
    url = reset_url(service, member)
    _close(service, member)
    return _case(url, "account_gone")


def of_a_deleted_address(service: Service, admin: Person) -> LinkCase:
    member = service.person(email=make_email("twice"))
    for _ in range(2):
        assert member.post("/api/sign-up", {"email": member.email}).status_code == 202
        service.deliver()
    unused, newest = [links(mail.message)[0] for mail in service.mails_to(member.email)]
    data = {"token": token_of_url(newest), "password": member.password}
    assert member.post("/api/l/activate", data).status_code == 201
    _close(service, member)
    return _case(unused, "deleted")


def of_a_disabled_account(service: Service, admin: Person) -> LinkCase:
    member = service.member()
    url = reset_url(service, member)
    uow = service.uow()
    accounts.disable_account(uow, accounts.find_account(uow, member.email).id)
    return _case(url, "disabled")


def under_another_purpose(service: Service, admin: Person) -> LinkCase:
    url = reset_url(service, service.member())
    return LinkCase(url.replace("/reset-password/", "/activate/"), token_of_url(url), "other_purpose")


def of_no_known_kind(service: Service, admin: Person) -> LinkCase:
    url = reset_url(service, service.member())
    return LinkCase(url.replace("/reset-password/", "/make-coffee/"), token_of_url(url), "unknown_kind")


def cut(service: Service, admin: Person) -> LinkCase:
    url = reset_url(service, service.member())
    return LinkCase(url[: -len("/go") - 7], token_of_url(url)[:-7], "cut")


def cut_to_nothing(service: Service, admin: Person) -> LinkCase:
    url = reset_url(service, service.member())
    return LinkCase(url.replace(token_of_url(url) + "/", ""), token_of_url(url), "empty")


def lowered(service: Service, admin: Person) -> LinkCase:
    return _altered_case(service, str.lower, "lowered")


def with_changed_letters(service: Service, admin: Person) -> LinkCase:
    return _altered_case(
        service, lambda token: token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:], "changed"
    )


def with_something_added(service: Service, admin: Person) -> LinkCase:
    url = reset_url(service, service.member())
    return LinkCase(url.replace("/go", "3D/go"), token_of_url(url), "mended")


def from_the_future(service: Service, admin: Person) -> LinkCase:
    with time_machine.travel(now() + timedelta(hours=3)):
        url = reset_url(service, service.member())
    return _case(url, "future")


def session_cookie(service: Service, admin: Person) -> LinkCase:
    member = service.member()
    cookie = member.client.get_cookie("session")
    assert cookie is not None
    return LinkCase(cookie.value, cookie.value, "no_link")


def decided_by_another(service: Service, admin: Person) -> LinkCase:
    second = _second_admin(service)
    approvals.send_request(service)
    data = {"token": service.link_token(second.email, "review-request"), "decision": "decline"}
    assert second.post("/api/l/review-request", data).status_code == 200
    return _case(service.link_url(admin.email, "review-request"), "decided")


def to_a_former_admin(service: Service, admin: Person) -> LinkCase:
    second = _second_admin(service)
    url = approvals.review_url(service, second)
    accounts.set_groups(service.uow(), accounts.find_account(service.uow(), second.email).id, [])
    return _case(url, "no_admin")


def about_an_invited_address(service: Service, admin: Person) -> LinkCase:
    email = make_email("applicant")
    url = approvals.review_url(service, admin, email=email)
    assert admin.post("/api/admin/invites", {"email": email}).status_code == 202
    return _case(url, "nothing_to_decide")


def _second_admin(service: Service) -> Person:
    second = service.member()
    accounts.set_groups(service.uow(), accounts.find_account(service.uow(), second.email).id, ["admins"])
    return second


CASES: dict[str, Callable[[Service, Person], LinkCase]] = {
    make.__name__: make
    for make in (
        alive,
        expired,
        used,
        moved,
        superseded,
        taken,
        revoked,
        of_a_former_admin,
        of_a_closed_account,
        of_a_deleted_address,
        of_a_disabled_account,
        decided_by_another,
        to_a_former_admin,
        about_an_invited_address,
        under_another_purpose,
        of_no_known_kind,
        cut,
        cut_to_nothing,
        lowered,
        with_changed_letters,
        with_something_added,
        from_the_future,
        session_cookie,
    )
}


def assert_no_secret(service: Service, text: str, token: str) -> None:
    """No answer of the doctor holds a token, a piece of one, a link, a hash or a key."""
    assert token not in text
    for piece in token.lstrip(".").split("."):
        # The moment of signing is told anyway; nothing else of the token is.
        assert len(piece) < 8 or piece not in text, "a piece of the token"
    assert "/l/" not in text
    assert "$argon2" not in text
    for key in service.site.ring.newest_first():
        assert key.secret.decode() not in text
