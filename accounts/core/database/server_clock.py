"""Compare the clock of this machine with that of the database's."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from accounts.core.clock import now
from accounts.core.database.store import Store


def measure_clock_offset(store: Store) -> float:
    """Return by how many seconds the clock of this process is ahead of the database's; 0 on SQLite, which has none.

    :raises SQLAlchemyError: the database does not answer.
    """
    if store.is_sqlite:
        return 0.0
    with store.engine.connect() as connection:
        asked_at = now()
        theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        # The answer is of some moment in between.
        return ((asked_at - theirs) + (now() - theirs)).total_seconds() / 2
