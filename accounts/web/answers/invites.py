"""Answers about invitations and batches of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from accounts.core.database.page import Page
from accounts.core.models.invites import BatchRow, InviteBatch, SentInvite
from accounts.flows.invites.batch_entries import REASON_MESSAGES
from accounts.flows.invites.batches import BatchCounts
from accounts.flows.invites.search import InvitePage
from accounts.web.answers.base import Answer, PageAnswer, Timestamp

INVITE_FIELDS = (
    "id", "email", "name", "message", "groups", "locale", "state", "sent", "created_at", "expires_at",
)  # fmt: skip


class InviteOut(Answer):
    """An invitation. ``sent`` says how often it was mailed; ``batch`` is the id of its batch.

    ``leads_to`` is where whoever accepts goes then: a path of this site, such as the one that leads into an app.
    """

    id: str
    email: str
    name: str
    message: str
    groups: tuple[str, ...]
    locale: str
    leads_to: str
    state: Literal["pending", "accepted", "revoked", "expired"]
    sent: int
    batch: str | None
    created_at: Timestamp
    expires_at: Timestamp

    @classmethod
    def from_invite(cls, invite: SentInvite) -> InviteOut:
        """Return the answer about an invitation of the ledger."""
        return cls(**_invite_fields(invite))


class ListedInviteOut(InviteOut):
    """An invitation in the list. ``holds``: whether whoever sent it may still invite; else its links are dead.

    ``unreachable_since``: since when mail to the address of an open one comes back.
    """

    holds: bool
    unreachable_since: Timestamp | None


class InvitePageOut(PageAnswer):
    """Invitations, newest first."""

    invites: tuple[ListedInviteOut, ...]

    @classmethod
    def from_page(cls, page: InvitePage) -> InvitePageOut:
        """Return the answer about one page of invitations."""
        listed = (
            ListedInviteOut(
                **_invite_fields(row),
                holds=row.inviter_id in page.inviters,
                unreachable_since=page.marks[row.email_key].since if row.email_key in page.marks else None,
            )
            for row in page.rows
        )
        return cls(invites=tuple(listed), next=page.next)


def _invite_fields(invite: SentInvite) -> dict[str, Any]:
    return {
        "batch": invite.batch_id,
        "leads_to": invite.next,
        **{name: getattr(invite, name) for name in INVITE_FIELDS},
    }


class BatchOut(Answer):
    """A batch.

    ``rows`` counts the rows of its list by verdict, ``invites`` its invitations by state; ``left`` are still to be
    sent; ``unused`` are headings of columns that nobody knows.
    """

    id: str
    name: str
    state: Literal["ready", "sending", "sent", "revoked"]
    created_at: Timestamp
    rows: dict[str, int]
    invites: dict[str, int]
    left: int
    unused: tuple[str, ...]
    message: str
    leads_to: str

    @classmethod
    def from_batch(cls, batch: InviteBatch, counts: BatchCounts) -> BatchOut:
        """Return the answer about a batch, as it stands."""
        return cls(**_batch_fields(batch, counts))


class BatchPageOut(PageAnswer):
    """Batches, newest first."""

    batches: tuple[BatchOut, ...]

    @classmethod
    def from_page(cls, page: Page[InviteBatch], counts: dict[str, BatchCounts]) -> BatchPageOut:
        """Return the answer about one page of batches.

        :param counts: how each stands, by the id of the batch.
        """
        return cls(batches=tuple(BatchOut.from_batch(row, counts[row.id]) for row in page.rows), next=page.next)


class BatchRowOut(Answer):
    """One row of a list. ``adds`` are groups that an account would join; ``detail`` says ``reason`` in words."""

    line: int
    email: str
    name: str
    groups: tuple[str, ...]
    message: str
    leads_to: str
    verdict: str
    adds: tuple[str, ...]
    reason: str
    detail: str
    invite: str | None

    @classmethod
    def from_row(cls, row: BatchRow, translate: Callable[[str], str]) -> BatchRowOut:
        """Return the answer about a row.

        :param translate: puts a message into the language of the answer.
        """
        detail = translate(REASON_MESSAGES[row.reason]) if row.reason else ""
        names = ("line", "email", "name", "groups", "message", "verdict", "adds", "reason")
        return cls(
            **{name: getattr(row, name) for name in names}, detail=detail, leads_to=row.next, invite=row.invite_id
        )


class BatchDetailsOut(BatchOut, PageAnswer):
    """A batch, and rows of its list."""

    list: tuple[BatchRowOut, ...]

    @classmethod
    def from_page(
        cls, batch: InviteBatch, counts: BatchCounts, page: Page[BatchRow], translate: Callable[[str], str]
    ) -> BatchDetailsOut:
        """Return the answer about a batch and one page of its rows."""
        rows = tuple(BatchRowOut.from_row(row, translate) for row in page.rows)
        return cls(**_batch_fields(batch, counts), list=rows, next=page.next)


def _batch_fields(batch: InviteBatch, counts: BatchCounts) -> dict[str, Any]:
    sent_state = "sent" if batch.sent_at else "sending" if counts.invites else "ready"
    return {
        "id": batch.id,
        "name": batch.name,
        "state": "revoked" if batch.revoked_at else sent_state,
        "created_at": batch.created_at,
        "rows": counts.rows,
        "invites": counts.invites,
        "left": counts.left,
        "unused": batch.unused,
        "message": batch.message,
        "leads_to": batch.next,
    }


class DiscardedBatchOut(Answer):
    """How many rows of a list are gone."""

    rows: int


class ExportedInviteOut(Answer):
    """A line of an export: an open invitation with a link of it. ``line`` is 0 where that is not known."""

    email: str
    name: str
    groups: tuple[str, ...]
    locale: str
    expires_at: Timestamp
    url: str
    line: int
    inviter: str
    app: str
    message: str


class ReportLineOut(Answer):
    """A line of a report: what became of a row of a list.

    ``state`` is that of the invitation, or what is told of a row by which nobody was invited, with its ``reason``.
    """

    line: int
    name: str
    email: str
    groups: tuple[str, ...]
    locale: str
    state: str
    reason: str
    invite: str | None
    sent: int
    sent_at: Timestamp | None
    expires_at: Timestamp | None
    accepted_at: Timestamp | None
