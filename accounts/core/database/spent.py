"""Use ids up. Of two that use one up at the same moment, one is told that it came second."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine, bindparam, delete, select
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement, Executor
from accounts.core.database.sweep import sweep_rows
from accounts.core.models.counters import Spent

FOR_EVER = datetime.fromisoformat("9999-01-01T00:00:00+00:00")
_SPEND = CompiledStatement(lambda insert: insert(Spent).on_conflict_do_nothing().returning(Spent.id))
_SPEND_UNTIL = CompiledStatement(
    lambda insert: (made := insert(Spent)).on_conflict_do_update(
        index_elements=[Spent.id], set_={"keep_until": made.excluded.keep_until}
    )
)
_IS_SPENT = CompiledStatement(select(Spent.id).where(Spent.id == bindparam("id")))


def spend(executor: Executor, id: str, keep_until: datetime) -> bool:
    """Mark an id as used, and return True; return False when it already was.

    Decided by the database in one statement. RETURNING, not the row count: psycopg reports -1 for it.

    :param keep_until: until when the mark is kept: longer than anything signed that it invalidates.
    """
    return bool(_SPEND.run(executor, {"id": id, "keep_until": keep_until}))


def spend_each(session: Session, ids: Mapping[str, datetime]) -> set[str]:
    """Mark many ids as used, each until its moment, and return those that were not yet."""
    if not ids:
        return set()
    # Always in one order: two who do this at once must not wait for each other crosswise.
    rows = [{"id": id, "keep_until": ids[id]} for id in sorted(ids)]
    return set(session.scalars(_SPEND.for_dialect(session.get_bind().dialect), rows))


def spend_until(executor: Executor, id: str, keep_until: datetime) -> None:
    """Mark an id as used, or extend the mark of one that already is."""
    _SPEND_UNTIL.run(executor, {"id": id, "keep_until": keep_until})


def get_keep_until(session: Session, id: str) -> datetime | None:
    """Return until when the mark of an id is kept; None where it is not marked."""
    return session.execute(select(Spent.keep_until).where(Spent.id == id)).scalar_one_or_none()


def is_spent(executor: Executor, id: str) -> bool:
    """Return whether an id is used."""
    return bool(_IS_SPENT.run(executor, {"id": id}))


def delete_expired(engine: Engine) -> int:
    """Delete marks of which everything they invalidate has expired, and return how many."""
    return sweep_rows(engine, delete(Spent), Spent.id, Spent.keep_until < now())
