"""A database that nobody can write to for a while."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
from sqlalchemy import make_url

_TERMINATE_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@contextmanager
def outbox_locked(url: str) -> Iterator[None]:
    """Let nobody write to the outbox during the block, and cut off whoever still waits for it at its end.

    Without that PostgreSQL would go on with what a process had asked for that was killed meanwhile.
    """
    where = make_url(url)
    if where.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(where.database), timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        return
    plain = where.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as server:
        server.execute("LOCK TABLE outbox IN EXCLUSIVE MODE")
        yield
        server.execute(_TERMINATE_OTHERS)
        server.rollback()
