"""What tests lend each other, one after the other: engines and PostgreSQL databases, both as good as new.

Making them costs more than most tests do: PostgreSQL copies a database in 0.2 s, and each new engine compiles every
statement of the service anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL, Engine, event, make_url

from accounts.core.database.schema import VERSION_TABLE
from accounts.core.database.store import Store
from accounts.core.models.base import Base
from tests.servers.postgres import Postgres


class Engines:
    """Engines as the service makes them. One that is lent anew connects elsewhere; what it has compiled stays."""

    def __init__(self) -> None:
        self._idle: defaultdict[URL, list[Engine]] = defaultdict(list)

    def lend(self, url: URL) -> Engine:
        """An engine on this database that nobody else has now."""
        idle = self._idle[_server(url)]
        engine = idle.pop() if idle else _made(url)
        engine.url = url
        return engine

    def take_back(self, engine: Engine) -> None:
        """May be lent to the next one."""
        engine.dispose()
        self._idle[_server(engine.url)].append(engine)


ENGINES = Engines()
"""Of the whole process, as the apps are."""


def _server(url: URL) -> URL:
    # All that an engine is made of, but for the database: that alone may be another when it is lent anew.
    return url.set(database="")


def _made(url: URL) -> Engine:
    engine = Store(url.render_as_string(hide_password=False)).engine

    @event.listens_for(engine, "do_connect")
    def connect_to_its_database(dialect: Any, record: object, where: list[Any], how: dict[str, Any]) -> None:
        at, more = dialect.create_connect_args(engine.url)
        where[:] = at
        how.update(more)

    return engine


class LentStore(Store):
    """A store of one test: on first use it gets an engine that others had before."""

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            with self._engine_lock:
                if self._engine is None:
                    self._engine = ENGINES.lend(self._url)
        return self._engine

    def give_back(self) -> None:
        """The test is over."""
        if self._engine is not None:
            engine, self._engine = self._engine, None
            ENGINES.take_back(engine)


class Databases:
    """Migrated PostgreSQL databases. They are emptied after each test; one whose shape was changed is dropped."""

    def __init__(self, server: Postgres, template: str) -> None:
        self._server, self._template = server, template
        self._idle: list[tuple[str, str]] = []
        self._made = 0
        self._shape = ""

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The URL of an empty database that nobody else has meanwhile."""
        name, url = self._idle.pop() if self._idle else self._new()
        yield url
        if self._emptied(url):
            self._idle.append((name, url))
        else:
            self._server.drop_database(name)

    def _new(self) -> tuple[str, str]:
        self._made += 1
        name = f"test{self._made}"
        url = self._server.create_database(name, template=self._template)
        with _inside(url) as connection:
            self._shape = _shape(connection)
        return name, url

    def _emptied(self, url: str) -> bool:
        """Whether the database is again as it was: nobody in it, and every table as it was made, without a row."""
        with _inside(url) as connection:
            connection.execute(_OTHERS, [connection.info.backend_pid])
            if _shape(connection) != self._shape:
                return False
            connection.execute(_EMPTY)
            return True


_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
_SHAPE = sql.SQL("""
    SELECT string_agg(what, ' ' ORDER BY what) FROM (
        SELECT format('%s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod)) AS what
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
        UNION ALL SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT conname::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT version_num::text FROM {}
    ) AS parts
""").format(sql.Identifier(VERSION_TABLE))
_EMPTY = sql.SQL("; ").join(
    sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)) for table in reversed(Base.metadata.sorted_tables)
)


def _inside(url: str) -> psycopg.Connection[Any]:
    at = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(at, autocommit=True, connect_timeout=30)


def _shape(connection: psycopg.Connection[Any]) -> str:
    try:
        row = connection.execute(_SHAPE).fetchone()
    except psycopg.errors.UndefinedTable:
        return "no tables"
    return str(row and row[0])
