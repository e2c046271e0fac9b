"""Statements put together once, when their module is read: building one takes several times as long as running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Dialect, Executable, Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

Open = Session | Connection
Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Upsert:
    """An INSERT with an ON CONFLICT, which SQLAlchemy spells for each database.

    :param build: makes it with the ``insert`` of a dialect.
    """

    def __init__(self, build: Callable[[Any], Executable]) -> None:
        self._by_dialect = {"sqlite": build(sqlite.insert), "postgresql": build(postgresql.insert)}

    def on(self, dialect: Dialect) -> Executable:
        """The statement for one database."""
        return self._by_dialect[dialect.name]


def run(on: Open, statement: Executable | Upsert, values: Values | None = None) -> CursorResult[Any]:
    """Run one that makes no objects. What was changed in those of a session is written first."""
    if isinstance(on, Session):
        on.flush()
        on = on.connection()
    return on.execute(statement.on(on.dialect) if isinstance(statement, Upsert) else statement, values)


def pour(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, keyed by the names of columns; what a row does not say has its default.

    PostgreSQL gets them by COPY: an INSERT for each row keeps it busy for longer than all else that an import does.

    :raises IntegrityError: a constraint does not hold; nothing of the transaction stays.
    """
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), list(rows))
        return
    columns = [(column.name, _default(column), _spelled(column, connection)) for column in table.columns]
    names = ", ".join(f'"{name}"' for name, _, _ in columns)
    driver: Any = connection.connection.driver_connection
    violated: Any = connection.dialect.loaded_dbapi.IntegrityError
    statement = f'COPY "{table.name}" ({names}) FROM STDIN'
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([spell(row[name] if name in row else default()) for name, default, spell in columns])
    except violated as error:
        # As SQLAlchemy would raise it: whoever loses a race is told so, and looks again.
        raise IntegrityError(statement, None, error) from None


def _default(column: Any) -> Callable[[], Any]:
    if column.default is None:
        return lambda: None
    said = column.default.arg
    return (lambda: said(None)) if column.default.is_callable else (lambda: said)


def _spelled(column: Any, connection: Connection) -> Callable[[Any], Any]:
    processor = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return cast("Callable[[Any], Any]", processor) if processor is not None else (lambda value: value)
