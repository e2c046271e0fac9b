"""Sweeps: rows go in portions, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, insert, select

from accounts.core.clock import now
from accounts.core.database import sweep
from accounts.core.database.store import Store
from accounts.core.database.sweep import ROWS_PER_PORTION, sweep_rows
from accounts.core.models.counters import Spent
from tests.conftest import on_both_databases


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = Store(database)
    yield made
    made.close()


@on_both_databases
@pytest.mark.parametrize(
    "portions", [[0], [1], [ROWS_PER_PORTION, 0], [ROWS_PER_PORTION, ROWS_PER_PORTION, 100]], ids=str
)
def test_expired_rows_go_in_portions_and_others_stay(
    store: Store, monkeypatch: pytest.MonkeyPatch, portions: list[int]
) -> None:
    monkeypatch.setattr(sweep, "PAUSE_SECONDS", 0)
    expired = [{"id": f"old{number}", "keep_until": now() - timedelta(days=1)} for number in range(sum(portions))]
    with store.engine.begin() as connection:
        connection.execute(insert(Spent), [*expired, {"id": "new", "keep_until": now() + timedelta(days=1)}])
    done: list[Any] = []
    event.listen(store.engine, "after_cursor_execute", lambda connection, cursor, *rest: done.append(cursor.rowcount))
    event.listen(store.engine, "commit", lambda connection: done.append("commit"))
    assert sweep_rows(store.engine, delete(Spent), Spent.id, Spent.keep_until < now()) == sum(portions)
    assert done == [each for portion in portions for each in (portion, "commit")]
    with store.engine.connect() as connection:
        assert connection.scalars(select(Spent.id)).all() == ["new"]


@on_both_databases
def test_a_portion_is_no_larger_however_the_database_joins_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL may run a subquery again for each row: rows that are locked are then skipped, and others taken."""
    monkeypatch.setattr(sweep, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(sweep, "ROWS_PER_PORTION", 3)
    if store.engine.dialect.name == "postgresql":
        event.listen(store.engine, "begin", _allow_nested_loops_only)
    with store.engine.begin() as connection:
        rows = [{"id": f"old{number}", "keep_until": now() - timedelta(days=1)} for number in range(7)]
        connection.execute(insert(Spent), rows)
    done: list[int] = []
    event.listen(store.engine, "after_cursor_execute", lambda connection, cursor, *rest: done.append(cursor.rowcount))
    assert sweep_rows(store.engine, delete(Spent), Spent.id, Spent.keep_until < now()) == 7
    assert [count for count in done if count >= 0] == [3, 3, 1]


def _allow_nested_loops_only(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    for setting in ("hashjoin", "mergejoin", "hashagg", "sort", "material", "indexscan", "bitmapscan"):
        driver.execute(f"SET enable_{setting} = off")
