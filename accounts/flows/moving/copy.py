"""From one database to another, SQLite or PostgreSQL in either direction: all of it, as of one moment, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import JSON, Connection, Integer, Table, bindparam, func, insert, inspect, select, text
from sqlalchemy.exc import DataError

from accounts.core.database import schema, sql
from accounts.core.database.store import Store
from accounts.core.models.audit import AuditRow
from accounts.core.models.base import Base

ROWS_PER_BATCH = 1000
OnTableCopied = Callable[[str, int], None]
"""Is told the table and how many of its rows are over."""


class CopyRefused(Exception):
    """The copy cannot be made, or went wrong; the target is as it was. The text is one line."""


def copy_database(
    source: Store, target: Store, on_progress: OnTableCopied = lambda table, rows: None
) -> Mapping[str, int]:
    """Copy every table; answers how many rows each has.

    Ids, counters and hashes go over as they are. So with the same keys and the same public origin, every link and
    every session that worked on the old database works on the new one.

    :raises CopyRefused: the target holds something already, or does not take what the source has.
    :raises SettingsError: one of them cannot be reached, or is of another version.
    """
    schema.check_revision(source)
    schema.upgrade(target)
    with ExitStack() as stack:
        old = stack.enter_context(_open_snapshot(source))
        new = stack.enter_context(target.engine.begin())
        if target.engine.dialect.name == "postgresql":
            # Rows come as fast as the other side gives them: the target must not take waiting for being stuck.
            new.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        _check_empty(new)
        try:
            counts = {table.name: _copy_table(old, new, table, on_progress) for table in list_tables()}
        except DataError as error:
            # Not its parameters: they are addresses and hashes.
            reason = str(error.orig).strip().splitlines()[0]
            raise CopyRefused(f"the target does not take a row: {reason}") from None
        for table in list_tables():
            for side, connection in (("source", old), ("target", new)):
                if _count_rows(connection, table) != counts[table.name]:
                    raise CopyRefused(f"{table.name}: {counts[table.name]} rows were copied, the {side} has others")
    return counts


def list_tables() -> list[Table]:
    """Every table, those that others refer to first."""
    return list(Base.metadata.sorted_tables)


def has_changed_since(source: Store, counts: Mapping[str, int]) -> bool:
    """Whether the source has changed since it was copied: everything that happens leaves a line in the audit log."""
    with source.engine.connect() as connection:
        table = Base.metadata.tables[AuditRow.__tablename__]
        return _count_rows(connection, table) != counts[table.name]


@contextmanager
def _open_snapshot(store: Store) -> Iterator[Connection]:
    """Yield a connection that sees one moment, whatever is written meanwhile."""
    with store.engine.connect() as connection:
        if store.engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
            connection.execute(text("SET TRANSACTION READ ONLY"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        else:
            # Our SQLite connections read outside of any transaction; this begins one, and WAL keeps its moment.
            connection.exec_driver_sql("BEGIN")
        yield connection


def _check_empty(target: Connection) -> None:
    for table in list_tables():
        if target.execute(select(text("1")).select_from(table).limit(1)).first() is not None:
            raise CopyRefused(f"the target is not empty: {table.name} has rows; nothing was copied")


def _copy_table(old: Connection, new: Connection, table: Table, on_progress: OnTableCopied) -> int:
    statement, copied = insert(table).values(_bind_parameters(table)), 0
    rows = old.execution_options(yield_per=ROWS_PER_BATCH).execute(select(table)).mappings()
    for batch in sql.iter_batches(rows, ROWS_PER_BATCH):
        new.execute(statement, [{f"p_{name}": value for name, value in row.items()} for row in batch])
        copied += len(batch)
        on_progress(table.name, copied)
    if copied and new.dialect.name == "postgresql":
        _advance_sequences(new, table)
    return copied


def _bind_parameters(table: Table) -> dict[str, Any]:
    # JSON that is NULL must not become JSON's own null on the way.
    return {
        column.key: bindparam(
            f"p_{column.key}", type_=JSON(none_as_null=True) if isinstance(column.type, JSON) else column.type
        )
        for column in table.columns
    }


def _advance_sequences(new: Connection, table: Table) -> None:
    """Numbers that the database gives out go on behind those that came along."""
    for column in inspect(table).primary_key:
        if not isinstance(column.type, Integer) or column.autoincrement is False:
            continue
        name = new.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar()
        if name is not None:
            new.execute(select(func.setval(name, select(func.max(column)).scalar_subquery())))


def _count_rows(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()
