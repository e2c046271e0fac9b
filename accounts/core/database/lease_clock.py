"""Say in SQL what time it is by the clock that leases run by."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam
from sqlalchemy.ext.compiler import compiles

from accounts.core.clock import now
from accounts.core.database.sql import Executor
from accounts.core.database.writers import SqliteConnection
from accounts.core.models.base import UtcDateTime


class LeaseClock(ColumnElement[datetime]):
    """A moment by the clock that leases run by.

    On PostgreSQL the database's own: leases are short, and processes on several machines whose clocks are apart by
    as much would take each other's letters. SQLite has one machine; there it is a parameter.

    :param parameter: the name of the parameter that holds the moment.
    :param seconds: how far from now that moment is; or the parameter that says so.
    """

    inherit_cache = False
    type = UtcDateTime()

    def __init__(self, parameter: str, seconds: float | BindParameter[Any] = 0) -> None:
        self.parameter = bindparam(parameter, type_=self.type)
        self.seconds = seconds


def read_clock_of_write(executor: Executor) -> datetime:
    """Return what time it is for the parameters of a write, which begins with this.

    SQLite's write lock is taken first. To wait for it may take longer than a lease: one counted from before the wait
    would be over before it is committed, and another process would carry the same letter at the same time.

    :raises OperationalError: others have written for too long.
    """
    connection = executor if isinstance(executor, Connection) else executor.connection()
    if not connection.in_transaction():
        connection.begin()
    driver: Any = connection.connection.dbapi_connection
    if isinstance(driver, SqliteConnection):
        driver.begin_write()
    return now()


@compiles(LeaseClock)
def _compile_parameter(element: LeaseClock, compiler: Any, **more: Any) -> str:
    return str(compiler.process(element.parameter, **more))


@compiles(LeaseClock, "postgresql")
def _compile_server_clock(element: LeaseClock, compiler: Any, **more: Any) -> str:
    seconds = element.seconds
    text = compiler.process(seconds, **more) if isinstance(seconds, BindParameter) else f"{seconds}"
    return f"(clock_timestamp() + {text} * interval '1 second')"
