"""How a link of each purpose gets into a mail: by walking the flows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

from sqlalchemy import select
from werkzeug.test import Client

from accounts.core.models.base import Base
from accounts.flows.sign_in.unlock import MAX_FAILURES
from tests import approvals
from tests.kit.shared_invites import mailed_join_url, make_shared_link
from tests.people import OTHER_PASSWORD, Person, Service, make_email, token_of_url

UNTOLD = frozenset({"audit", "rate_limits", "key_uses"})
"""Tables that may tell of a visit: they are no part of what a link changes."""


@dataclass(frozen=True)
class Mailed:
    """A link of ours in a mail, and what its person does with it."""

    url: str
    types: Mapping[str, str] = field(default_factory=dict)
    person: Callable[[], Client] | None = None


def activate(service: Service) -> Mailed:
    person = service.person()
    assert person.post("/api/sign-up", {"email": person.email}).status_code == 202
    return Mailed(service.link_url(person.email, "activate"), {"password": person.password, "name": "New"})


def invite(service: Service) -> Mailed:
    email = make_email("invited")
    assert service.admin().post("/api/admin/invites", {"email": email, "groups": ["editors"]}).status_code == 202
    return Mailed(service.link_url(email, "invite"), {"password": OTHER_PASSWORD})


def join(service: Service) -> Mailed:
    return Mailed(mailed_join_url(service, make_shared_link(service, service.admin())), {"password": OTHER_PASSWORD})


def reset_password(service: Service) -> Mailed:
    person = service.member()
    assert service.person().post("/api/forgot-password", {"email": person.email}).status_code == 202
    return Mailed(service.link_url(person.email, "reset-password"), {"password": OTHER_PASSWORD})


def sign_in(service: Service) -> Mailed:
    person = service.member()
    assert service.person().post("/api/sign-in/mail", {"email": person.email}).status_code == 202
    return Mailed(service.link_url(person.email, "sign-in"))


def change_email(service: Service) -> Mailed:
    person, new = service.member(), make_email("new")
    assert person.post("/api/account/email", {"email": new}).status_code == 202
    url = service.link_url(new, "change-email")
    return Mailed(url, person=lambda: signed_in_at(url, service, person))


def undo_email_change(service: Service) -> Mailed:
    person, new = service.member(), make_email("new")
    assert person.post("/api/account/email", {"email": new}).status_code == 202
    token = service.link_token(new, "change-email")
    assert person.post("/api/l/change-email", {"token": token}).status_code == 200
    return Mailed(service.link_url(person.email, "undo-email-change"))


def unlock(service: Service) -> Mailed:
    owner = service.member()
    for _ in range(MAX_FAILURES // 10):  # ten tries are what one network has for one account
        stranger = service.person(email=owner.email, password="not the password")
        assert {stranger.sign_in().status_code for _ in range(10)} == {401}
    return Mailed(service.link_url(owner.email, "unlock"))


def close_account(service: Service) -> Mailed:
    person = service.member()
    assert person.post("/api/account/close").status_code == 202
    return Mailed(service.link_url(person.email, "close-account"))


def not_me(service: Service) -> Mailed:
    person = service.member()
    data = {"current_password": person.password, "password": OTHER_PASSWORD}
    assert person.post("/api/account/password", data).status_code == 200
    return Mailed(service.link_url(person.email, "not-me"))


def request_account(service: Service) -> Mailed:
    approvals.make_admin(service)
    return Mailed(approvals.request_url(service), {"name": approvals.NAME})


def review_request(service: Service) -> Mailed:
    admin = approvals.make_admin(service)
    url = approvals.review_url(service, admin)
    return Mailed(url, {"groups": "editors"}, person=lambda: signed_in_at(url, service, admin))


RECIPES: Mapping[str, Callable[[Service], Mailed]] = {
    "activate": activate,
    "invite": invite,
    "join-shared": join,
    "reset-password": reset_password,
    "sign-in": sign_in,
    "change-email": change_email,
    "undo-email-change": undo_email_change,
    "unlock": unlock,
    "close-account": close_account,
    "not-me": not_me,
    "request-account": request_account,
    "review-request": review_request,
}


def stored(service: Service) -> list[str]:
    """What the store holds, table by table: how many rows, and a digest of them."""
    with service.site.store.engine.connect() as connection:
        found = []
        for table in Base.metadata.sorted_tables:
            if table.name not in UNTOLD:
                rows = sorted(repr(tuple(row)) for row in connection.execute(select(table)))
                found.append(f"{table.name} {len(rows)} {hashlib.sha256(repr(rows).encode()).hexdigest()[:6]}")
        return found


def is_alive(service: Service, purpose: str, url: str) -> bool:
    """Whether our own JSON says that a link can be used."""
    asked: Person = service.person()
    return asked.get(f"/api/l/{purpose}?token={token_of_url(url)}").status_code == 200


def signed_in_at(url: str, service: Service, person: Person) -> Client:
    """A further browser of somebody, signed in at the origin of a link: cookies belong to a host."""
    client = Client(service.app)
    data = {"email": person.email, "password": person.password}
    assert client.post("/api/sign-in", base_url=urljoin(url, "/"), json=data).status_code == 200
    assert is_signed_in_at(url, client)
    return client


def is_signed_in_at(url: str, client: Client) -> bool:
    """Whether a client is signed in at the origin of a link."""
    return client.get("/api/account", base_url=urljoin(url, "/")).status_code == 200
