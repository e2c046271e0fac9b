"""Record what a database is asked, and how often something is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event


class Statements(list[str]):
    """SQL statements in order.

    :ivar commits: how often something was committed.
    :ivar parameters: the parameters of each.
    """

    commits = 0

    def __init__(self) -> None:
        super().__init__()
        self.parameters: list[Any] = []


@contextmanager
def record_statements(engine: Engine) -> Iterator[Statements]:
    """Yield the statements that run meanwhile."""
    statements = Statements()

    def record(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        statements.append(statement)
        statements.parameters.append(parameters)

    def count_commit(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        # Where it was only read there is nothing to commit.
        is_sqlite = engine.dialect.name == "sqlite"
        statements.commits += driver.in_transaction if is_sqlite else bool(driver.info.transaction_status)

    listeners: dict[str, Callable[..., None]] = {"before_cursor_execute": record, "commit": count_commit}
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield statements
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)
