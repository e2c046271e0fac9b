"""The service on PostgreSQL, which the tests know how to find and to start."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

from harness.contender import ROOT
from harness.ours import Ours
from harness.process import LOAD_CORES, Missing, pinned

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""As a server keeps what it is given; that of the tests keeps nothing."""


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

    def describe(self) -> dict[str, str]:
        return super().describe() | {"database": "PostgreSQL over a Unix socket, fsync and synchronous_commit on"}


def start_postgres(stack: ExitStack) -> str:
    """Start a server until the stack ends; the URL of an empty database.

    :raises Missing: there is none, or it does not start.
    """
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from tests.servers.postgres import SETTINGS, PostgresMissing, postgres

    try:
        with pinned(LOAD_CORES):
            server = stack.enter_context(postgres(settings={**SETTINGS, **DURABLE}))
    except (PostgresMissing, RuntimeError) as problem:
        raise Missing(str(problem)) from None
    return server.create_database("bench")
