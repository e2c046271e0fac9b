"""Count how much each key has signed: for each purpose, never for each link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
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
        "opened": KeyUse.opened + statement.excluded.opened,
        "last_opened_at": func.coalesce(statement.excluded.last_opened_at, KeyUse.last_opened_at),
    }
    return statement.on_conflict_do_update(index_elements=[KeyUse.key, KeyUse.purpose], set_=changes)


_COUNT_USE = CompiledStatement(_build_count_upsert)


def build_signing(key: Key, purpose: str, alive_until: datetime, *, times: int = 1) -> dict[str, Any]:
    """Return the use of a key that has signed something, or several things, as a row of the table.

    :param alive_until: when the last of them expires.
    :param times: how many.
    """
    use = {"key": key.name, "purpose": purpose, "signed": times, "first_signed_at": now()}
    return use | {"alive_until": alive_until, "opened": 0, "last_opened_at": None}


def build_opening(key: Key, purpose: str, signed_at: datetime, alive_until: datetime) -> dict[str, Any]:
    """Return the use of a key by which something was used that it has signed, as a row of the table."""
    use = {"key": key.name, "purpose": purpose, "signed": 0, "first_signed_at": signed_at}
    return use | {"alive_until": alive_until, "opened": 1, "last_opened_at": now()}


def count_uses(executor: Executor, uses: Sequence[Mapping[str, Any]]) -> None:
    """Count uses of keys, as the functions above return them, in a transaction under way."""
    if len(uses) == 1:
        _COUNT_USE.run(executor, uses[0])
    else:
        # In one order: two that count the same at once must not wait for each other crosswise.
        _COUNT_USE.run_for_each(executor, sorted(uses, key=lambda use: (use["key"], use["purpose"])))


def list_key_usage(session: Session) -> Sequence[KeyUse]:
    """Return the counters of all keys that ever signed here, by key and purpose."""
    return session.scalars(select(KeyUse).order_by(KeyUse.key, KeyUse.purpose)).all()
