"""Map invitations for several people: how many places of each are taken, and what admins see of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.clock import now
from accounts.core.models.base import Base


class SharedInvite(Base):
    """An invitation that several people can use.

    Its links say what they are good for: groups, domain, places, end and inviter are read from there, and never from
    here. A link's validity depends on two columns only, which no signature can hold: how many places are taken
    (``uses``), and whether it was taken back (``revoked_at``). All others are for admins to see.

    :ivar uses: places that are taken. It only rises: an account that is deleted gives no place back.
    :ivar keep_until: when the row may go; no link of it is valid then.
    """

    __tablename__ = "shared_invites"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    title: Mapped[str] = mapped_column(String(100), default="")
    groups: Mapped[list[str]] = mapped_column(JSON)
    domain: Mapped[str] = mapped_column(String(254), default="")
    places: Mapped[int]
    uses: Mapped[int] = mapped_column(default=0)
    inviter_id: Mapped[str] = mapped_column(String(16), index=True)
    locale: Mapped[str] = mapped_column(String(8))
    next: Mapped[str] = mapped_column(String(1500), default="")
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    expires_at: Mapped[datetime]
    keep_until: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]

    @property
    def state(self) -> str:
        """Return ``revoked``, ``expired``, ``full`` or ``open``."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at < now():
            return "expired"
        return "full" if self.uses >= self.places else "open"
