"""Map bulk acts: what an admin wants done about many accounts, from the dry run until it is forgotten.

A set of twenty thousand accounts fits no cookie, so it is stored, as ids. It is deleted when it is discarded, and by
the worker after some days.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.base import Base


class BulkAct(Base):
    """One act on many accounts.

    :ivar act: what is done, one of ``BULK_ACTIONS``.
    :ivar groups: those that accounts are added to or removed from.
    :ivar kept: names of credentials that stay when accounts are enabled.
    :ivar made_by: the admin's account; "" for an operator on the console.
    :ivar touched_at: when somebody last went on with it.
    :ivar ready_at: when every account of it was judged for the dry run; None before.
    :ivar done_at: when nothing of it was left to do; None before.
    """

    __tablename__ = "bulk_acts"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    act: Mapped[str] = mapped_column(String(16))
    groups: Mapped[list[str]] = mapped_column(JSON)
    kept: Mapped[list[str]] = mapped_column(JSON)
    made_by: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(default=now)
    touched_at: Mapped[datetime] = mapped_column(default=now)
    ready_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "created_at", "id"), Index(None, "touched_at"))


class BulkActAccount(Base):
    """One account of a bulk act, and what becomes of it.

    :ivar number: its place in the order of the set.
    :ivar account_id: None once the account is deleted.
    :ivar verdict: one of ``BULK_VERDICTS``; ``reason`` says why it was skipped.
    """

    __tablename__ = "bulk_act_accounts"

    act_id: Mapped[str] = mapped_column("act", ForeignKey("bulk_acts.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[str | None] = mapped_column("account", ForeignKey("accounts.id", ondelete="SET NULL"))
    verdict: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(16), default="")

    __table_args__ = (
        UniqueConstraint("act", "account"),
        Index(None, "account"),
        Index(None, "act", "verdict", "number"),
    )
