"""Map what is counted and what is used up: limits, uses of keys, spent ids."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.models.base import Base


class Spent(Base):
    """What was used up or taken back, kept until it could not be alive any more anyway."""

    __tablename__ = "spent"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    keep_until: Mapped[datetime] = mapped_column(index=True)


class RateLimit(Base):
    """Tries in one window of one limit, by whoever the key stands for."""

    __tablename__ = "rate_limits"

    key: Mapped[str] = mapped_column(String(160), primary_key=True)
    window_ends: Mapped[int] = mapped_column("window", BigInteger, index=True)
    count: Mapped[int]


class KeyUse(Base):
    """What one key has signed for one purpose, counted: enough to know when it may go, without a row per link."""

    __tablename__ = "key_uses"

    key: Mapped[str] = mapped_column(String(8), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(40), primary_key=True)
    signed: Mapped[int] = mapped_column(default=0)
    first_signed_at: Mapped[datetime]
    alive_until: Mapped[datetime]
    opened: Mapped[int] = mapped_column(default=0)
    last_opened_at: Mapped[datetime | None]
