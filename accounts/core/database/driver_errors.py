"""Raise errors of a driver as SQLAlchemy does, where statements run past it, and tell what they mean."""

from __future__ import annotations

import sqlite3
from typing import Any, cast

from sqlalchemy import Connection, Engine, PoolProxiedConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_AWAY_CODES = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR})
"""Of SQLite: the folder is not there (yet), somebody else holds the lock, the disk does not answer."""


def is_away(error: SQLAlchemyError) -> bool:
    """Return whether the database could not be reached: the same may work in a moment."""
    if not isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return False
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return code is None or code & 0xFF in _AWAY_CODES


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
