"""Spare PostgreSQL round trips: no transaction around what only reads, and no ping of a connection just used."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

from accounts.core.database.driver_errors import translate_error

UNTESTED_SECONDS = 5.0
"""How long a connection may lie idle and be used again without a look whether the server is still there."""
IDLE = 0
"""``psycopg.pq.TransactionStatus.IDLE``: the driver is not installed everywhere."""
_ONLY_READS = re.compile(r"\s*(SELECT|WITH|SHOW)\b(?!.*\b(INSERT|UPDATE|DELETE|MERGE|SHARE)\b)", re.DOTALL)
"""What changes nothing and locks no row (``FOR UPDATE``, ``FOR SHARE``), in the letters that SQLAlchemy writes."""
_USED_AT = "accounts_used_at"


def prepare_engine(engine: Engine) -> None:
    """Have an engine, whose connections are in autocommit mode, begin transactions and test connections itself."""
    event.listen(engine, "before_cursor_execute", _begin_before_write)
    tester = _ConnectionTester(engine)
    event.listen(engine, "checkin", tester.on_checkin)
    event.listen(engine, "checkout", tester.on_checkout)
    event.listen(engine, "invalidate", tester.on_invalidate)


def begin_transaction(driver: Any) -> None:
    """Begin a transaction on a connection of psycopg, unless one is under way.

    :raises psycopg.Error: the server cannot be reached.
    """
    if driver.autocommit and driver.info.transaction_status == IDLE:
        driver.execute("BEGIN")


def _begin_before_write(
    connection: Any, cursor: Any, statement: str, parameters: object, context: object, executemany: bool
) -> None:
    # As on SQLite: what only reads runs outside of any transaction, the first other statement begins one. Each
    # statement sees what is committed either way, in PostgreSQL's own isolation level.
    if _reads_only(statement):
        return
    try:
        begin_transaction(cursor.connection)
    except connection.dialect.loaded_dbapi.Error as error:
        raise translate_error(connection, connection.connection, "BEGIN", error) from error


@lru_cache(maxsize=1000)
def _reads_only(statement: str) -> bool:
    return _ONLY_READS.match(statement) is not None


class _ConnectionTester:
    """Looks whether the server is still there, at a connection that was idle or since when another was lost.

    ``pool_pre_ping`` asks at each checkout, which costs as much as a statement.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lost_at = float("-inf")

    def on_checkin(self, connection: Any, record: Any) -> None:
        record.info[_USED_AT] = time.monotonic()

    def on_invalidate(self, connection: Any, record: Any, error: BaseException | None) -> None:
        self._lost_at = time.monotonic()

    def on_checkout(self, connection: Any, record: Any, proxy: Any) -> None:
        used_at = record.info.get(_USED_AT)
        if used_at is None or (used_at > self._lost_at and time.monotonic() - used_at < UNTESTED_SECONDS):
            return
        dialect = self._engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise DisconnectionError(str(error)) from error
