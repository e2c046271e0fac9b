"""Change many rows in portions: nobody waits for a sweep longer than for one of them."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import ColumnElement, Delete, Engine, Select, Update, select

ROWS_PER_PORTION = 250
"""Rows in one transaction, for which all writers wait on SQLite: about 10 ms where the keys of a million rows are
random, as those of spent ids are; 1,000 rows take 40 ms and leave nothing for the disk."""
PAUSE_SECONDS = 0.01
"""Between two portions: SQLite's writers look for the lock now and then, and would never find it free."""


def sweep_rows(engine: Engine, change: Delete | Update, key: Any, condition: ColumnElement[bool]) -> int:
    """Change all rows that meet a condition, :data:`ROWS_PER_PORTION` in a transaction; return how many.

    :param change: what is done with them; afterwards they must not meet the condition any more.
    :param key: the column of the table that names a row.
    :param condition: one that an index answers: it is asked anew for each portion.
    """
    portion = change.where(key.in_(select_portion(key, condition)))
    total = 0
    while True:
        with engine.begin() as connection:
            changed: int = connection.execute(portion).rowcount
        total += changed
        if changed < ROWS_PER_PORTION:
            return total
        time.sleep(PAUSE_SECONDS)


def select_portion(key: Any, condition: ColumnElement[bool]) -> Select[Any]:
    """Return the select of the keys of a portion of the rows that meet a condition, for an ``IN``.

    Of two workers on PostgreSQL each takes rows of its own.
    """
    # A CTE runs once. A plain subquery PostgreSQL may run again for each row, and each time the rows that are locked
    # already are skipped and others taken, until there is none left: a portion of any size.
    rows = select(key.label("key")).where(condition).limit(ROWS_PER_PORTION).with_for_update(skip_locked=True)
    return select(rows.cte("portion", nesting=True).c.key)
