"""Many rows at once, as importing wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Table, insert
from sqlalchemy.exc import IntegrityError


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
