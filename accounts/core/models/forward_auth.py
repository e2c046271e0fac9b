"""The table of what stands behind a proxy that asks here who comes: which app is at which origin."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.models.base import Base


class AppOrigin(Base):
    """An origin at which an app stands behind a proxy. People are led back to these and to no others.

    :ivar origin: as browsers write it, ``https://wiki.example.org``.
    """

    __tablename__ = "app_origins"

    origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    app_id: Mapped[str] = mapped_column(
        "app", ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True, index=True
    )
