"""Say in SQL what time it is by the clock that leases run by."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam
from sqlalchemy.ext.compiler import compiles

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


@compiles(LeaseClock)
def _compile_parameter(element: LeaseClock, compiler: Any, **more: Any) -> str:
    return str(compiler.process(element.parameter, **more))


@compiles(LeaseClock, "postgresql")
def _compile_server_clock(element: LeaseClock, compiler: Any, **more: Any) -> str:
    seconds = element.seconds
    text = compiler.process(seconds, **more) if isinstance(seconds, BindParameter) else f"{seconds}"
    return f"(clock_timestamp() + {text} * interval '1 second')"
