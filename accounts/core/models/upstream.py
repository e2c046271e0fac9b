"""Map identities: which account of another OpenID provider is connected to which account here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.base import Base


class Identity(Base):
    """A user as another issuer knows them, connected to one account by whoever was signed in to both.

    :ivar issuer, subject: ``iss`` and ``sub``: the only values by which the account is found.
    :ivar shown: what the issuer called them then, so that the user recognises it in the list. Never compared.
    """

    __tablename__ = "identities"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    account_id: Mapped[str] = mapped_column("account", ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    shown: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    def __repr__(self) -> str:
        return f"<Identity {self.id}>"
