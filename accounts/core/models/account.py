"""Map accounts and their groups. Tables hold facts; whatever is in flight is signed and held by the client."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import (
    JSON,
    ForeignKey,
    Index,
    String,
    false,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, object_session, relationship, validates

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.base import Base, where

LOCKOUT_DURATION = timedelta(minutes=60)
"""How long too many wrong passwords in a row hold up further ones."""
ADMIN_GROUP = "admins"
"""The group that administers."""


class Account(Base):
    """A user whose mailbox was proven. ``id`` is never reused: it is the ``sub`` by which clients know them.

    :ivar zone: the time zone that moments are written in (IANA name); "" where nobody has told it.
    :ivar email_unproven: whether the address was only typed, as that of the first admin is, and no link that was
        mailed there has been used since.
    :ivar invited: whether somebody let this account in: by an invitation, by bringing it in from another system, or
        by saying so. Otherwise it signed up by itself. Apps may be for the former alone.
    :ivar terms_version: the version of the terms that the owner has accepted last; "" for none.
    :ivar admin_invites_void_until: invitations into ``admins`` that this account issued at or before are not valid.
    :ivar void_invites: periods, first and last moment in seconds since 1970: no invitation that it issued in one of
        them is valid.
    """

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    locale: Mapped[str] = mapped_column(String(8))
    zone: Mapped[str] = mapped_column(String(64), default="", server_default=text("''"))
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
    searchable: Mapped[bool] = mapped_column(default=False, server_default=false())
    email_unproven: Mapped[bool] = mapped_column(default=False, server_default=false())
    invited: Mapped[bool] = mapped_column(default=False, server_default=false())
    terms_version: Mapped[str] = mapped_column(String(32), default="", server_default=text("''"))
    terms_accepted_at: Mapped[datetime | None]
    admin_invites_void_until: Mapped[datetime | None]
    void_invites: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))

    memberships: Mapped[list[Membership]] = relationship(cascade="all, delete-orphan", lazy="select")

    # Of two writers who saw the same state, the second UPDATE finds no row: StaleDataError, and it reads again.
    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index(None, "status", "email_key"),
        Index("ix_accounts_locked", "email_key", **where("locked_at IS NOT NULL")),
        Index("ix_accounts_unsearchable", "id", **where("NOT searchable")),
    )

    @validates("email_key", "name")
    def _mark_unsearchable(self, name: str, value: str) -> str:
        if object_session(self) is not None:
            # An expression is written whatever was read before: the terms may be made at this moment.
            self.searchable = false()
        return value

    @hybrid_property
    def active(self) -> bool:
        """Whether the account may be used."""
        return self.status == "active"

    def locked(self, at: datetime) -> bool:
        """Return whether signing in by password is locked at a moment."""
        return self.locked_at is not None and at < self.locked_at + LOCKOUT_DURATION

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the account's groups, in alphabetical order."""
        return tuple(sorted(membership.group for membership in self.memberships))

    def __repr__(self) -> str:
        return f"<Account {self.id}>"


class Membership(Base):
    """The membership of one account in one group."""

    __tablename__ = "memberships"

    account_id: Mapped[str] = mapped_column(
        "account", ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    group: Mapped[str] = mapped_column(String(64), primary_key=True)

    __table_args__ = (Index(None, "group", "account"),)
