"""Map forward-auth: which client is at which origin behind a proxy."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.models.base import Base


class AppOrigin(Base):
    """An origin at which a client stands behind a proxy. Users are redirected back to these and to no others.

    :ivar origin: as browsers write it, ``https://wiki.example.org`` (RFC 6454).
    """

    __tablename__ = "app_origins"

    origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    app_id: Mapped[str] = mapped_column(
        "app", ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True, index=True
    )
