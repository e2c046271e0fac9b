"""Map the outbox, its lanes, and the batches that are on their way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Index,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.base import Base, where


class OutboxRow(Base):
    """An email or a callback that is due. It says which one and about whom, and never holds a token."""

    __tablename__ = "outbox"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    purpose: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(254))
    facts: Mapped[dict[str, Any]]
    locale: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(default=now)
    not_before: Mapped[datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))
    lane: Mapped[str] = mapped_column(String(8), default="direct", server_default="direct")
    batch: Mapped[str | None] = mapped_column(String(16))
    """What goes out together; None for what somebody waits for."""

    __table_args__ = (
        Index(None, "lane", "dead_at", "not_before"),
        Index("ix_outbox_batch", "batch", "dead_at", "not_before", **where("batch IS NOT NULL")),
        Index(None, "subject"),
        Index("ix_outbox_dead", "id", **where("dead_at IS NOT NULL")),
    )


class MailLane(Base):
    """When the next item of a lane may be taken, and why it stands still. A lane without a row is open."""

    __tablename__ = "mail_lanes"

    name: Mapped[str] = mapped_column(String(8), primary_key=True)
    not_before: Mapped[datetime]
    paused_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(500))
    wait_step: Mapped[int] = mapped_column(default=0)
    """Which of the waits it has until a letter is tried over it by itself."""


class MailBatch(Base):
    """When the last letter of a batch was taken, and whether it is paused. A batch without a row had no turn yet."""

    __tablename__ = "mail_batches"

    batch: Mapped[str] = mapped_column(String(16), primary_key=True)
    served_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
