"""What ten million accounts and five thousand sign-ins a second need: ``make bench-scaling``, a few minutes.

It measures what a sign-in, a question and a letter cost on PostgreSQL, one bare hash, and durable commits of SQLite;
then it multiplies, and no more: cores of the kind that was measured, at full use. What it prints is the last part of
``docs/scaling.md``. ``python bench/scaling.py --again --accounts 1000000 --sign-ins 200`` reckons another size from
the figures of the last run.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.bare_hash import LIBRARY, measure_bare_hash
from harness.bare_hash import NAME as BARE_HASH
from harness.contender import HASHES, THREADS, Control
from harness.postgres import OursOnPostgres, start_postgres
from harness.process import Missing
from harness.results import Results, describe_machine, format_about, print_table, read_results
from harness.rounds import describe, folder, pairs_of, run_rounds, start_all
from postgres import measure_acts

OURS = OursOnPostgres.name
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = float(os.environ.get("SECONDS", "1.5"))
LOADS = ("W1", "W3", "W4", "commit")


@dataclass(frozen=True)
class Size:
    """What is wanted.

    :ivar sign_ins: a second, at the busiest time.
    :ivar requests: who-am-I requests for each sign-in.
    :ivar letters: letters for each sign-in.
    """

    accounts: int
    sign_ins: float
    requests: float
    letters: float


def measure(place: Path) -> Results:
    """Measure all that is reckoned with.

    :raises Missing: there is no PostgreSQL.
    """
    acts = measure_acts(place / "acts", LOADS).about["acts"]
    results = Results("scaling", {**describe_machine(), "rounds": ROUNDS, "seconds": SECONDS, "acts": acts})
    with ExitStack() as stack:
        url = start_postgres(stack)
        ours = OursOnPostgres(place / "accounts", "floor", database_url=url)
        contenders = start_all(stack, [lambda: ours, lambda: Control(place / "control", "floor")])
        results.about |= {"contenders": describe(contenders), "bytes_per_account": round(ours.bytes_per_account)}
        run_rounds(
            results,
            pairs_of(contenders, LOADS),
            rounds=ROUNDS,
            seconds=SECONDS,
            beside=lambda number: measure_bare_hash(number, SECONDS),
        )
    return results


def median(results: Results, contender: str, load: str, what: str = "cpu_us") -> float:
    """Return the median of a measure; by itself microseconds of CPU.

    :raises Missing: it was not measured.
    """
    found = results.spread(contender, load, what)
    if found is None:
        raise Missing(f"{load} of {contender} was not measured")
    return found.median


def reckon(size: Size, results: Results) -> Iterator[tuple[str, str, str]]:
    """Yield what is needed: of what, how much, and what it was reckoned from.

    :raises Missing: a part of it was not measured.
    """
    hash_us = median(results, BARE_HASH, LIBRARY)
    sign_in_us, who_us, letter_us = (median(results, OURS, load) for load in ("W3", "W1", "W4 letter"))
    requests, letters = size.sign_ins * size.requests, size.sign_ins * size.letters
    hash_cores = size.sign_ins * hash_us / 1e6
    cores = (size.sign_ins * sign_in_us + requests * who_us + letters * letter_us) / 1e6
    memory = hash_cores * HASHES["owasp"][0] / 1024
    yield "cores for hashes", _number(hash_cores), f"one hash {hash_us:,.0f} us"
    yield "memory for hashes under way", f"{memory:,.0f} MiB", f"{HASHES['owasp'][0]} KiB each, one a core"
    yield "cores for all else of a sign-in", _number(size.sign_ins * sign_in_us / 1e6), f"W3 {sign_in_us:,.0f} us"
    yield f"cores for who am I, {requests:,.0f} a second", _number(requests * who_us / 1e6), f"W1 {who_us:,.0f} us"
    letter_cores = _number(letters * letter_us / 1e6)
    yield f"cores for letters, {letters:,.0f} a second", letter_cores, f"a letter {letter_us:,.0f} us"
    yield from _reckon_database(size, results, requests, letters)
    connections = THREADS * math.ceil(hash_cores + cores)
    yield "connections to PostgreSQL at most", f"{connections:,}", f"{THREADS} of each process, a process a core"
    durable = median(results, Control.name, "commit", "rate")
    most = durable / results.about["acts"]["W3"]["commits"]
    yield "sign-ins that one SQLite can commit", f"{most:,.0f} a second", f"{durable:,.0f} durable commits here"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def _reckon_database(size: Size, results: Results, requests: float, letters: float) -> Iterator[tuple[str, str, str]]:
    acts = results.about["acts"]
    if lacking := {"W1", "W3", "W4"} - acts.keys():
        raise Missing(f"PostgreSQL was not measured at {', '.join(sorted(lacking))}")
    shares = {"W3": size.sign_ins, "W1": requests, "W4": letters}
    sums = {name: sum(acts[load][name] * rate for load, rate in shares.items()) for name in acts["W3"]}
    sign_in = acts["W3"]
    yield "PostgreSQL: commits that write", f"{sums['commits']:,.0f} a second", f"W3 {sign_in['commits']:.1f}"
    yield "PostgreSQL: statements", f"{sums['statements']:,.0f} a second", f"W3 {sign_in['statements']:.1f}"
    yield "PostgreSQL: rows written", f"{sums['rows']:,.0f} a second", f"W3 {sign_in['rows']:.1f}"
    log = sums["wal_bytes"] / 2**20
    yield "PostgreSQL: its log", f"{log:,.1f} MiB a second", f"W3 {sign_in['wal_bytes']:,.0f} bytes"
    yield "PostgreSQL: its cores", _number(sums["cpu_us"] / 1e6), f"W3 {sign_in['cpu_us']:,.0f} us"
    each = results.about["bytes_per_account"]
    yield "accounts on disk", f"{size.accounts * each / 2**20:,.0f} MiB", f"{each:,.0f} bytes each, with indexes"


def main() -> None:
    """Measure, reckon, and print.

    :raises Missing: something that it needs is not there.
    """
    parser = argparse.ArgumentParser(description="What a number of accounts and sign-ins needs.")
    parser.add_argument("--accounts", type=int, default=10_000_000)
    parser.add_argument("--sign-ins", type=float, default=5000, help="a second, at the busiest time")
    parser.add_argument("--requests", type=float, default=10, help="who-am-I requests for each sign-in")
    parser.add_argument("--letters", type=float, default=0.02, help="letters for each sign-in")
    parser.add_argument("--again", action="store_true", help="reckon from what the last run measured")
    given = parser.parse_args()
    if given.again:
        results = read_results("scaling")
        if results is None:
            raise Missing("there was no run yet: make bench-scaling")
    else:
        with folder() as place:
            results = measure(place)
    size = Size(given.accounts, given.sign_ins, given.requests, given.letters)
    rows = list(reckon(size, results))
    print(f"By `make bench-scaling`: {format_about(results.about)}\n")
    print(
        f"{size.accounts:,} accounts, {size.sign_ins:,.0f} sign-ins a second, {size.requests:g} who-am-I requests "
        f"and {size.letters:g} letters for each:"
    )
    print_table(["needed", "how much", "from"], rows)


if __name__ == "__main__":
    try:
        main()
    except Missing as problem:
        sys.exit(str(problem))
