"""Answers about invitations for several people."""

from __future__ import annotations

from typing import Any, Literal

from accounts.core.database.page import Page
from accounts.core.models.shared_invites import SharedInvite
from accounts.flows.invites.shared import JoinedAccount, SharedInvitePage
from accounts.flows.invites.shared_terms import SharedTerms
from accounts.web.answers.base import Answer, PageAnswer, Timestamp


class SharedLinkOut(Answer):
    """What a link for several people is good for, for whoever opens it. ``domain``: of which addresses have to be."""

    title: str
    groups: tuple[str, ...]
    domain: str
    expires_at: Timestamp

    @classmethod
    def from_terms(cls, terms: SharedTerms) -> SharedLinkOut:
        """Return the answer about a link that holds."""
        return cls(title=terms.title, groups=tuple(terms.groups), domain=terms.domain, expires_at=terms.ends_at)


class SharedInviteOut(Answer):
    """An invitation for several people. ``uses`` of its ``places`` are taken.

    ``holds``: whether whoever made it may still invite; else its links are dead.
    """

    id: str
    title: str
    state: Literal["open", "full", "expired", "revoked"]
    places: int
    uses: int
    groups: tuple[str, ...]
    domain: str
    locale: str
    inviter: str
    holds: bool
    created_at: Timestamp
    expires_at: Timestamp

    @classmethod
    def from_row(cls, row: SharedInvite, *, holds: bool) -> SharedInviteOut:
        """Return the answer about one of the list."""
        return cls(**_fields_of(row), holds=holds)


_OWN_NAMES = ("id", "title", "state", "places", "uses", "groups", "domain", "locale", "created_at", "expires_at")


def _fields_of(row: SharedInvite) -> dict[str, Any]:
    return {"inviter": row.inviter_id, **{name: getattr(row, name) for name in _OWN_NAMES}}


class SharedInvitePageOut(PageAnswer):
    """Invitations for several people, newest first."""

    invites: tuple[SharedInviteOut, ...]

    @classmethod
    def from_page(cls, page: SharedInvitePage) -> SharedInvitePageOut:
        """Return the answer about one page of them."""
        rows = (SharedInviteOut.from_row(row, holds=row.inviter_id in page.inviters) for row in page.rows)
        return cls(invites=tuple(rows), next=page.next)


class SharedInviteWithLinkOut(SharedInviteOut):
    """An invitation for several people, and a fresh link of it. Anyone who holds it can use it."""

    url: str

    @classmethod
    def from_link(cls, row: SharedInvite, url: str) -> SharedInviteWithLinkOut:
        """Return the answer with a link that was signed now."""
        return cls(**_fields_of(row), holds=True, url=url)


class JoinedOut(Answer):
    """Somebody who has joined. ``email`` is "" where the account is gone."""

    account_id: str
    email: str
    name: str
    at: Timestamp


class SharedInviteDetailsOut(SharedInviteOut, PageAnswer):
    """An invitation for several people, and who has joined by it, newest first."""

    joined: tuple[JoinedOut, ...]

    @classmethod
    def from_joined(cls, row: SharedInvite, page: Page[JoinedAccount], *, holds: bool) -> SharedInviteDetailsOut:
        """Return the answer about one and a page of those who have joined."""
        joined = tuple(JoinedOut.model_validate(each) for each in page.rows)
        return cls(**_fields_of(row), holds=holds, joined=joined, next=page.next)
