"""Links for several people: made by an admin, opened by whoever has them, used by a link that is mailed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from werkzeug.test import TestResponse

from accounts.core.models.shared_invites import SharedInvite
from accounts.flows.invites import shared
from accounts.flows.invites.shared import SharedInviteForm
from accounts.flows.shared.validation import validate
from tests.people import Person, Service, make_email


@dataclass(frozen=True)
class SharedLink:
    """A link for several people that is out."""

    id: str
    url: str

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def token(self) -> str:
        return shared_token(self.url)


def shared_token(url: str) -> str:
    """The token of a link for several people."""
    match = re.search(r"/join/([^/]+)/go$", url)
    assert match is not None, url
    return match.group(1)


def make_shared_link(service: Service, admin: Person | None = None, **form: Any) -> SharedLink:
    """A link for several people, by an admin, or by the operator."""
    data = {"places": 5, "groups": ["pupils"], "title": "Class 7b", **form}
    if admin is None:
        row, url = shared.create_shared_invite(service.uow(), validate(SharedInviteForm, data))
        return SharedLink(row.id, url)
    answer = admin.post("/api/admin/invites/shared", data)
    assert answer.status_code == 201, answer.get_json()
    return SharedLink(answer.get_json()["id"], answer.get_json()["url"])


def ask_to_join(person: Person, link: SharedLink, email: str = "") -> TestResponse:
    """Enter an address on the page of a link for several people, as JSON does."""
    return person.post("/api/join", {"token": link.token, "email": email or person.email})


def mailed_join_url(service: Service, link: SharedLink, email: str = "") -> str:
    """The link that is mailed to whoever asks to join."""
    email = email or make_email("pupil")
    assert ask_to_join(service.person(), link, email).status_code == 202
    return service.link_url(email, "join-shared")


def join(service: Service, link: SharedLink, person: Person) -> TestResponse:
    """Ask, take the link out of the mail, and use it with a password of one's own."""
    assert ask_to_join(person, link).status_code == 202
    data = {"token": service.link_token(person.email, "join-shared"), "password": person.password, "name": "Pupil"}
    return person.post("/api/l/join-shared", data)


def uses_of(service: Service, link: SharedLink) -> int:
    """How many places are taken."""
    return int(service.uow().fetch_all(select(SharedInvite.uses).where(SharedInvite.id == link.id))[0][0])
