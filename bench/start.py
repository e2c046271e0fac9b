"""What it costs to have: the first answer, memory, and a command that only says its help. ``make bench-start``."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from harness.contender import ROOT, Contender, Hello
from harness.load import Crowd
from harness.ours import Ours
from harness.process import SERVER_CORES, pinned
from harness.results import Results, Row, describe_machine
from harness.rounds import ROUNDS, describe, folder, say
from harness.tables import print_results

SIGN_INS = 400
COMMANDS = {"accounts --help": ("-m", "accounts", "--help"), "import click": ("-c", "import click")}


def measure_first_answer(contender: Contender, number: int) -> Row:
    """Start a server that has been started before, and wait for its first answer."""
    began = time.perf_counter()
    contender.launch()
    contender.process.wait_for(contender.is_answering, pause=0.002)
    took = time.perf_counter() - began
    used = contender.process.cpu_seconds()
    contender.halt()
    return Row(contender.name, "first answer", number, 1e6 * used, p50_ms=1000 * took, units=1)


def measure_command(name: str, arguments: Sequence[str], number: int) -> Row:
    """Run a command of the console, and say what it used."""
    began = time.perf_counter()
    with pinned(SERVER_CORES), Path(os.devnull).open("wb") as nowhere:
        to_nowhere = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1)]
        plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environ = {**plain, "PYTHONPATH": str(ROOT)}
        pid = os.posix_spawn(sys.executable, [sys.executable, *arguments], environ, file_actions=to_nowhere)
    _, status, used = os.wait4(pid, 0)
    assert status == 0, name
    took = time.perf_counter() - began
    return Row("console", name, number, 1e6 * (used.ru_utime + used.ru_stime), p50_ms=1000 * took, units=1)


def measure_memory(make: Callable[[], Contender], workers: int) -> list[Row]:
    """Return the memory of the tree, idle and after people have signed in; in MiB where others have microseconds."""
    contender = make()
    try:
        contender.seed()
        contender.start()
        time.sleep(1)
        idle = contender.process.pss_mib()
        load = contender.loads()["W3"]
        with Crowd(contender.port, {"W3": [load.visit() for _ in range(load.connections)]}) as crowd:
            crowd.run(120, SIGN_INS)
        contender.process.drain()
        after = contender.process.pss_mib()
    finally:
        contender.stop()
    signed_in = f"PSS after {SIGN_INS} sign-ins"
    about = f"{workers} workers" if workers > 1 else "1 worker"
    return [Row(f"accounts, {about}", name, 1, size) for name, size in (("PSS idle", idle), (signed_in, after))]


def main(place: Path) -> Results:
    results = Results("start", {**describe_machine(), "rounds": ROUNDS, "seconds": 0})
    contenders: list[Contender] = [Hello(place / "hello", "owasp"), Ours(place / "accounts", "owasp")]
    results.about["contenders"] = describe(contenders)
    try:
        for contender in contenders:
            contender.seed()
        # The first round writes bytecode, and does not count.
        for number in range(ROUNDS + 1):
            say(f"start: round {number} of {ROUNDS}")
            for contender in random.sample(contenders, len(contenders)):
                results.add(measure_first_answer(contender, number))
            results.add(*(measure_command(name, words, number) for name, words in COMMANDS.items()))
    finally:
        for contender in contenders:
            contender.stop()
    for workers in (1, 4):
        results.add(*measure_memory(partial(Ours, place / f"memory-{workers}", "owasp", workers=workers), workers))
    return results


if __name__ == "__main__":
    with folder() as place:
        found = main(place)
    print_results(found)
