"""Whether the service got dearer: ``make bench-quick``, under three minutes, for every change.

Each load is compared with Flask's hello world in the same round, and that ratio with the one kept in
``bench/reference.json``. Exit status 1 when one got worse by more than a tenth even in its best round: what a busy
machine does to one round and not to the next is no news. It is measured twice before that is said.
``python bench/quick.py --keep`` writes the file anew.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from harness.contender import Hello
from harness.ours import Ours
from harness.process import Missing
from harness.results import Results, Spread, describe_machine, print_table
from harness.rounds import describe, folder, makers_of, pairs_of, run_rounds, say, start_all

REFERENCE = Path(__file__).parent / "reference.json"
LOADS = (
    *("W1", "forward-auth", "W2", "W3", "W4", "W5"),
    *("W7 exchange", "W7 refresh", "W7 userinfo", "W7 discovery", "W7 JWKS"),
)
TOLERANCE = 0.10
ROUNDS = int(os.environ.get("ROUNDS", "4"))
SECONDS = float(os.environ.get("SECONDS", "0.6"))


class BrieflyAsked(Ours):
    """The service, with few codes and letters: what makes them is not what is measured, and takes longer."""

    codes, letters_a_round = 120, 60


def find_worse(results: Results, reference: dict[str, float]) -> list[str]:
    """Return the loads whose ratio to hello is below the kept one by more than a tenth, in its best round too."""
    found = {load: results.of_hello(load) for load in reference}
    return [
        load for load, spread in found.items() if spread is None or spread.most < reference[load] * (1 - TOLERANCE)
    ]


def measure(reference: dict[str, float]) -> Results:
    results = Results("quick", {**describe_machine(), "rounds": ROUNDS, "seconds": SECONDS})
    with folder() as place, ExitStack() as stack:
        contenders = start_all(stack, makers_of((Hello, BrieflyAsked), place, "floor"))
        if len(contenders) < 2:
            raise Missing("nothing to compare: see above")
        results.about["contenders"] = describe(contenders)
        pairs = pairs_of(contenders, LOADS)
        run_rounds(results, pairs, rounds=ROUNDS, seconds=SECONDS, batches=1)
        worse = find_worse(results, reference)
        if worse and all(results.of_hello(load) for load in worse):
            say(f"worse than kept, and measured again: {', '.join(worse)}")
            again = [pair for pair in pairs if pair.name in worse or pair.contender.name == Hello.name]
            run_rounds(results, again, rounds=ROUNDS, seconds=SECONDS, batches=0)
    return results


def print_comparison(results: Results, reference: dict[str, float]) -> None:
    rows = []
    for load in LOADS:
        spread = results.of_hello(load)
        kept = reference.get(load)
        rows.append([load, _cost(results.spread(Ours.name, load)), spread.format(3) if spread else "failed"])
        rows[-1].append(f"{kept:.3f}" if kept else "-")
        rows[-1].append(f"{100 * (spread.median / kept - 1):+.0f} %" if spread and kept else "-")
    print_table(("load", "CPU us", "of hello", "kept", "change"), rows)


def _cost(spread: Spread | None) -> str:
    return spread.format() if spread else "-"


def main(*, keep: bool) -> int:
    known = json.loads(REFERENCE.read_text(encoding="utf-8")) if REFERENCE.exists() and not keep else {}
    reference: dict[str, float] = known.get("of_hello", {})
    results = measure(reference)
    print_comparison(results, reference)
    if keep:
        ratios = {load: round(spread.median, 4) for load in LOADS if (spread := results.of_hello(load))}
        kept = {"of_hello": ratios, "python": results.about["python"], "versions": results.about["versions"]}
        REFERENCE.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        say(f"kept in {REFERENCE.name}")
        return 0
    if not reference:
        say("nothing to compare with: python bench/quick.py --keep writes bench/reference.json")
        return 0
    worse = find_worse(results, reference)
    say(f"WORSE by more than {TOLERANCE:.0%}: {', '.join(worse)}" if worse else "no load got worse")
    return 1 if worse else 0


if __name__ == "__main__":
    try:
        sys.exit(main(keep="--keep" in sys.argv[1:]))
    except Missing as problem:
        sys.exit(str(problem))
