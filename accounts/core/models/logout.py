"""The table of goodbyes: which app was told that somebody's session has ended, and whether it confirmed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.base import Base

WAITING, CONFIRMED, GIVEN_UP, SILENT = "waiting", "confirmed", "given-up", "silent"
"""States of a goodbye. Silent is an app that has no address for it: nobody can tell it anything."""


class AppLogout(Base):
    """One app that has to know that one person is signed out. Outlives the account and the app.

    :ivar logout: what was ended together, and is shown together.
    :ivar sid: the session as the app knows it; None where all sessions of the person have ended.
    :ivar answer: what it said last, or why it could not be asked: a status or the kind of failure, not its words.
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
