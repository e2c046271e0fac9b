"""Map the audit log, with keyed digests of the addresses it is about, and the chain that shows what was altered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Index,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.base import Base, where


class AuditRow(Base):
    """An event. Only ever appended; never holds a secret.

    :ivar address_tag: the address that the line is about, as a keyed digest. An index entry and no part of the line:
        it is neither shown, exported nor chained, and is cleared after a while, or with the account.
    """

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
    address_tag: Mapped[str | None] = mapped_column(String(32))

    __table_args__ = (
        Index(None, "account", "at"),
        Index(None, "kind", "at"),
        # The order in which lines are read, exported and chained.
        Index("ix_audit_at_id", "at", "id"),
        Index(None, "account", "kind", "at"),
        Index(None, "actor", "at"),
        Index(None, "network", "at"),
        Index("ix_audit_address_tag_at", "address_tag", "at", **where("address_tag IS NOT NULL")),
        # For the sweep: which of the tags are old.
        Index("ix_audit_tagged_at", "at", **where("address_tag IS NOT NULL")),
    )


class AddressIndexRow(Base):
    """The tag of a line as versions before this one wrote it. The table goes when none of them may run any more."""

    __tablename__ = "audit_marks"

    mark: Mapped[str] = mapped_column(String(32), primary_key=True)
    audit_id: Mapped[str] = mapped_column("audit", String(16), primary_key=True, index=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)


class AuditChainRow(Base):
    """One line of the audit log in the chain. Each digest binds the one before.

    :ivar number: from 1, without a gap.
    :ivar at: when the line was written; lines are chained in the order of ``at`` and id.
    :ivar personal: digest of account, actor and network, under ``salt``; it outlives both.
    :ivar salt: deleted when the line is pruned: then nobody can try whose it was.
    :ivar key, proof: the name of a key, and its proof of the chain up to here. On the last line of a closing.
    """

    __tablename__ = "audit_seals"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    audit_id: Mapped[str] = mapped_column("audit", String(16), unique=True)
    at: Mapped[datetime]
    personal: Mapped[str] = mapped_column(String(43))
    salt: Mapped[str | None] = mapped_column(String(22))
    digest: Mapped[str] = mapped_column(String(43))
    key: Mapped[str | None] = mapped_column(String(8))
    proof: Mapped[str | None] = mapped_column(String(43))
