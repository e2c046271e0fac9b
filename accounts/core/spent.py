"""What is used up. An id is spent once; whoever comes second is told so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.models import Spent

FOR_EVER = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


def spend(session: Session, id: str, keep_until: datetime) -> bool:
    """Mark an id as used up; False when it already was.

    Decided by the database in one statement. RETURNING, not the row count: psycopg reports -1 for it.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Spent).values(id=id, keep_until=keep_until).on_conflict_do_nothing().returning(Spent.id)
    return session.execute(statement).first() is not None


def spend_each(session: Session, ids: Mapping[str, datetime]) -> set[str]:
    """Mark many ids as used up, each until its moment; those that were not yet."""
    if not ids:
        return set()
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    # Always in one order: two who do this at once must not wait for each other crosswise.
    rows = [{"id": id, "keep_until": ids[id]} for id in sorted(ids)]
    return set(session.scalars(insert(Spent).values(rows).on_conflict_do_nothing().returning(Spent.id)))


def spend_until(session: Session, id: str, keep_until: datetime) -> None:
    """Mark an id as used up, or as used up once more."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Spent).values(id=id, keep_until=keep_until)
    session.execute(statement.on_conflict_do_update(index_elements=[Spent.id], set_={"keep_until": keep_until}))


def kept_until(session: Session, id: str) -> datetime | None:
    """Until when a mark is kept; None where there is none."""
    return session.execute(select(Spent.keep_until).where(Spent.id == id)).scalar_one_or_none()


def among(session: Session, ids: Iterable[str]) -> dict[str, datetime]:
    """Those of some ids that were used up, with until when their mark is kept."""
    rows = session.scalars(select(Spent).where(Spent.id.in_(list(ids))))
    return {row.id: row.keep_until for row in rows}


def is_spent(session: Session, id: str) -> bool:
    """Whether an id was used up."""
    return session.execute(select(Spent.id).where(Spent.id == id)).first() is not None


def sweep(engine: Engine) -> int:
    """Forget ids whose statements are dead of age by now; how many."""
    with engine.begin() as connection:
        return _swept(connection)


def _swept(connection: Connection) -> int:
    gone = connection.execute(delete(Spent).where(Spent.keep_until < now()).returning(Spent.id)).all()
    return len(gone)
