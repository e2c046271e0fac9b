"""What each act asks of PostgreSQL: statements, commits, rows, log, new connections, and the server's own CPU.

``make bench-postgres``, a minute or two. The counts are the server's own, and need no quiet machine. It starts a
server with ``pg_stat_statements``, which counts as it goes: what ``pg_stat_database`` says of a connection may be ten
seconds old.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from harness.http import WrongAnswer
from harness.load import Crowd
from harness.postgres import COUNTING, OursOnPostgres, start_postgres
from harness.process import Missing, cpu_seconds_of, parent_of
from harness.results import Results, describe_machine, format_about, print_table
from harness.rounds import Pair, describe, folder, pairs_of, say, start_all
from sqlalchemy import make_url

LOADS = ("W1", "W3", "W4", "W5", "W6", "forward-auth", "W7 exchange", "W7 refresh", "W7 userinfo")
ACTS, MOST_SECONDS, WARM_UP_SECONDS = 400, 20.0, 1.5
# Of commits those that wrote: they take a number, and have to reach the disk.
COUNTS = """
    SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
        (SELECT sum(calls) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'),
        (SELECT coalesce(sum(rows), 0) FROM pg_stat_statements
            WHERE query ~* '^\\s*(WITH .*)?(INSERT|UPDATE|DELETE)'),
        pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,
        (SELECT sessions FROM pg_stat_database WHERE datname = current_database())
"""
COUNTED = ("commits", "statements", "rows", "wal_bytes", "connections")


class Server:
    """The PostgreSQL server, asked for what it has done.

    :param stack: closes the connection over which it is asked.
    """

    def __init__(self, stack: ExitStack, url: str) -> None:
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = stack.enter_context(psycopg.connect(plain, autocommit=True))
        self._connection.execute("CREATE EXTENSION pg_stat_statements")
        self._postmaster = parent_of(self._connection.info.backend_pid)

    def counts(self) -> dict[str, float]:
        """Return what was counted since the start, by the names in ``COUNTED``, and microseconds of CPU."""
        found = self._connection.execute(COUNTS).fetchone()
        assert found is not None
        counted = dict(zip(COUNTED, map(float, found), strict=True))
        return {**counted, "cpu_us": 1e6 * cpu_seconds_of(self._postmaster)}


class CountedOurs(OursOnPostgres):
    """The service, with no more codes than are used."""

    codes = ACTS


def measure(server: Server, pair: Pair) -> dict[str, float]:
    """Return what the server does for one act, with the letters that come of it.

    :raises WrongAnswer: an answer was not the one that the load wants.
    """
    # Each of the service's connections has a process of its own there, which reads the catalog first and plans anew.
    _run(server, pair, WARM_UP_SECONDS)
    return _run(server, pair, MOST_SECONDS)


def _run(server: Server, pair: Pair, seconds: float) -> dict[str, float]:
    load, process = pair.load, pair.contender.process
    if load.before is not None and load.after is None:
        load.before()
    with Crowd(pair.contender.port, {pair.name: [load.visit() for _ in range(load.connections)]}) as crowd:
        process.drain()
        before = server.counts()
        crowd.run(seconds, min(ACTS, load.most))
        process.drain()
        after = server.counts()
    units = crowd.samples[pair.name].units
    return {name: (after[name] - before[name]) / units for name in after}


def measure_acts(place: Path, loads: Sequence[str] = LOADS) -> Results:
    """Measure these loads, on a server of their own.

    :raises Missing: there is no PostgreSQL.
    """
    about: dict[str, Any] = {**describe_machine(), "acts": {}}
    results = Results("postgres", about)
    with ExitStack() as stack:
        url = start_postgres(stack, COUNTING)
        server = Server(stack, url)
        ours = start_all(stack, [lambda: CountedOurs(place / "postgres", "floor", database_url=url)])
        about["contenders"] = describe(ours)
        for pair in pairs_of(ours, loads):
            say(f"postgres: {pair.name}")
            try:
                about["acts"][pair.name] = measure(server, pair)
            except WrongAnswer as problem:
                say(f"FAILED {pair.name}: {problem}")
            results.write()
    return results


def print_acts(results: Results) -> None:
    """Print what each act asks of the server."""
    print(f"\n### What PostgreSQL does\n\n{format_about(results.about, f'{ACTS} acts of each')}")
    rows = (
        [
            load,
            *(f"{act[name]:.2f}" for name in ("statements", "commits", "rows", "connections")),
            *(f"{act[name]:,.0f}" for name in ("wal_bytes", "cpu_us")),
        ]
        for load, act in results.about["acts"].items()
    )
    headings = ["an act", "statements", "commits", "rows written", "new connections", "bytes of log", "its CPU us"]
    print_table(headings, rows)


if __name__ == "__main__":
    try:
        with folder() as place:
            print_acts(measure_acts(place))
    except Missing as problem:
        sys.exit(str(problem))
