"""Map the names that people give their devices."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.models.base import Base


class SessionName(Base):
    """What somebody calls the device of one session. It gives access to nothing, and ends with the session.

    :ivar session_id: the id of the session, which is in the cookie and in the audit log.
    """

    __tablename__ = "session_names"

    session_id: Mapped[str] = mapped_column("session", String(16), primary_key=True)
    account_id: Mapped[str] = mapped_column("account", ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    expires_at: Mapped[datetime] = mapped_column(index=True)
