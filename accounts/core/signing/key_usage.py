"""Count how much each key has signed: for each purpose, never for each link."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement, Executor
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


_COUNT_SIGNED = CompiledStatement(_build_count_upsert)
_COUNT_OPENED = CompiledStatement(
    update(KeyUse)
    .where(KeyUse.key == bindparam("used_key"), KeyUse.purpose == bindparam("used_purpose"))
    .values(opened=KeyUse.opened + 1, last_opened_at=bindparam("moment"))
)


def count_signed(executor: Executor, key: Key, purpose: str, alive_until: datetime, *, times: int = 1) -> None:
    """Record that a key has signed something, or several things, for a purpose.

    :param alive_until: when the last of them expires.
    :param times: how many.
    """
    signed = {"key": key.name, "purpose": purpose, "signed": times, "first_signed_at": now()}
    _COUNT_SIGNED.run(executor, {**signed, "alive_until": alive_until, "opened": 0, "last_opened_at": None})


def count_opened(executor: Executor, key: Key, purpose: str) -> None:
    """Record that something this key has signed was used."""
    _COUNT_OPENED.run(executor, {"used_key": key.name, "used_purpose": purpose, "moment": now()})


def list_key_usage(session: Session) -> Sequence[KeyUse]:
    """Return the counters of all keys that ever signed here, by key and purpose."""
    return session.scalars(select(KeyUse).order_by(KeyUse.key, KeyUse.purpose)).all()
