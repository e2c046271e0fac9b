"""Writers of one process: one at a time, in the order in which they come, and nobody keeps the turn for good."""

from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import Iterator
from itertools import groupby

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from accounts.core.database import store as store_module
from accounts.core.database.store import Store
from accounts.core.database.writers import TurnLock

WRITE = text("INSERT INTO spent (id, keep_until) VALUES (:id, '2030-01-01')")


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = Store(database)
    yield made
    made.close()


def test_whoever_waits_longest_is_next() -> None:
    lock, order = TurnLock(), list[int]()
    assert lock.acquire(0)
    waiting = []
    for number in range(5):
        came = threading.Event()

        def wait(number: int = number, came: threading.Event = came) -> None:
            came.set()
            assert lock.acquire(30)
            order.append(number)
            lock.release()

        waiting.append(threading.Thread(target=wait))
        waiting[-1].start()
        came.wait()
        while len(lock._waiting) <= number:
            pass  # until it stands in the queue
    lock.release()
    for thread in waiting:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def test_whoever_gives_up_is_left_out() -> None:
    lock = TurnLock()
    assert lock.acquire(0)
    assert not lock.acquire(0.001)
    lock.release()
    assert lock.acquire(0)
    assert not lock.acquire(0.001)


def test_a_turn_ends_with_its_transaction_however_that_ends(store: Store) -> None:
    for number in range(3):
        with store.engine.connect() as connection:
            connection.execute(WRITE, {"id": str(number)})
            if number == 0:
                connection.commit()
            elif number == 1:
                connection.rollback()
            else:
                connection.invalidate()
    abandoned = store.engine.connect()
    abandoned.execute(WRITE, {"id": "a"})
    del abandoned
    gc.collect()
    with store.engine.begin() as connection:
        connection.execute(WRITE, {"id": "1"})


def test_a_statement_that_fails_leaves_the_turn_with_its_transaction(store: Store) -> None:
    with store.engine.connect() as connection:
        with pytest.raises(OperationalError):
            connection.execute(text("INSERT INTO nowhere VALUES (1)"))
        connection.execute(WRITE, {"id": "a"})
        connection.commit()
    with store.engine.begin() as connection:
        connection.execute(WRITE, {"id": "b"})


def test_whoever_waits_too_long_is_told_as_by_sqlite(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "SQLITE_BUSY_SECONDS", 0.01)
    with store.engine.begin() as writer:
        writer.execute(WRITE, {"id": "a"})
        with store.engine.connect() as late, pytest.raises(OperationalError, match="database is locked"):
            late.execute(WRITE, {"id": "b"})
        # Another process, too.
        stranger = sqlite3.connect(str(store.engine.url.database), timeout=0.01)
        with pytest.raises(sqlite3.OperationalError):
            stranger.execute("BEGIN IMMEDIATE")
        stranger.close()


def test_another_process_that_writes_is_waited_for_by_one_alone(store: Store) -> None:
    """The others wait for their turn, and do not sleep and try."""
    asked: list[tuple[int, str]] = []
    engine = store.engine

    @event.listens_for(engine, "connect")
    def trace(connection: sqlite3.Connection, record: object) -> None:
        connection.set_trace_callback(lambda statement: asked.append((id(connection), statement.split()[0])))

    stranger = sqlite3.connect(str(engine.url.database), isolation_level=None, check_same_thread=False)
    stranger.execute("BEGIN IMMEDIATE")

    def write(number: int) -> None:
        with engine.begin() as connection:
            connection.execute(WRITE, {"id": str(number)})

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    while not any(statement == "BEGIN" for _, statement in asked):
        pass
    stranger.execute("COMMIT")
    for writer in writers:
        writer.join()
    stranger.close()
    # One that waits looks again and again, and nobody else does before it has committed.
    begun = [each for each, _ in groupby(each for each in asked if each[1] in ("BEGIN", "COMMIT"))]
    assert [statement for _, statement in begun] == ["BEGIN", "COMMIT"] * 4
    assert all(first[0] == second[0] for first, second in zip(begun[::2], begun[1::2], strict=True))
