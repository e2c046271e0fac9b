"""Run statements that are compiled once, and read and write many rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    ColumnExpressionArgument,
    Connection,
    Dialect,
    Engine,
    Executable,
    PoolProxiedConnection,
    Select,
    Table,
    insert,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from accounts.core.database.driver_errors import translate_error
from accounts.core.database.postgresql import begin_transaction
from accounts.core.database.readers import ReadingPool

T = TypeVar("T")
Executor = Session | Connection
Row = tuple[Any, ...]
Values = Mapping[str, Any]
Convert = Callable[[Any], Any]


class CompiledStatement:
    """A statement that is compiled once for each database and run by its driver.

    To build a statement takes several times as long as to run it, and so does what SQLAlchemy does for each
    execution: a context, a result, rows with names. Here values are converted by the types of their columns, both
    ways, and rows are plain tuples. Defaults that Python computes are not applied: every parameter needs a value.

    :param statement: the statement; or a function that returns it, given the ``insert`` of a dialect, for an INSERT
        with an ON CONFLICT.
    """

    def __init__(self, statement: Executable | Callable[[Any], Executable]) -> None:
        self._statement = statement
        self._by_dialect: dict[str, _DialectStatement] = {}

    def run(self, executor: Executor, values: Values | None = None) -> list[Row]:
        """Run it in the transaction of a connection or session, and return all rows.

        :raises DBAPIError: the database refuses it.
        """
        connection = _connection_of(executor)
        compiled = self._compile(connection.dialect)
        return compiled.run(connection, compiled.bind(values or {}))

    def fetch_all(self, engine: Engine, values: Values | None = None) -> list[Row]:
        """Return all rows over a connection of its own, outside of any transaction that is under way.

        :raises DBAPIError: the database cannot be reached, or refuses it.
        """
        compiled = self._compile(engine.dialect)
        bound = compiled.bind(values or {})
        pool = engine.pool if isinstance(engine.pool, ReadingPool) and not compiled.is_write else None
        try:
            # Not connect(), whose object alone costs half of what a short statement does.
            pooled = engine.raw_connection() if pool is None else pool.take_reader()
        except engine.dialect.loaded_dbapi.Error as error:
            raise translate_error(engine, None, compiled.text, error) from error
        try:
            rows = compiled.run_by_driver(engine, pooled, bound)
        except BaseException:
            pooled.close()
            raise
        if pool is None:
            pooled.close()
        else:
            pool.give_back(pooled)
        return rows

    def run_for_each(self, executor: Executor, values: Iterable[Values]) -> None:
        """Run it once for each of many values, in the transaction of a connection or session.

        :raises DBAPIError: the database refuses it.
        """
        connection = _connection_of(executor)
        compiled = self._compile(connection.dialect)
        compiled.run(connection, [compiled.bind(each) for each in values], is_many=True)

    def for_dialect(self, dialect: Dialect) -> Executable:
        """Return the statement for one database, for SQLAlchemy to execute."""
        if isinstance(self._statement, Executable):
            return self._statement
        # Imported when it is asked for: PostgreSQL's takes 30 ms of a start that has SQLite.
        return self._statement(import_module(f"sqlalchemy.dialects.{dialect.name}").insert)

    def _compile(self, dialect: Dialect) -> _DialectStatement:
        compiled = self._by_dialect.get(dialect.name)
        if compiled is None:
            compiled = _compile(self.for_dialect(dialect), dialect)
            self._by_dialect[dialect.name] = compiled
        return compiled


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A parameter of a statement.

    :ivar is_required: whether the values name it; otherwise it is a constant of the statement.
    """

    name: str
    is_required: bool
    constant: Any
    convert: Convert | None


@dataclass(frozen=True, slots=True)
class _DialectStatement:
    """The text of a statement for one database, and what its driver needs beside it.

    :ivar is_positional: whether the driver takes parameters in order; otherwise by name.
    :ivar converts: how the values of a row are converted, by column; None where none is.
    """

    text: str
    is_write: bool
    returns_rows: bool
    is_positional: bool
    parameters: Sequence[_Parameter]
    names: Sequence[str]
    converts: Sequence[Convert | None] | None

    def bind(self, values: Values) -> Any:
        """Return values as the driver takes them.

        :raises KeyError: a parameter has none.
        """
        # In one expression: a call for each parameter costs as much as all else here.
        bound = [
            each.constant
            if not each.is_required
            else values[each.name]
            if each.convert is None
            else each.convert(values[each.name])
            for each in self.parameters
        ]
        return bound if self.is_positional else dict(zip(self.names, bound, strict=True))

    def run(self, connection: Connection, bound: Any, *, is_many: bool = False) -> list[Row]:
        """Run it in the transaction of a connection."""
        if self.is_write and not connection.in_transaction():
            connection.begin()  # so that its commit has something to commit
        return self.run_by_driver(connection, connection.connection, bound, is_many=is_many)

    def run_by_driver(
        self, source: Connection | Engine, pooled: PoolProxiedConnection, bound: Any, *, is_many: bool = False
    ) -> list[Row]:
        """Run it on a pooled connection of the driver.

        :param source: where the connection came from, and who listens to its statements.
        """
        driver: Any = pooled.dbapi_connection
        cursor, statement, context = driver.cursor(), self.text, SimpleNamespace()
        # Whoever listens to the engine's statements hears of these, too: what takes SQLite's write lock does.
        listeners = source.engine.dispatch
        for listen in listeners.before_cursor_execute:
            statement, bound = listen(source, cursor, statement, bound, context, is_many)
        try:
            (cursor.executemany if is_many else cursor.execute)(statement, bound)
            # Not by the cursor's description: psycopg puts one together for each column.
            rows: list[Row] = cursor.fetchall() if self.returns_rows and not is_many else []
        except source.dialect.loaded_dbapi.Error as error:
            raise translate_error(source, pooled, statement, error) from error
        finally:
            cursor.close()
        for listen in listeners.after_cursor_execute:
            listen(source, cursor, statement, bound, context, is_many)
        converts = self.converts
        return rows if converts is None else [_convert_row(row, converts) for row in rows]


def _convert_row(row: Row, converts: Sequence[Convert | None]) -> Row:
    return tuple([value if convert is None else convert(value) for value, convert in zip(row, converts, strict=True)])


def _connection_of(executor: Executor) -> Connection:
    if isinstance(executor, Connection):
        return executor
    executor.flush()
    return executor.connection()


def _compile(statement: Any, dialect: Dialect) -> _DialectStatement:
    compiled = statement.compile(dialect=dialect)
    by_name = {name: parameter for parameter, name in compiled.bind_names.items()}
    if any(parameter.expanding for parameter in by_name.values()):
        raise ValueError("a list of values makes another statement for each length")
    if compiled.insert_prefetch or compiled.update_prefetch:
        raise ValueError("defaults that Python computes are not applied: name every column")
    parameters = []
    for name in compiled.positiontup if compiled.positional else by_name:
        parameter = by_name[name]
        convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        constant = parameter.value if convert is None or parameter.required else convert(parameter.value)
        parameters.append(_Parameter(name, parameter.required, constant, convert))
    types = [column.type.dialect_impl(dialect) for column in statement.exported_columns]
    converts = [each.result_processor(dialect, None) for each in types]
    return _DialectStatement(
        text=str(compiled),
        is_write=not statement.is_select,
        returns_rows=bool(types),
        is_positional=compiled.positional,
        parameters=parameters,
        names=[each.name for each in parameters],
        converts=converts if any(converts) else None,
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
    begin_transaction(driver)
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
