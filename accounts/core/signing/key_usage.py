"""Count how much each key has signed: for each purpose, never for each link."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.database.sql import Executor, Upsert, execute
from accounts.core.models.counters import KeyUse
from accounts.core.signing.keys import Key


def _build_count_upsert(insert: Any) -> Any:
    statement = insert(KeyUse)
    is_later = KeyUse.alive_until < statement.excluded.alive_until
    changes = {
        "signed": KeyUse.signed + statement.excluded.signed,
        "alive_until": case((is_later, statement.excluded.alive_until), else_=KeyUse.alive_until),
    }
    return statement.on_conflict_do_update(index_elements=[KeyUse.key, KeyUse.purpose], set_=changes)


_COUNT_SIGNED = Upsert(_build_count_upsert)


def count_signed(executor: Executor, key: Key, purpose: str, alive_until: datetime, *, times: int = 1) -> None:
    """Record that a key has signed something, or several things, for a purpose.

    :param alive_until: when the last of them expires.
    :param times: how many.
    """
    values = {"signed": times, "first_signed_at": now(), "alive_until": alive_until, "opened": 0}
    execute(executor, _COUNT_SIGNED, {"key": key.name, "purpose": purpose, **values})


def count_opened(session: Session, key: Key, purpose: str) -> None:
    """Record that something this key has signed was used."""
    session.execute(
        update(KeyUse)
        .where(KeyUse.key == key.name, KeyUse.purpose == purpose)
        .values(opened=KeyUse.opened + 1, last_opened_at=now())
        .execution_options(synchronize_session=False)
    )


def list_key_usage(session: Session) -> Sequence[KeyUse]:
    """Return the counters of all keys that ever signed here, by key and purpose."""
    return session.scalars(select(KeyUse).order_by(KeyUse.key, KeyUse.purpose)).all()
