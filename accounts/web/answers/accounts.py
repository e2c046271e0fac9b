"""Answers about accounts, for admins."""

from __future__ import annotations

from pydantic import Field

from accounts.core.database.page import Page
from accounts.flows.helpdesk.accounts import AccountRow
from accounts.web.answers.account import SessionOut
from accounts.web.answers.apps import ConnectedAppOut
from accounts.web.answers.audit import AuditEventOut
from accounts.web.answers.base import Answer, PageAnswer, Timestamp
from accounts.web.answers.mail import UnreachableMarkOut
from accounts.web.answers.upstream import IdentityOut


class AccountRowOut(Answer):
    """One account in the list, ``active``, ``disabled`` or ``locked``. ``unreachable`` says why mail came back."""

    id: str
    email: str
    email_verified: bool
    invited: bool = Field(description="whether somebody let it in: by an invitation, an import, or by saying so")
    name: str
    state: str
    groups: tuple[str, ...]
    created_at: Timestamp
    last_sign_in_at: Timestamp | None
    unreachable: UnreachableMarkOut | None


class AccountPageOut(PageAnswer):
    """Accounts by address."""

    accounts: tuple[AccountRowOut, ...]

    @classmethod
    def from_page(cls, page: Page[AccountRow]) -> AccountPageOut:
        """Return the answer about one page of accounts."""
        return cls.model_validate({"accounts": tuple(page.rows), "next": page.next})


class AccountDetailsOut(Answer):
    """One account: its state, its sessions, and what happened to it."""

    account: AccountRowOut
    locale: str
    terms_version: str = Field(description="the version of the terms that was accepted last; empty for none")
    terms_accepted_at: Timestamp | None
    has_password: bool
    failures: int
    locked_until: Timestamp | None
    old_email: str
    sessions: tuple[SessionOut, ...]
    history: tuple[AuditEventOut, ...]
    apps: tuple[ConnectedAppOut, ...]
    identities: tuple[IdentityOut, ...]
