"""The answer that holds everything that is kept about an account."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from accounts.web.answers.account import SessionOut
from accounts.web.answers.apps import ConnectedAppOut
from accounts.web.answers.base import Answer, Timestamp
from accounts.web.answers.upstream import IdentityOut


class ExportedProfileOut(Answer):
    """The row of an account, without secrets."""

    id: str
    email: str
    email_verified: bool
    invited: bool
    name: str
    locale: str
    zone: str
    status: str
    has_password: bool
    former_email: str | None
    created_at: Timestamp
    last_sign_in_at: Timestamp | None
    terms_version: str = Field(description="the version of the terms that was accepted last; empty for none")
    terms_accepted_at: Timestamp | None


class ReceivedInviteOut(Answer):
    """An invitation that somebody got."""

    groups: tuple[str, ...]
    state: str
    created_at: Timestamp
    expires_at: Timestamp


class GivenInviteOut(ReceivedInviteOut):
    """An invitation that somebody sent."""

    email: str


class ExportedLogoutOut(Answer):
    """An app that somebody signed out of."""

    app: str
    at: Timestamp
    state: str


class ExportedEventOut(Answer):
    """A line of the audit log about an account. ``by`` is ``you``, ``other``, or "" for the installation itself."""

    at: Timestamp
    kind: str
    by: str
    network: str
    agent: str
    facts: dict[str, Any]


class OwnDataOut(Answer):
    """Everything that is kept about an account, without secrets."""

    account: ExportedProfileOut
    groups: tuple[str, ...]
    sessions: tuple[SessionOut, ...]
    invitations_received: tuple[ReceivedInviteOut, ...]
    invitations_sent: tuple[GivenInviteOut, ...]
    apps: tuple[ConnectedAppOut, ...]
    signed_out_of: tuple[ExportedLogoutOut, ...]
    identities: tuple[IdentityOut, ...]
    history: tuple[ExportedEventOut, ...]
