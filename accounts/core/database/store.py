"""Connect to the database: one store for each app, its engine made on first use."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url

from accounts.config_sources import SettingsError
from accounts.core.database import postgresql
from accounts.core.database.files import DatabaseFile
from accounts.core.database.readers import ReadingPool
from accounts.core.database.writers import SqliteConnection, TurnLock

SQLITE_BUSY_SECONDS = 10
CONNECT_SECONDS = 5
POOL_SIZE = 16
"""Connections that are kept: as many as a process has request threads. Others are closed when they are given back."""
READ_STATEMENTS = ("SELECT", "WITH", "PRAGMA", "EXPLAIN", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


class Store:
    """The database of one installation. Making a ``Store`` opens nothing; the first use makes the engine.

    :param url: ``sqlite:///...`` or ``postgresql://...`` (psycopg 3 is used whatever driver is named).
    :param engine: a host's own engine, used as it is; its disposal stays with the host.
    :raises SettingsError: a URL of a database that is not supported.
    """

    def __init__(self, url: str = "", *, engine: Engine | None = None) -> None:
        self._engine = engine
        self._owned_by_host = engine is not None
        self._url = engine.url if engine is not None else normalize_url(url)
        self._engine_lock = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The engine, made on first use; threads that come first together share one."""
        if self._engine is None:
            with self._engine_lock:
                if self._engine is None:
                    self._engine = _make_engine(self._url)
        return self._engine

    @property
    def has_engine(self) -> bool:
        """Whether an engine was made at all."""
        return self._engine is not None

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite; PostgreSQL otherwise."""
        return self._url.get_backend_name() == "sqlite"

    @property
    def file_path(self) -> Path | None:
        """Where the file of a SQLite database is; None for PostgreSQL."""
        return Path(str(self._url.database)) if self.is_sqlite else None

    def __str__(self) -> str:
        return self._url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Close all connections; the next use opens new ones. A host's engine is left alone."""
        if self._engine is not None and not self._owned_by_host:
            self._engine.dispose()


def normalize_url(text: str) -> URL:
    """Return a database URL with the driver this service is tested with.

    :raises SettingsError: not a URL, or neither SQLite (a file) nor PostgreSQL.
    """
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except Exception:  # noqa: BLE001 - SQLAlchemy raises several kinds; none may echo a password
        raise SettingsError("ACCOUNTS_DATABASE_URL: is not a database URL") from None
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise SettingsError("ACCOUNTS_DATABASE_URL: SQLite needs a file; memory is not shared by threads")
        return url.set(drivername="sqlite+pysqlite")
    raise SettingsError(f"ACCOUNTS_DATABASE_URL: {backend} is not supported; use sqlite or postgresql")


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        # Where the folder cannot be made, SQLite raises an error of the database, which callers handle.
        with contextlib.suppress(OSError):
            Path(str(url.database)).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        engine = create_engine(
            url,
            connect_args={"timeout": SQLITE_BUSY_SECONDS, "factory": functools.partial(_open_sqlite, {})},
            poolclass=ReadingPool,
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            pool_use_lifo=True,
            hide_parameters=True,
        )
        turns = TurnLock()
        event.listen(engine, "connect", lambda connection, record: _prepare_sqlite(connection, turns))
        event.listen(engine, "before_cursor_execute", _begin_before_write)
        return engine
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_timeout=CONNECT_SECONDS,
        # Few that are busy, not all in turn: those know their statements, and need no look whether they are alive.
        pool_use_lifo=True,
        isolation_level="AUTOCOMMIT",
        # Errors quote the parameters of their statement otherwise: addresses and hashes, into the log.
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            # A stuck statement or lock must not hold a thread for ever; an answer of 503 is better than none.
            "options": "-c statement_timeout=15000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000",
        },
    )
    postgresql.prepare_engine(engine)
    return engine


def _open_sqlite(files: dict[str, DatabaseFile], database: str, *args: Any, **options: Any) -> SqliteConnection:
    """Open a connection to a file, which is watched from then on.

    :param files: those that the engine has opened, by their paths.
    :raises DatabaseReplaced: it is not the file that was opened here before.
    """
    # Where a URI leads is SQLite's to know.
    file = None if options.get("uri") else files.setdefault(database, DatabaseFile(Path(database)))
    if file is not None:
        file.prepare()
    connection = SqliteConnection(database, *args, **options)
    connection.file = file
    return connection


def _prepare_sqlite(connection: SqliteConnection, turns: TurnLock) -> None:
    connection.turns, connection.busy_timeout = turns, SQLITE_BUSY_SECONDS
    # The driver's own BEGIN is deferred. It is told to begin nothing; what writes calls begin_write.
    connection.isolation_level = None
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # What is deleted is overwritten, not only unlinked: the file must not keep the address of whoever has left.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()
    if connection.file is not None:
        connection.file.remember()


def _switch_to_wal(cursor: Any) -> None:
    # Turning a new file to WAL does not wait for the busy timeout: of two first starts one would fail at once.
    deadline = time.monotonic() + SQLITE_BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin_before_write(
    connection: Any, cursor: Any, statement: str, parameters: object, context: object, executemany: bool
) -> None:
    # Reads run outside of any transaction; the first write takes the write lock, waiting for it.
    if not statement.lstrip()[:9].upper().startswith(READ_STATEMENTS):
        cursor.connection.begin_write()
