"""What each act asks of PostgreSQL: commits, rows, log, new connections, and the server's own CPU.

``make bench-postgres``. The counts are the server's own, and need no quiet machine. A server that
``TEST_POSTGRES_URL`` names must be nobody else's meanwhile; its CPU is told where it runs on this machine.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from harness.http import WrongAnswer
from harness.load import Crowd
from harness.postgres import OursOnPostgres, start_postgres
from harness.process import Missing, cpu_seconds_of, parent_of
from harness.results import Results, describe_machine, format_about, print_table
from harness.rounds import SECONDS, Pair, describe, folder, pairs_of, say, start_all
from sqlalchemy import make_url

LOADS = ("W1", "W3", "W4", "W5", "W6", "forward-auth", "W7 exchange", "W7 refresh", "W7 userinfo")
STATISTICS_DELAY = 11.0
"""Seconds until an idle connection has told the server what it did: ten, since PostgreSQL 15."""
COUNTS = """
    SELECT xact_commit, sessions, tup_inserted + tup_updated + tup_deleted,
        pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint
    FROM pg_stat_database WHERE datname = current_database()
"""


class Server:
    """The PostgreSQL server, asked for what it has done."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with self._connect() as connection:
            local = connection.info.host.startswith("/")
            self._postmaster = parent_of(connection.info.backend_pid) if local else 0

    def counts(self) -> dict[str, float]:
        """Return commits, connections, rows and bytes of the log, since it was started (PostgreSQL 14 or newer)."""
        time.sleep(STATISTICS_DELAY)
        with self._connect() as connection:
            found = connection.execute(COUNTS).fetchone()
        assert found is not None
        return dict(zip(("commits", "connections", "rows", "wal_bytes"), map(float, found), strict=True))

    def cpu_us(self) -> float:
        """Return microseconds of CPU that it has used; 0 on another machine."""
        return 1e6 * cpu_seconds_of(self._postmaster) if self._postmaster else 0.0

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._url, autocommit=True)


def measure(server: Server, pair: Pair) -> dict[str, float]:
    """Return what the server does for one act, with the letters that come of it.

    :raises WrongAnswer: an answer was not the one that the load wants.
    """
    load, process = pair.load, pair.contender.process
    if load.before is not None and load.after is None:
        load.before()
    with Crowd(pair.contender.port, {pair.name: [load.visit() for _ in range(load.connections)]}) as crowd:
        process.drain()
        before, used = server.counts(), server.cpu_us()
        crowd.run(SECONDS, load.most)
        process.drain()
        used = server.cpu_us() - used
        after = server.counts()
    # The question for the first counts is a commit and a connection, too.
    after["commits"] -= 1
    after["connections"] -= 1
    units = crowd.samples[pair.name].units
    return {name: (after[name] - before[name]) / units for name in after} | {"cpu_us": used / units}


def main(place: Path) -> Results:
    results = Results("postgres", {**describe_machine(), "rounds": 1, "seconds": SECONDS})
    acts: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        url = start_postgres(stack)
        ours = start_all(stack, [lambda: OursOnPostgres(place / "postgres", "floor", database_url=url)])
        results.about |= {"contenders": describe(ours), "acts": acts}
        server = Server(url)
        for pair in pairs_of(ours, LOADS):
            say(f"postgres: {pair.name}")
            try:
                acts[pair.name] = measure(server, pair)
            except WrongAnswer as problem:
                say(f"FAILED {pair.name}: {problem}")
    return results


def print_acts(results: Results) -> None:
    """Print what each act asks of the server."""
    print(f"\n### What PostgreSQL does\n\n{format_about(results.about)}")
    rows = (
        [
            load,
            *(f"{act[name]:.2f}" for name in ("commits", "rows", "connections")),
            *(f"{act[name]:,.0f}" for name in ("wal_bytes", "cpu_us")),
        ]
        for load, act in results.about["acts"].items()
    )
    print_table(
        ["an act", "commits", "rows written", "new connections", "bytes of log", "CPU us of the server"], rows
    )


if __name__ == "__main__":
    try:
        with folder() as place:
            found = main(place)
    except Missing as problem:
        sys.exit(str(problem))
    found.write()
    print_acts(found)
