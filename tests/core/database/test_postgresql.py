"""PostgreSQL is asked as seldom as can be: reads need no transaction, and a busy connection no ping."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import bindparam, func, insert, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.database import postgresql
from accounts.core.database.sql import CompiledStatement, insert_rows
from accounts.core.database.store import Store
from accounts.core.models.counters import Spent
from tests.kit.round_trips import count_round_trips

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("database", ["postgres"], indirect=True)]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="libpq traces on Linux only")
FIND = CompiledStatement(select(Spent.id).where(Spent.id == bindparam("id")))
SPEND = CompiledStatement(insert(Spent))


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = Store(database)
    FIND.fetch_all(made.engine, {"id": "connects"})
    yield made
    made.close()


def spent_row(id: str) -> dict[str, object]:
    return {"id": id, "keep_until": now() + timedelta(days=1)}


def kill_all_others(store: Store) -> None:
    """End every connection to this database but the one that asks, as a restart of the server does."""
    with Store(store.engine.url.render_as_string(hide_password=False)).engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).all()
        connection.invalidate()


@on_linux
def test_a_read_is_one_round_trip(store: Store) -> None:
    with count_round_trips(store.engine) as round_trips:
        assert FIND.fetch_all(store.engine, {"id": "a"}) == []
        assert round_trips() == 1
        with Session(store.engine) as session:
            assert session.scalars(select(Spent)).all() == []
        assert round_trips() == 2


@on_linux
def test_a_write_begins_a_transaction_and_is_committed_with_it(store: Store) -> None:
    with count_round_trips(store.engine) as round_trips:
        with store.engine.connect() as connection:
            FIND.run(connection, {"id": "a"})
            SPEND.run(connection, spent_row("a"))
            SPEND.run(connection, spent_row("b"))
            connection.commit()
        assert round_trips() == 5, "read, begin, two writes, commit"
    assert FIND.fetch_all(store.engine, {"id": "a"}) == [("a",)]


def test_what_is_not_committed_is_rolled_back_however_it_was_written(store: Store) -> None:
    with store.engine.connect() as connection:
        insert_rows(connection, Spent.__table__, [spent_row("copied")])  # type: ignore[arg-type] # its own table
        SPEND.run(connection, spent_row("compiled"))
        connection.execute(insert(Spent), [spent_row("executed")])
    with store.engine.connect() as connection:
        insert_rows(connection, Spent.__table__, [spent_row("copied")])  # type: ignore[arg-type] # its own table
    with Session(store.engine) as session:
        session.add(Spent(**spent_row("added")))
        session.flush()
    with store.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(Spent)) == 0


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("key_share", [False, True])
def test_a_read_that_locks_holds_its_lock_until_the_commit(store: Store, read: bool, key_share: bool) -> None:
    with store.engine.begin() as connection:
        connection.execute(insert(Spent), [spent_row("a")])
    with store.engine.connect() as holder, store.engine.connect() as other:
        holder.execute(select(Spent).with_for_update(read=read, key_share=key_share)).all()
        other.execute(text("SET LOCAL lock_timeout = 1"))
        with pytest.raises(OperationalError):
            other.execute(update(Spent).values(id="b"))
        holder.commit()
        other.rollback()
        other.execute(update(Spent).values(id="b"))


def test_a_connection_that_was_idle_is_looked_at_before_it_is_used(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_all_others(store)
    monkeypatch.setattr(postgresql, "UNTESTED_SECONDS", 0.0)
    assert FIND.fetch_all(store.engine, {"id": "a"}) == []


def read_one(store: Store) -> None:
    FIND.fetch_all(store.engine, {"id": "a"})


def write_one(store: Store) -> None:
    with store.engine.begin() as connection:
        SPEND.run(connection, spent_row("a"))


def add_one(store: Store) -> None:
    with Session(store.engine) as session:
        session.add(Spent(**spent_row("a")))
        session.commit()


@pytest.mark.parametrize("use", [read_one, write_one, add_one])
def test_after_a_restart_of_the_server_one_statement_fails_and_no_more(
    store: Store, monkeypatch: pytest.MonkeyPatch, use: Callable[[Store], None]
) -> None:
    monkeypatch.setattr(postgresql, "UNTESTED_SECONDS", 3600.0)
    for connection in [store.engine.connect() for _ in range(4)]:
        connection.close()
    kill_all_others(store)
    with pytest.raises(OperationalError) as caught:
        use(store)
    assert caught.value.connection_invalidated
    for connection in [store.engine.connect() for _ in range(4)]:
        assert FIND.run(connection, {"id": "a"}) == []
        connection.close()
    use(store)
