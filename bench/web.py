"""Who am I, pages, sign-in, letters, links, sign-up: this service beside other account systems, in one run.

``make bench-web``, once ``make bench-peers`` has made the peers' environments; without one of them the others go on.
``python bench/web.py accounts better-auth`` takes these alone (hello and the bare server always). ROUNDS and SECONDS
in the environment say how many rounds, and how long each load runs in each. PostgreSQL takes part where the tests
find one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from harness.bare_hash import measure_bare_hash
from harness.contender import Bare, Contender, Hello
from harness.ours import Ours
from harness.peers import PEERS
from harness.postgres import OursOnPostgres, start_postgres
from harness.process import Missing
from harness.results import Results, describe_machine
from harness.rounds import ROUNDS, SECONDS, describe, folder, makers_of, pairs_of, run_rounds, say, start_all
from harness.tables import print_results

REAL_HASH_LOADS = ("W3", "W6", "W6 pages")
"""Those that are about the hash, too."""
POSTGRES_LOADS = ("W1", "W3", "W4", "W5", "W6", "forward-auth", "W7 exchange", "W7 refresh", "W7 userinfo")

SYSTEMS: tuple[type[Contender], ...] = (Ours, *PEERS)


def measure_framework(results: Results, place: Path, wanted: Iterable[str]) -> None:
    """Measure everything at the cheapest hash, on SQLite; ours on PostgreSQL as well."""
    with ExitStack() as stack:
        makers = makers_of((Bare, Hello), place, "floor") + makers_of(SYSTEMS, place, "floor", wanted)
        contenders = start_all(stack, makers)
        pairs = pairs_of(contenders)
        if Ours.name in wanted:
            try:
                url = start_postgres(stack)
            except Missing as problem:
                say(f"WITHOUT PostgreSQL: {problem}")
            else:
                more = start_all(stack, [lambda: OursOnPostgres(place / "postgres", "floor", database_url=url)])
                contenders += more
                pairs += pairs_of(more, POSTGRES_LOADS)
        results.about["contenders"] = describe(contenders)
        own = next((each for each in contenders if isinstance(each, Ours)), None)
        results.about["bytes_per_account"] = round(own.bytes_per_account) if own else 0
        run_rounds(results, pairs)


def measure_real_hash(results: Results, place: Path, wanted: Iterable[str]) -> None:
    """Measure what is about the hash at the hash that services use, beside one bare hash."""
    with ExitStack() as stack:
        contenders = start_all(stack, makers_of(SYSTEMS, place, "owasp", wanted))
        results.about["contenders"] = describe(contenders)
        run_rounds(
            results,
            pairs_of(contenders, REAL_HASH_LOADS),
            beside=lambda number: measure_bare_hash(number, SECONDS),
        )


def main(wanted: Iterable[str]) -> None:
    about = {**describe_machine(), "rounds": ROUNDS, "seconds": SECONDS}
    floor, real = Results("web", dict(about)), Results("web-hash", dict(about))
    with folder() as place:
        measure_framework(floor, place, wanted)
        print_results(floor)
        measure_real_hash(real, place, wanted)
    print_results(real)


if __name__ == "__main__":
    main(sys.argv[1:] or [Ours.name, *(kind.name for kind in PEERS)])
