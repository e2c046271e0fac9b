"""Map addresses from which mail came back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.clock import now
from accounts.core.models.base import Base


class UnreachableAddress(Base):
    """An address of an account or an open invitation, from which an email came back for good. It stops no email.

    :ivar mail_id: the outbox row of that email, which is the id of its line in the audit log.
    :ivar status: an enhanced status code (RFC 3463), such as 5.1.1.
    :ivar said: what the other server said, without addresses and links.
    """

    __tablename__ = "unreachable_addresses"

    email_key: Mapped[str] = mapped_column(String(254), primary_key=True)
    since: Mapped[datetime] = mapped_column(default=now)
    mail_id: Mapped[str] = mapped_column("mail", String(16))
    purpose: Mapped[str] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(12))
    said: Mapped[str] = mapped_column(String(200))

    __table_args__ = (Index(None, "since", "mail"),)
