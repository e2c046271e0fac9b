"""Map counters and used ids: rate limits, keys and their uses, spent ids."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.models.base import Base


class Spent(Base):
    """An id that was used or revoked, kept until what it invalidates has expired anyway."""

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
    """What one key has signed for one purpose: it tells when the key may go, without a row for each link."""

    __tablename__ = "key_uses"

    key: Mapped[str] = mapped_column(String(8), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(40), primary_key=True)
    signed: Mapped[int] = mapped_column(default=0)
    first_signed_at: Mapped[datetime]
    alive_until: Mapped[datetime]
    opened: Mapped[int] = mapped_column(default=0)
    last_opened_at: Mapped[datetime | None]


class KnownKey(Base):
    """The name of a key that this database was used with: a ring without any of them is not that of this database."""

    __tablename__ = "known_keys"

    key: Mapped[str] = mapped_column(String(8), primary_key=True)
    first_seen_at: Mapped[datetime]
