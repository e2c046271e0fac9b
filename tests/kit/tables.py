"""What stands in the tables, and what a piece of work changes there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from accounts.core.models.base import Base
from accounts.flows.sessions.live import SPENT_ID_PREFIX
from accounts.flows.sessions.session import SIGN_IN_EVENT
from tests.people import Service

VERSION_COLUMN = "version"
"""Counts the writes of a row, for whoever writes at the same moment: says nothing of its own."""
Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


def dump_tables(service: Service, *excluded_tables: str) -> dict[str, list[str]]:
    """Return every row of every table as text, to see whether anything changed."""
    with service.site.store.engine.connect() as connection:
        return {
            table.name: sorted(str(tuple(row)) for row in connection.execute(select(table)))
            for table in Base.metadata.sorted_tables
            if table.name not in excluded_tables
        }


def read_rows(engine: Engine) -> Rows:
    """Return the rows of every table by their primary keys."""
    with engine.connect() as connection:
        return {
            table.name: {
                tuple(row[column.name] for column in table.primary_key): dict(row)
                for row in connection.execute(select(table)).mappings()
            }
            for table in Base.metadata.sorted_tables
        }


def leave_out_session(rows: Rows) -> Rows:
    """Return rows without those of the session and of the key, which the use of any link writes beside its act."""
    is_left_out: dict[str, Callable[[dict[str, Any]], bool]] = {
        "audit": lambda row: row["kind"] == SIGN_IN_EVENT,
        "spent": lambda row: row["id"].startswith(SPENT_ID_PREFIX),
        "key_uses": lambda row: True,
    }
    return rows | {
        table: {key: row for key, row in rows[table].items() if not is_left_out[table](row)} for table in is_left_out
    }


@dataclass
class TableChanges:
    """What became different between two readings.

    :ivar added: number of new rows by table.
    :ivar deleted: number of rows that are gone, by table.
    :ivar changed: for each row that stayed, its table and what is different: ``auth_epoch+1`` for a number,
        ``anchor_key=None`` for what was emptied, otherwise the name of the column.
    """

    added: dict[str, int]
    deleted: dict[str, int]
    changed: list[tuple[str, str]]


def compare_rows(before: Rows, after: Rows) -> TableChanges:
    """Return the difference between two readings of all tables."""
    added: Counter[str] = Counter()
    deleted: Counter[str] = Counter()
    changed = []
    for table, rows in after.items():
        added[table] += len(rows.keys() - before[table].keys())
        deleted[table] += len(before[table].keys() - rows.keys())
        for key in rows.keys() & before[table].keys():
            was, is_now = before[table][key], rows[key]
            columns = [
                _describe(name, was[name], is_now[name])
                for name in was
                if was[name] != is_now[name] and name != VERSION_COLUMN
            ]
            if columns:
                changed.append((table, " ".join(sorted(columns))))
    return TableChanges(dict(+added), dict(+deleted), sorted(changed))


def find_new_rows(before: Rows, after: Rows, table: str, **values: Any) -> list[dict[str, Any]]:
    """Return the rows that came to one table, where ``values`` are given those that have them."""
    new = (row for key, row in after[table].items() if key not in before[table])
    return [row for row in new if all(row[name] == value for name, value in values.items())]


def _describe(name: str, was: Any, is_now: Any) -> str:
    if isinstance(was, int) and isinstance(is_now, int):
        return f"{name}{is_now - was:+}"
    return f"{name}=None" if is_now is None else name
