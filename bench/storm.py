"""A login storm beside normal traffic, and the longest waits of writers: ``make bench-storm``.

Eight connections sign in at the hash that services use while four ask who they are. Then letters and sign-ins over 16
connections, beside a program that does one durable commit under one lock: nobody who writes can wait less.
"""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from harness.contender import Contender, Control, Load
from harness.http import WrongAnswer
from harness.load import Crowd
from harness.ours import Ours
from harness.peers import PEERS
from harness.results import Results, describe_machine
from harness.rounds import (
    ROUNDS,
    SECONDS,
    describe,
    folder,
    make_row,
    makers_of,
    pairs_of,
    run_rounds,
    say,
    start_all,
)
from harness.tables import print_results

ASKING, SIGNING_IN = 4, 8
WAITING_LOADS = ("commit", "W3", "W4")


def storm_round(results: Results, contender: Contender, number: int) -> None:
    """Ask who one is, alone and beside those who sign in."""
    loads = contender.loads()
    groups: dict[str, dict[str, tuple[Load, int]]] = {
        "W1 alone": {"W1": (loads["W1"], ASKING)},
        "W1 in a storm": {"W1": (loads["W1"], ASKING), "W3": (loads["W3"], SIGNING_IN)},
    }
    for name, crowd_loads in groups.items():
        visitors = {load: [each.visit() for _ in range(count)] for load, (each, count) in crowd_loads.items()}
        with Crowd(contender.port, visitors) as crowd:
            contender.process.drain()
            used = contender.process.cpu_seconds()
            crowd.run(SECONDS, 100000)
            used = contender.process.cpu_seconds() - used
        for load, sample in crowd.samples.items():
            if sample.units:
                row = make_row(contender.name, load, number, crowd, used)
                results.add(replace(row, load=name if load == "W1" else "W3 in a storm"))


def measure_storm(place: Path) -> Results:
    results = Results("storm", {**describe_machine(), "rounds": ROUNDS, "seconds": SECONDS})
    with ExitStack() as stack:
        contenders = start_all(stack, makers_of((Ours, *PEERS), place, "owasp"))
        results.about["contenders"] = describe(contenders)
        for number in range(ROUNDS + 1):
            say(f"storm: round {number} of {ROUNDS}")
            for contender in random.sample(contenders, len(contenders)):
                try:
                    storm_round(results, contender, number)
                except WrongAnswer as problem:
                    say(f"FAILED {contender.name}: {problem}")
        results.about["pss_mib"] = {each.name: round(each.process.pss_mib()) for each in contenders}
        results.write()
    return results


def measure_waits(place: Path) -> Results:
    results = Results("waits", {**describe_machine(), "rounds": ROUNDS, "seconds": SECONDS})
    with ExitStack() as stack:
        contenders = start_all(stack, makers_of((Control, Ours), place, "floor"))
        results.about["contenders"] = describe(contenders)
        run_rounds(results, pairs_of(contenders, WAITING_LOADS))
    return results


if __name__ == "__main__":
    for measure in (measure_storm, measure_waits):
        with folder() as place:
            found = measure(place)
        print_results(found)
