"""Raise errors of a driver as SQLAlchemy does, where statements run past it."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Connection, Engine, PoolProxiedConnection
from sqlalchemy.exc import DBAPIError


def translate_error(
    source: Connection | Engine, pooled: PoolProxiedConnection | None, statement: str, error: Exception
) -> BaseException:
    """Return an error of the driver as SQLAlchemy raises it; a connection that it lost is not used again."""
    dialect = source.dialect
    base: Any = dialect.loaded_dbapi.Error
    is_lost = pooled is not None and dialect.is_disconnect(cast(Any, error), pooled, None)
    translated = DBAPIError.instance(
        statement, None, error, base, hide_parameters=True, connection_invalidated=is_lost, dialect=dialect
    )
    if is_lost and pooled is not None:
        (source if isinstance(source, Connection) else pooled).invalidate(error)
    return cast(BaseException, translated)
