"""The tables. They hold facts; whatever is in flight is signed and carried by the client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from accounts.core.clock import now
from accounts.core.ids import new_id

LOCK = timedelta(minutes=60)
"""How long too many wrong passwords in a row hold up further ones."""
ADMINS = "admins"
"""The group that administers."""


class Moment(TypeDecorator[datetime]):
    """An aware moment in UTC. SQLite keeps no zone: naive values are refused, stored ones come back aware."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The tables of this service, with names for every constraint, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Moment(), dict[str, Any]: JSON()}


class Account(Base):
    """Somebody whose mailbox was proven. ``id`` is never reused: it is what other programs know them by."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    locale: Mapped[str] = mapped_column(String(8))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(16), default="active")
    auth_epoch: Mapped[int] = mapped_column(default=1)
    sign_in_serial: Mapped[int] = mapped_column(default=0)
    email_serial: Mapped[int] = mapped_column(default=0, server_default="0")
    lock_serial: Mapped[int] = mapped_column(default=0, server_default="0")
    locked_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    anchor_email: Mapped[str | None] = mapped_column(String(254))
    anchor_key: Mapped[str | None] = mapped_column(String(254), index=True, unique=True)
    anchor_until: Mapped[datetime | None]
    anchor_serial: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_sign_in_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column()

    memberships: Mapped[list[Membership]] = relationship(cascade="all, delete-orphan", lazy="select")

    # Of two writers who saw the same state, the second UPDATE finds no row: it loses, re-reads, is told the truth.
    __mapper_args__ = {"version_id_col": version}

    @property
    def active(self) -> bool:
        return self.status == "active"

    def locked(self, at: datetime) -> bool:
        """Whether signing in by password is held up at a moment."""
        return self.locked_at is not None and at < self.locked_at + LOCK

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(sorted(membership.group for membership in self.memberships))

    def __repr__(self) -> str:
        return f"<Account {self.id}>"


class Membership(Base):
    """One account in one group."""

    __tablename__ = "memberships"

    account_id: Mapped[str] = mapped_column(
        "account", ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    group: Mapped[str] = mapped_column(String(64), primary_key=True)


class Spent(Base):
    """What was used up or taken back, kept until it could not be alive any more anyway."""

    __tablename__ = "spent"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    keep_until: Mapped[datetime] = mapped_column(index=True)


class SentInvite(Base):
    """The ledger of invitations, for listing and resending. No link's validity depends on it."""

    __tablename__ = "sent_invites"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), index=True)
    name: Mapped[str] = mapped_column(String(100), default="", server_default=text("''"))
    search: Mapped[str] = mapped_column(String(400), default="", server_default=text("''"))
    batch_id: Mapped[str | None] = mapped_column("batch", String(16))
    groups: Mapped[list[str]] = mapped_column(JSON)
    locale: Mapped[str] = mapped_column(String(8))
    inviter_id: Mapped[str] = mapped_column(String(16))
    next: Mapped[str] = mapped_column(String(1500), default="", server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    expires_at: Mapped[datetime]
    sent: Mapped[int] = mapped_column(default=1)
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "batch", "id"),)

    @property
    def state(self) -> str:
        """``accepted``, ``revoked``, ``expired`` or ``pending``."""
        if self.accepted_at:
            return "accepted"
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at < now() else "pending"


class OutboxRow(Base):
    """A mail that is due. It says what to write about whom, and never holds a token."""

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

    __table_args__ = (Index(None, "dead_at", "not_before"),)


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


class AuditRow(Base):
    """What happened. Only ever appended to; never holds a secret."""

    __tablename__ = "audit"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(default=now)
    kind: Mapped[str] = mapped_column(String(40))
    account_id: Mapped[str | None] = mapped_column("account", String(16))
    actor: Mapped[str | None] = mapped_column(String(16))
    app: Mapped[str | None] = mapped_column(String(64))
    link_id: Mapped[str | None] = mapped_column(String(16))
    network: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")
    request_id: Mapped[str] = mapped_column(String(32), default="")
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)

    __table_args__ = (Index(None, "account", "at"), Index(None, "kind", "at"))
