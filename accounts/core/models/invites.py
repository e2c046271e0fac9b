"""Map invitations, and batches: a list of people to invite, from its upload until it is sent or discarded.

A list of ten thousand addresses fits no cookie, so this is the one thing in flight that is stored. It is deleted when
it is discarded, and by the worker after some days.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    and_,
    case,
    false,
    text,
)
from sqlalchemy.ext.hybrid import Comparator, hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.base import Base, where

MAX_MESSAGE_CHARACTERS = 500
"""What an inviter may say in words of their own."""


class InviteBatch(Base):
    """A list that was uploaded under a name, and the invitations made from it.

    :ivar next: where people go from there whose row does not say.
    :ivar message: what its inviter says to everybody whose row says nothing of its own.
    :ivar ready_at: when the whole list was read; None before.
    :ivar sent_at: when nothing of it was left to send; None before.
    :ivar revoked_at: since when nothing of it may be sent any more; None while it may.
    """

    __tablename__ = "invite_batches"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    made_by: Mapped[str] = mapped_column(String(16))
    next: Mapped[str] = mapped_column(String(1500), default="")
    message: Mapped[str] = mapped_column(String(MAX_MESSAGE_CHARACTERS), default="", server_default=text("''"))
    unused: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    touched_at: Mapped[datetime] = mapped_column(default=now)
    ready_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class BatchRow(Base):
    """One row of a list, and what becomes of it. Of two rows with one address, the later one is a duplicate."""

    __tablename__ = "invite_batch_rows"

    batch_id: Mapped[str] = mapped_column(
        "batch", ForeignKey("invite_batches.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int]
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str | None] = mapped_column(String(254), index=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    groups: Mapped[list[str]] = mapped_column(JSON)
    adds: Mapped[list[str]] = mapped_column(JSON, default=list)
    locale: Mapped[str] = mapped_column(String(8), default="")
    days: Mapped[int | None]
    message: Mapped[str] = mapped_column(String(MAX_MESSAGE_CHARACTERS), default="", server_default=text("''"))
    next: Mapped[str] = mapped_column(String(1500), default="", server_default=text("''"))
    verdict: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(40), default="")
    invite_id: Mapped[str | None] = mapped_column(String(16))

    __table_args__ = (UniqueConstraint("batch", "email_key"), Index(None, "batch", "verdict", "number"))


_UNDECIDED = "accepted_at IS NULL AND revoked_at IS NULL"


class _StateComparator(Comparator[str]):
    """Compares the state of an invitation: with one state, by conditions that an index answers."""

    __hash__ = None  # type: ignore[assignment] # equal is a condition here, and no dict can ask for it

    def __eq__(self, other: object) -> ColumnElement[bool]:  # type: ignore[override] # SQLAlchemy's operators answer conditions
        is_past = SentInvite.expires_at < now()
        return {
            "accepted": SentInvite.accepted_at.is_not(None),
            "revoked": and_(SentInvite.accepted_at.is_(None), SentInvite.revoked_at.is_not(None)),
            "expired": and_(SentInvite.undecided, is_past),
            "pending": and_(SentInvite.undecided, ~is_past),
        }[str(other)]


class SentInvite(Base):
    """An invitation that was sent, for listing and resending. No link's validity depends on it.

    :ivar name: whom its inviter calls the person; what the account is called unless the person says otherwise.
    :ivar message: a few words of its inviter.
    :ivar line: the line of the list that it was made from; 0 where it was made from none.
    """

    __tablename__ = "sent_invites"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), index=True)
    name: Mapped[str] = mapped_column(String(100), default="", server_default=text("''"))
    search: Mapped[str] = mapped_column(String(400), default="", server_default=text("''"))
    batch_id: Mapped[str | None] = mapped_column("batch", String(16))
    line: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    message: Mapped[str] = mapped_column(String(MAX_MESSAGE_CHARACTERS), default="", server_default=text("''"))
    groups: Mapped[list[str]] = mapped_column(JSON)
    locale: Mapped[str] = mapped_column(String(8))
    inviter_id: Mapped[str] = mapped_column(String(16))
    next: Mapped[str] = mapped_column(String(1500), default="", server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    expires_at: Mapped[datetime]
    sent: Mapped[int] = mapped_column(default=1)
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    searchable: Mapped[bool] = mapped_column(default=False, server_default=false())

    __table_args__ = (
        Index(None, "batch", "id"),
        Index(None, "batch", "created_at"),
        Index(None, "inviter_id", "created_at"),
        # One for each state, in the order of the list; those that are open also tell whether they have expired.
        Index("ix_sent_invites_accepted", "created_at", "id", **where("accepted_at IS NOT NULL")),
        Index("ix_sent_invites_revoked", "created_at", "id", **where("revoked_at IS NOT NULL")),
        Index("ix_sent_invites_undecided", "created_at", "id", "expires_at", **where(_UNDECIDED)),
        Index("ix_sent_invites_unsearchable", "id", **where("NOT searchable")),
    )

    @hybrid_property
    def undecided(self) -> bool:
        """Return whether it was neither accepted nor revoked; it may have expired."""
        return self.accepted_at is None and self.revoked_at is None

    @undecided.inplace.expression
    @classmethod
    def _undecided_condition(cls) -> ColumnElement[bool]:
        return and_(cls.accepted_at.is_(None), cls.revoked_at.is_(None))

    @hybrid_property
    def state(self) -> str:
        """Return ``accepted``, ``revoked``, ``expired`` or ``pending``; a condition in SQL, too."""
        if self.accepted_at:
            return "accepted"
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at < now() else "pending"

    @state.inplace.comparator
    @classmethod
    def _state_comparator(cls) -> _StateComparator:
        decided = (cls.accepted_at.is_not(None), "accepted"), (cls.revoked_at.is_not(None), "revoked")
        return _StateComparator(case(*decided, (cls.expires_at < now(), "expired"), else_="pending"))
