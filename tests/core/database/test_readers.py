"""Connections that are kept aside for reading: closed with the store, and not used again after an error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import ProgrammingError
from typing import Any

import pytest
from sqlalchemy import event, literal, select, text
from sqlalchemy.exc import DBAPIError

from accounts.core.database.readers import ReadingPool
from accounts.core.database.sql import CompiledStatement
from accounts.core.database.store import Store
from accounts.core.models.counters import Spent
from tests.kit.concurrency import run_concurrently

ONE = CompiledStatement(select(literal(1)))
SPENT = CompiledStatement(select(Spent.id))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'readers.db'}")
    yield store
    store.close()


@pytest.fixture
def opened(store: Store) -> list[Any]:
    """The connections that were opened."""
    opened: list[Any] = []
    event.listen(store.engine, "connect", lambda connection, record: opened.append(connection))
    return opened


def test_statements_one_after_the_other_are_read_over_one_connection(store: Store, opened: list[Any]) -> None:
    for _ in range(3):
        assert ONE.fetch_all(store.engine) == [(1,)]

    assert len(opened) == 1
    assert not opened[0].in_transaction


def test_a_reader_sees_what_was_committed_since_and_nothing_else(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("CREATE TABLE spent (id TEXT)"))
    assert SPENT.fetch_all(store.engine) == []

    with store.engine.begin() as connection:
        connection.execute(text("INSERT INTO spent VALUES ('one')"))
        assert SPENT.fetch_all(store.engine) == []
    assert SPENT.fetch_all(store.engine) == [("one",)]


def test_readers_do_not_count_among_the_connections_of_the_pool(store: Store) -> None:
    run_concurrently(8, lambda _: ONE.fetch_all(store.engine))

    assert store.engine.pool.status().endswith("Current Checked out connections: 0")


def test_a_reader_is_not_used_again_after_an_error(store: Store, opened: list[Any]) -> None:
    with pytest.raises(DBAPIError):
        SPENT.fetch_all(store.engine)  # there is no such table
    assert ONE.fetch_all(store.engine) == [(1,)]

    assert len(opened) == 2
    assert _is_closed(opened[0])


def test_a_store_that_is_closed_has_no_reader_open_and_opens_new_ones(store: Store, opened: list[Any]) -> None:
    ONE.fetch_all(store.engine)

    store.close()

    assert _is_closed(opened[0])
    assert ONE.fetch_all(store.engine) == [(1,)]
    assert len(opened) == 2


def test_a_reader_in_use_is_closed_when_it_comes_back_to_a_closed_store(store: Store, opened: list[Any]) -> None:
    pool = store.engine.pool
    assert isinstance(pool, ReadingPool)
    reader = pool.take_reader()

    store.close()

    assert not _is_closed(opened[0])
    pool.give_back(reader)
    assert _is_closed(opened[0])


def _is_closed(connection: Any) -> bool:
    try:
        connection.total_changes  # noqa: B018 - the driver's way to ask
    except ProgrammingError:
        return True
    return False
