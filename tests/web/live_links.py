"""A live link of every kind there is, made by walking the flows; a kind without a way here fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.people import OTHER_PASSWORD, Person, Service, new_address


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


MAKERS: dict[str, Callable[[Service, Person], str]] = {
    "activate": activate,
    "invite": invite,
    "reset-password": reset_password,
}
SAYS: dict[str, dict[str, Any]] = {
    "activate": {"password": OTHER_PASSWORD, "name": "Fresh"},
    "invite": {"password": OTHER_PASSWORD, "name": "Invited"},
    "reset-password": {"password": OTHER_PASSWORD},
}
"""What each kind asks for, so that the token alone decides."""


def live_url(service: Service, purpose: str, admin: Person) -> str:
    """A freshly mailed link of one kind."""
    return MAKERS[purpose](service, admin)
