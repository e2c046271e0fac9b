"""Map the terms by which accounts and invitations are found: what is typed is the beginning of one of them."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.models.base import Base

TERM_CHARACTERS = 64
# By code points: in the order of a language, what begins alike does not stand together.
_TERM = String(TERM_CHARACTERS).with_variant(String(TERM_CHARACTERS, collation="C"), "postgresql")


class AccountTerm(Base):
    """A term of an account. By its address, so that those with one term come in the order of the list."""

    __tablename__ = "account_terms"

    term: Mapped[str] = mapped_column(_TERM, primary_key=True)
    email_key: Mapped[str] = mapped_column(
        ForeignKey("accounts.email_key", onupdate="CASCADE", ondelete="CASCADE"), primary_key=True
    )

    __table_args__ = (Index(None, "email_key", "term"), {"sqlite_with_rowid": False})


class InviteTerm(Base):
    """A term of an invitation."""

    __tablename__ = "invite_terms"

    term: Mapped[str] = mapped_column(_TERM, primary_key=True)
    invite_id: Mapped[str] = mapped_column(
        "invite", ForeignKey("sent_invites.id", ondelete="CASCADE"), primary_key=True
    )

    __table_args__ = (Index(None, "invite", "term"), {"sqlite_with_rowid": False})
