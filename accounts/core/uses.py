"""How much each key has signed: counted per purpose, never per link."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.keys import Key
from accounts.core.models import KeyUse


def count_signed(session: Session, key: Key, purpose: str, alive_until: datetime, *, times: int = 1) -> None:
    """Note that a key signed something, or several, that could be alive until then."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(KeyUse).values(
        key=key.name, purpose=purpose, signed=times, first_signed_at=now(), alive_until=alive_until, opened=0
    )
    later = KeyUse.alive_until < statement.excluded.alive_until
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[KeyUse.key, KeyUse.purpose],
            set_={
                "signed": KeyUse.signed + times,
                "alive_until": case((later, statement.excluded.alive_until), else_=KeyUse.alive_until),
            },
        )
    )


def count_opened(session: Session, key: Key, purpose: str) -> None:
    """Note that something this key had signed was used."""
    session.execute(
        update(KeyUse)
        .where(KeyUse.key == key.name, KeyUse.purpose == purpose)
        .values(opened=KeyUse.opened + 1, last_opened_at=now())
        .execution_options(synchronize_session=False)
    )


def counted(session: Session) -> Sequence[KeyUse]:
    """What was counted, of all keys that ever signed here, by key and purpose."""
    return session.scalars(select(KeyUse).order_by(KeyUse.key, KeyUse.purpose)).all()
