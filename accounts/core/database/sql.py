"""Statements put together once, when their module is read: building one takes several times as long as running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect, Executable
from sqlalchemy.dialects import postgresql, sqlite
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
