"""The service on PostgreSQL, which the tests know how to find and to start."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from harness.contender import ROOT
from harness.ours import Ours
from harness.process import LOAD_CORES, Missing, pinned

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""As a server keeps what it is given; that of the tests keeps nothing."""
COUNTING = {"shared_preload_libraries": "pg_stat_statements", "autovacuum": "off", "checkpoint_timeout": "1h"}
"""Counts each statement at once, and does nothing by itself meanwhile."""


class OursOnPostgres(Ours):
    """The service on a PostgreSQL of the same machine, whose own CPU is not counted.

    :param database_url: an empty database.
    """

    name = "accounts-postgres"

    def __init__(self, folder: Path, hash: str, *, database_url: str) -> None:
        super().__init__(folder, hash)
        self._database_url = database_url

    def environ(self) -> dict[str, str]:
        return super().environ() | {"ACCOUNTS_DATABASE_URL": self._database_url}

    def _database_size(self) -> int:
        plain = make_url(self._database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as connection:
            found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert found is not None
        return int(found[0])

    def describe(self) -> dict[str, str]:
        return super().describe() | {"database": "PostgreSQL over a Unix socket, fsync and synchronous_commit on"}


def start_postgres(stack: ExitStack, settings: Mapping[str, str] | None = None) -> str:
    """Start a server until the stack ends; the URL of an empty database.

    It is always one of our own, so that nobody else's work is counted, and it keeps what it is given.

    :param settings: more of them.
    :raises Missing: there is none, or it does not start.
    """
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from tests.servers.postgres import SETTINGS, PostgresMissing, postgres

    try:
        with pinned(LOAD_CORES):
            server = stack.enter_context(postgres({}, {**SETTINGS, **DURABLE, **(settings or {})}))
    except (PostgresMissing, RuntimeError) as problem:
        raise Missing(str(problem)) from None
    return server.create_database("bench")
