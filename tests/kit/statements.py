"""Record what a database is asked, and how often something is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event


class Statements(list[str]):
    """SQL statements in order.

    :ivar commits: how often something was committed.
    """

    commits = 0


@contextmanager
def record_statements(engine: Engine) -> Iterator[Statements]:
    """Yield the statements that run meanwhile."""
    statements = Statements()

    def record(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    def count_commit(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        # Where SQLite was only read there is nothing to commit.
        statements.commits += 1 if engine.dialect.name == "postgresql" else driver.in_transaction

    listeners: dict[str, Callable[..., None]] = {"before_cursor_execute": record, "commit": count_commit}
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield statements
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)
