"""Answers about signing in by way of other services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from accounts.web.answers.base import Answer, Timestamp


class IdentityOut(Answer):
    """One connected sign-in of another service."""

    id: str
    issuer: str
    label: str
    shown: str
    created_at: Timestamp
    last_used_at: Timestamp | None


class UpstreamOut(Answer):
    """Another service that somebody may sign in by."""

    id: str
    label: str


class IdentitiesOut(Answer):
    """The sign-ins that are connected to an account, and the services there are."""

    identities: tuple[IdentityOut, ...]
    upstreams: tuple[UpstreamOut, ...]

    @classmethod
    def from_rows(cls, identities: Iterable[Any], upstreams: Mapping[str, Any]) -> IdentitiesOut:
        """Return the answer about connected identities.

        :param upstreams: the services of the settings, by id.
        """
        services = [{"id": name, "label": each.label} for name, each in upstreams.items()]
        return cls.model_validate({"identities": tuple(identities), "upstreams": services})


class UpstreamStartOut(Answer):
    """The page that leads to the other service."""

    next: str
