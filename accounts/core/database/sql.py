"""Execute prepared statements: building one takes several times as long as running it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    ColumnExpressionArgument,
    Connection,
    CursorResult,
    Dialect,
    Engine,
    Executable,
    Select,
    Table,
    insert,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

T = TypeVar("T")
Executor = Session | Connection
Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Upsert:
    """An INSERT with an ON CONFLICT, which SQLAlchemy spells for each database.

    :param build: returns the statement, given the ``insert`` function of a dialect.
    """

    def __init__(self, build: Callable[[Any], Executable]) -> None:
        self._by_dialect = {"sqlite": build(sqlite.insert), "postgresql": build(postgresql.insert)}

    def for_dialect(self, dialect: Dialect) -> Executable:
        """Return the statement for one database."""
        return self._by_dialect[dialect.name]


def execute(executor: Executor, statement: Executable | Upsert, values: Values | None = None) -> CursorResult[Any]:
    """Execute a statement that makes no objects. Pending changes of a session are flushed first."""
    if isinstance(executor, Session):
        executor.flush()
        executor = executor.connection()
    return executor.execute(
        statement.for_dialect(executor.dialect) if isinstance(statement, Upsert) else statement, values
    )


def iter_batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield rows in lists of ``size``, the last one shorter: each for one transaction."""
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch


def fetch_in_batches(
    engine: Engine,
    statement: Select[*tuple[Any, ...]],
    order_by: Sequence[ColumnExpressionArgument[Any]],
    after: Callable[[Any], ColumnElement[bool]],
    size: int,
) -> Iterator[Sequence[Any]]:
    """Yield the rows of a statement in batches. A connection is held for one batch only.

    :param order_by: columns that order the rows without a tie.
    :param after: makes the condition for rows that come after a row.
    """
    page = statement
    while True:
        with engine.connect() as connection:
            rows = connection.execute(page.order_by(*order_by).limit(size)).all()
        if rows:
            yield rows
        if len(rows) < size:
            return
        page = statement.where(after(rows[-1]))


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, keyed by the names of columns; a column that a row leaves out has its default.

    PostgreSQL gets them by COPY: an INSERT for each row keeps it busy for longer than all else that an import does.

    :raises IntegrityError: a constraint does not hold; nothing of the transaction stays.
    """
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), list(rows))
        return
    columns = [
        (column.name, _default_factory(column), _bind_processor(column, connection)) for column in table.columns
    ]
    names = ", ".join(f'"{name}"' for name, _, _ in columns)
    driver: Any = connection.connection.driver_connection
    integrity_error: Any = connection.dialect.loaded_dbapi.IntegrityError
    statement = f'COPY "{table.name}" ({names}) FROM STDIN'
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(
                    [convert(row[name] if name in row else default()) for name, default, convert in columns]
                )
    except integrity_error as error:
        # As SQLAlchemy would raise it: UnitOfWork.attempt tries again after a lost race.
        raise IntegrityError(statement, None, error) from None


def _default_factory(column: Any) -> Callable[[], Any]:
    if column.default is None:
        return lambda: None
    default = column.default.arg
    return (lambda: default(None)) if column.default.is_callable else (lambda: default)


def _bind_processor(column: Any, connection: Connection) -> Callable[[Any], Any]:
    processor = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return cast("Callable[[Any], Any]", processor) if processor is not None else (lambda value: value)
