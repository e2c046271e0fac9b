"""Links that do not work (and one that does), each made by walking the flows, with what the doctor should find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import time_machine

from accounts.core.clock import now
from accounts.flows.shared import accounts
from tests.people import OTHER_PASSWORD, Person, Service, new_address, token_in
from tests.servers.smtp import links


@dataclass(frozen=True, slots=True)
class Case:
    """What somebody sends in, the token that must not come back, and the cause behind the door's answer."""

    text: str
    token: str
    cause: str


def reset_url(service: Service, person: Person) -> str:
    assert service.person().post("/api/forgot-password", {"email": person.email}).status_code == 202
    return service.url(person.email, "reset-password")


def _whole(url: str, cause: str) -> Case:
    return Case(url, token_in(url), cause)


def _changed(service: Service, change: Callable[[str], str], cause: str) -> Case:
    url = reset_url(service, service.member())
    token = token_in(url)
    return Case(url.replace(token, change(token)), change(token), cause)


def alive(service: Service, admin: Person) -> Case:
    return _whole(reset_url(service, service.member()), "alive")


def expired(service: Service, admin: Person) -> Case:
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=2)):
        url = reset_url(service, service.member())
    return _whole(url, "expired")


def used(service: Service, admin: Person) -> Case:
    url = reset_url(service, service.member())
    said = {"token": token_in(url), "password": OTHER_PASSWORD}
    assert service.person().post("/api/l/reset-password", said).status_code == 200
    return _whole(url, "used")


def moved(service: Service, admin: Person) -> Case:
    member = service.member()
    url = reset_url(service, member)
    said = {"current_password": member.password, "password": OTHER_PASSWORD}
    assert member.post("/api/account/password", said).status_code == 200
    return _whole(url, "moved")


def superseded(service: Service, admin: Person) -> Case:
    member, first = service.member(), new_address("first")
    assert member.post("/api/account/email", {"email": first}).status_code == 202
    url = service.url(first, "change-email")
    assert member.post("/api/account/email", {"email": new_address("second")}).status_code == 202
    return _whole(url, "superseded")


def taken(service: Service, admin: Person) -> Case:
    member, wanted = service.member(), new_address("wanted")
    assert member.post("/api/account/email", {"email": wanted}).status_code == 202
    url = service.url(wanted, "change-email")
    other = service.person(email=wanted)
    assert other.post("/api/sign-up", {"email": wanted}).status_code == 202
    said = {"token": service.token(wanted, "activate"), "password": OTHER_PASSWORD}
    assert other.post("/api/l/activate", said).status_code == 201
    return _whole(url, "address_taken")


def revoked(service: Service, admin: Person) -> Case:
    email = new_address("invited")
    id = admin.post("/api/admin/invites", {"email": email, "groups": ["editors"]}).get_json()["id"]
    url = service.url(email, "invite")
    assert admin.post(f"/api/admin/invites/{id}/revoke").status_code == 200
    return _whole(url, "revoked")


def of_a_former_admin(service: Service, admin: Person) -> Case:
    second, email = service.member(), new_address("invited")
    uow = service.uow()
    second_id = accounts.find(uow, second.email).id
    accounts.set_groups(uow, second_id, ["admins"])
    assert second.post("/api/admin/invites", {"email": email}).status_code == 202
    url = service.url(email, "invite")
    accounts.set_groups(uow, second_id, [])
    return _whole(url, "inviter")


def _close(service: Service, member: Person) -> None:
    assert member.post("/api/account/close").status_code == 202
    said = {"token": service.token(member.email, "close-account")}
    assert member.post("/api/l/close-account", said).status_code == 200


def of_a_closed_account(service: Service, admin: Person) -> Case:
    member = service.member()
    url = reset_url(service, member)
    _close(service, member)
    return _whole(url, "account_gone")


def of_a_deleted_address(service: Service, admin: Person) -> Case:
    member = service.person(email=new_address("twice"))
    for _ in range(2):
        assert member.post("/api/sign-up", {"email": member.email}).status_code == 202
        service.deliver()
    unused, newest = [links(mail.message)[0] for mail in service.mails(member.email)]
    said = {"token": token_in(newest), "password": member.password}
    assert member.post("/api/l/activate", said).status_code == 201
    _close(service, member)
    return _whole(unused, "deleted")


def of_a_disabled_account(service: Service, admin: Person) -> Case:
    member = service.member()
    url = reset_url(service, member)
    uow = service.uow()
    accounts.disable(uow, accounts.find(uow, member.email).id)
    return _whole(url, "disabled")


def under_another_purpose(service: Service, admin: Person) -> Case:
    url = reset_url(service, service.member())
    return Case(url.replace("/reset-password/", "/activate/"), token_in(url), "other_purpose")


def of_no_known_kind(service: Service, admin: Person) -> Case:
    url = reset_url(service, service.member())
    return Case(url.replace("/reset-password/", "/make-coffee/"), token_in(url), "unknown_kind")


def cut(service: Service, admin: Person) -> Case:
    url = reset_url(service, service.member())
    return Case(url[: -len("/go") - 7], token_in(url)[:-7], "cut")


def cut_to_nothing(service: Service, admin: Person) -> Case:
    url = reset_url(service, service.member())
    return Case(url.replace(token_in(url) + "/", ""), token_in(url), "empty")


def lowered(service: Service, admin: Person) -> Case:
    return _changed(service, str.lower, "lowered")


def with_changed_letters(service: Service, admin: Person) -> Case:
    return _changed(service, lambda token: token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:], "changed")


def with_something_added(service: Service, admin: Person) -> Case:
    url = reset_url(service, service.member())
    return Case(url.replace("/go", "3D/go"), token_in(url), "mended")


def from_the_future(service: Service, admin: Person) -> Case:
    with time_machine.travel(now() + timedelta(hours=3)):
        url = reset_url(service, service.member())
    return _whole(url, "future")


def session_cookie(service: Service, admin: Person) -> Case:
    member = service.member()
    cookie = member.client.get_cookie("session")
    assert cookie is not None
    return Case(cookie.value, cookie.value, "no_link")


CASES: dict[str, Callable[[Service, Person], Case]] = {
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


def assert_opens_nothing(service: Service, said: str, token: str) -> None:
    """No answer of the doctor holds a token, a piece of one, a link, a hash or a key."""
    assert token not in said
    for piece in token.lstrip(".").split("."):
        # The moment of signing is told anyway; nothing else of the token is.
        assert len(piece) < 8 or piece not in said, "a piece of the token"
    assert "/l/" not in said
    assert "$argon2" not in said
    for key in service.house.ring.newest_first():
        assert key.secret.decode() not in said
