"""Map back-channel logouts: which client was told that a session has ended, and whether it confirmed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.base import Base

WAITING, CONFIRMED, GIVEN_UP, SILENT = "waiting", "confirmed", "given-up", "silent"
"""States of a logout. Silent: the client has registered no address for it."""


class AppLogout(Base):
    """One logout that one client has to be told of: of one session. Outlives the account and the client.

    :ivar logout: the id of what ended together, and is shown together.
    :ivar sid: the session as the client knows it; None where none is known, and all are meant.
    :ivar answer: its last answer, or why it could not be asked: a status or the kind of failure, not its words.
    """

    __tablename__ = "app_logouts"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    logout: Mapped[str] = mapped_column(String(16), index=True)
    account_id: Mapped[str] = mapped_column("account", String(16), index=True)
    app_id: Mapped[str] = mapped_column("app", String(64))
    app_name: Mapped[str] = mapped_column(String(100))
    sid: Mapped[str | None] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    state: Mapped[str] = mapped_column(String(12), default=WAITING)
    answered_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(String(200), default="")

    __table_args__ = (Index(None, "app", "at"),)
