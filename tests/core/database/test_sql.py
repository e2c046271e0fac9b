"""Statements that are compiled once: the same values and errors as SQLAlchemy's, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from accounts.core.database.sql import CompiledStatement
from accounts.core.database.store import Store
from accounts.core.models.counters import Spent
from accounts.core.models.outbox import OutboxRow
from tests.conftest import on_both_databases
from tests.kit.statements import record_statements

MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
INSERT = CompiledStatement(insert(OutboxRow))
SELECT = CompiledStatement(
    select(OutboxRow.facts, OutboxRow.created_at, OutboxRow.lease_until, OutboxRow.attempts)
    .where(OutboxRow.id == bindparam("row"), OutboxRow.purpose == "greet")
    .limit(1)
)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = Store(database)
    yield made
    made.close()


def values(id: str = "a", **changes: Any) -> dict[str, Any]:
    row = {"id": id, "purpose": "greet", "subject": "ann@example.org", "facts": {"ä": [1, None]}, "locale": "en"}
    times = {"created_at": MOMENT, "not_before": MOMENT, "lease_until": None, "dead_at": None}
    return row | times | {"attempts": 3, "last_error": None, "lane": "direct", "batch": None} | changes


@on_both_databases
def test_values_are_converted_as_their_columns_say(store: Store) -> None:
    with store.engine.begin() as connection:
        elsewhere = MOMENT.astimezone(timezone(timedelta(hours=2)))
        INSERT.run(connection, values(lease_until=elsewhere))
        assert SELECT.run(connection, {"row": "a"}) == [({"ä": [1, None]}, MOMENT, MOMENT, 3)]
        assert SELECT.run(connection, {"row": "b"}) == []
        with pytest.raises(ValueError, match="without time zone"):
            INSERT.run(connection, values("b", created_at=datetime(2030, 1, 1)))  # noqa: DTZ001 - what is refused
    with Session(store.engine) as session:
        row = session.get_one(OutboxRow, "a")
        assert (row.facts, row.created_at, row.lease_until) == ({"ä": [1, None]}, MOMENT, MOMENT)


@on_both_databases
def test_it_is_part_of_the_transaction_of_whoever_runs_it(store: Store) -> None:
    with store.engine.connect() as connection:
        INSERT.run(connection, values("a"))
        connection.rollback()
        INSERT.run_for_each(connection, [values("b"), values("c")])
        connection.commit()
    with Session(store.engine) as session:
        session.add(OutboxRow(**values("d", attempts=1)))
        assert [SELECT.run(session, {"row": id}) != [] for id in "abcd"] == [False, True, True, True]
        returned = CompiledStatement(
            update(OutboxRow).values(attempts=OutboxRow.attempts + 1).returning(OutboxRow.id)
        )
        assert {id for (id,) in returned.run(session)} == {"b", "c", "d"}
        session.rollback()
    with store.engine.connect() as connection:
        assert [attempts for *_, attempts in SELECT.run(connection, {"row": "b"})] == [3]


@on_both_databases
def test_errors_are_those_of_sqlalchemy_and_quote_no_value(store: Store) -> None:
    with store.engine.connect() as connection:
        INSERT.run(connection, values(subject="hush-hush"))
        with pytest.raises(IntegrityError) as caught:
            INSERT.run(connection, values(subject="hush-hush"))
        assert "hush-hush" not in str(caught.value)
        connection.rollback()
        assert SELECT.run(connection, {"row": "a"}) == []


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_connection_that_is_lost_is_not_used_again(store: Store) -> None:
    with store.engine.connect() as connection:
        ((pid,),) = connection.execute(text("SELECT pg_backend_pid()")).all()
        with store.engine.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 2000)"), {"pid": pid})
        with pytest.raises(OperationalError) as caught:
            SELECT.run(connection, {"row": "a"})
        assert caught.value.connection_invalidated
    assert SELECT.fetch_all(store.engine, {"row": "a"}) == []


@on_both_databases
def test_a_row_is_fetched_outside_of_the_transaction_under_way(store: Store) -> None:
    with store.engine.connect() as writer:
        INSERT.run(writer, values())
        assert SELECT.fetch_all(store.engine, {"row": "a"}) == []
        writer.commit()
    assert [attempts for *_, attempts in SELECT.fetch_all(store.engine, {"row": "a"})] == [3]
    assert store.engine.pool.status().endswith("Current Checked out connections: 0")


def test_a_database_that_cannot_be_reached_is_an_error_of_sqlalchemy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(f"sqlite:///{tmp_path}/file/accounts.db")
    with pytest.raises(OperationalError):
        SELECT.fetch_all(store.engine, {"row": "a"})
    store.close()


@on_both_databases
def test_what_has_no_value_is_an_error_and_not_null(store: Store) -> None:
    incomplete = values()
    del incomplete["last_error"]
    with store.engine.connect() as connection, pytest.raises(KeyError, match="last_error"):
        INSERT.run(connection, incomplete)


@on_both_databases
@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (select(Spent.id).where(Spent.id.in_(bindparam("ids", expanding=True))), "a list of values"),
        (insert(OutboxRow).values(purpose=bindparam("what")), "defaults that Python computes"),
    ],
    ids=["lists", "defaults"],
)
def test_what_is_another_statement_each_time_cannot_be_compiled_once(
    store: Store, statement: Any, reason: str
) -> None:
    with store.engine.connect() as connection, pytest.raises((ValueError, SQLAlchemyError), match=reason):
        CompiledStatement(statement).run(connection, {"ids": ["a"], "what": "greet"})


@on_both_databases
def test_a_reading_statement_opens_no_transaction_for_writing(store: Store) -> None:
    with store.engine.connect() as reader, store.engine.connect() as writer:
        SELECT.run(reader, {"row": "a"})
        INSERT.run(writer, values())
        assert SELECT.run(reader, {"row": "a"}) == []
        with record_statements(store.engine) as statements:
            writer.commit()
        assert statements == []
