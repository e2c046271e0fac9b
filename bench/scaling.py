"""What ten million accounts and five thousand sign-ins a second need, from measured figures.

``make bench-scaling``, once ``make bench-web bench-postgres bench-storm`` have run. Other sizes:
``python bench/scaling.py --accounts 1000000 --sign-ins 200``. It multiplies, and no more: cores of the kind that was
measured, at full use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from harness.bare_hash import LIBRARY
from harness.bare_hash import NAME as BARE_HASH
from harness.contender import HASHES
from harness.results import OURS, Results, print_table, read_results

NEEDED = {"web": "bench-web", "web-hash": "bench-web", "postgres": "bench-postgres", "waits": "bench-storm"}


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


def cost(results: Results, contender: str, load: str) -> float:
    """Return the median CPU of a load, in microseconds.

    :raises LookupError: it was not measured.
    """
    found = results.spread(contender, load)
    if found is None:
        raise LookupError(f"{results.bench} has no {load} of {contender}")
    return found.median


def reckon(size: Size, found: dict[str, Results]) -> Iterator[tuple[str, str, str]]:
    """Yield what is needed: of what, how much, and what it was reckoned from."""
    hash_us = cost(found["web-hash"], BARE_HASH, LIBRARY)
    sign_in_us = cost(found["web"], OURS, "W3")
    who_us = cost(found["web"], OURS, "W1")
    letter_us = cost(found["web"], OURS, "W4 letter")
    hash_cores = size.sign_ins * hash_us / 1e6
    yield "cores for hashes", _number(hash_cores), f"one hash {hash_us:,.0f} us"
    memory = hash_cores * HASHES["owasp"][0] / 1024
    yield "memory for hashes under way", f"{memory:,.0f} MiB", f"{HASHES['owasp'][0]} KiB each, one a core"
    yield "cores for all else of a sign-in", _number(size.sign_ins * sign_in_us / 1e6), f"W3 {sign_in_us:,.0f} us"
    requests = size.sign_ins * size.requests
    yield f"cores for who am I, {requests:,.0f} a second", _number(requests * who_us / 1e6), f"W1 {who_us:,.0f} us"
    yield from _reckon_database(size, requests, found)
    letters = size.sign_ins * size.letters
    cores = letters * letter_us / 1e6
    yield f"cores for letters, {letters:,.0f} a second", _number(cores), f"a letter {letter_us:,.0f} us"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def _reckon_database(size: Size, requests: float, found: dict[str, Results]) -> Iterator[tuple[str, str, str]]:
    acts = found["postgres"].about["acts"]
    shares = {"W3": size.sign_ins, "W1": requests, "W4": size.sign_ins * size.letters}
    sums = {name: sum(acts[load][name] * rate for load, rate in shares.items()) for name in acts["W3"]}
    commits = sum(acts[load]["commits"] * shares[load] for load in ("W3", "W4"))
    sign_in = acts["W3"]
    yield "commits of acts that write", f"{commits:,.0f} a second", f"W3 {sign_in['commits']:.1f}"
    yield "rows written", f"{sums['rows']:,.0f} a second", f"W3 {sign_in['rows']:.1f}"
    log = sums["wal_bytes"] / 2**20
    yield "its log", f"{log:,.1f} MiB a second", f"W3 {sign_in['wal_bytes']:,.0f} bytes"
    if sums["cpu_us"]:
        yield "its cores", _number(sums["cpu_us"] / 1e6), f"W3 {sign_in['cpu_us']:,.0f} us"
    each = found["web"].about["bytes_per_account"]
    yield "accounts on disk", f"{size.accounts * each / 2**20:,.0f} MiB", f"{each:,.0f} bytes each, with indexes"
    durable = found["waits"].spread("control", "commit", "rate")
    if durable is not None:
        most = durable.median / sign_in["commits"]
        yield "sign-ins that one SQLite can commit", f"{most:,.0f} a second", f"{durable.median:,.0f} commits here"


def main() -> int:
    parser = argparse.ArgumentParser(description="What a number of accounts and sign-ins needs.")
    parser.add_argument("--accounts", type=int, default=10_000_000)
    parser.add_argument("--sign-ins", type=float, default=5000, help="a second, at the busiest time")
    parser.add_argument("--requests", type=float, default=10, help="who-am-I requests for each sign-in")
    parser.add_argument("--letters", type=float, default=0.02, help="letters for each sign-in")
    given = parser.parse_args()
    found = {bench: results for bench in NEEDED if (results := read_results(bench)) is not None}
    if lacking := {target for bench, target in NEEDED.items() if bench not in found}:
        print(f"run first: make {' '.join(sorted(lacking))}", file=sys.stderr)
        return 1
    size = Size(given.accounts, given.sign_ins, given.requests, given.letters)
    print(
        f"\n{size.accounts:,} accounts, {size.sign_ins:,.0f} sign-ins a second, {size.requests:g} who-am-I requests "
        f"and {size.letters:g} letters for each"
    )
    try:
        print_table(["needed", "how much", "from"], reckon(size, found))
    except LookupError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
