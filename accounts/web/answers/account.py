"""Answers about one's own account."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from accounts.core.database.page import Page
from accounts.flows.audit.own_activity import ActivityEvent
from accounts.flows.sessions.session import CurrentAccount
from accounts.web.answers.base import Answer, PageAnswer, Timestamp


class AccountOut(Answer):
    """An account as its owner sees it."""

    id: str
    email: str
    email_verified: bool = Field(description="whether a link that was mailed there was used")
    name: str
    locale: str
    zone: str = Field(description="IANA name of the time zone; empty where it is not known")
    groups: tuple[str, ...]
    terms_accepted: bool = Field(description="whether there is nothing to accept: see /api/account/terms")
    amr: tuple[str, ...] = Field(description="how the owner proved who they are (RFC 8176)")
    auth_time: int = Field(description="when they did, in seconds since 1970")
    created_at: Timestamp
    last_sign_in_at: Timestamp | None

    @classmethod
    def from_account(cls, account: CurrentAccount) -> AccountOut:
        """Return the answer about the signed-in account."""
        return AccountOut(**_account_fields(account))


class AccountWithTokenOut(AccountOut):
    """The signed-in account, and the token for its requests."""

    csrf_token: str

    @classmethod
    def from_session(cls, account: CurrentAccount, csrf_token: str) -> AccountWithTokenOut:
        """Return the answer about the signed-in account, with the CSRF token of its session."""
        return AccountWithTokenOut(**_account_fields(account), csrf_token=csrf_token)


_FIELDS_OF_SESSION = ("amr", "auth_time")
_FIELDS_OF_ACCOUNT = tuple(AccountOut.model_fields.keys() - _FIELDS_OF_SESSION)


def _account_fields(account: CurrentAccount) -> dict[str, Any]:
    own = {name: getattr(account, name) for name in _FIELDS_OF_ACCOUNT}
    return own | {name: getattr(account.session, name) for name in _FIELDS_OF_SESSION}


class TermsOut(Answer):
    """The terms of this installation. ``version`` is what is sent to accept them."""

    url: str
    version: str
    accepted: bool


class CsrfTokenOut(Answer):
    """The token that requests of this session send as ``X-CSRF-Token``."""

    csrf_token: str


class SessionOut(Answer):
    """One session in the list of devices."""

    id: str
    name: str = Field(description="what its owner calls the device")
    began: Timestamp
    last_active: Timestamp = Field(description="the newest line of the audit log from this browser and IP address")
    ends: Timestamp
    network: str
    agent: str
    current: bool


class SessionsOut(Answer):
    """Where an account is signed in."""

    sessions: tuple[SessionOut, ...]


class ActivityEventOut(Answer):
    """What happened to an account. ``by`` is ``you``, ``admin``, or "" for whom nobody knows."""

    id: str
    at: Timestamp
    kind: str
    group: str = Field(description="sign-ins, security, apps or profile")
    by: str
    network: str
    agent: str
    app: str


class ActivityPageOut(PageAnswer):
    """What happened to an account, newest first."""

    events: tuple[ActivityEventOut, ...]

    @classmethod
    def from_page(cls, page: Page[ActivityEvent]) -> ActivityPageOut:
        """Return the answer about one page of events."""
        return cls.model_validate({"events": tuple(page.rows), "next": page.next})
