"""Map the outbox."""

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

    __table_args__ = (
        Index(None, "dead_at", "not_before"),
        Index(None, "subject"),
        Index("ix_outbox_dead", "id", **where("dead_at IS NOT NULL")),
    )
