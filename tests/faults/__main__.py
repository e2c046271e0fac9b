"""Rounds until so many processes were killed, then docs/reliability.md (``make faults-report``). May be cut off."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from tests.e2e.running import ROOT
from tests.faults.breaking import list_faults
from tests.faults.plant import KILLS
from tests.faults.report import write_report
from tests.faults.rounds import run_round

STATE = ROOT / ".faults"
KILLS_PER_ROUND, FAULTS_PER_ROUND = 16, 2
DATABASES = ("SQLite", "PostgreSQL")


def main() -> int:
    """Run what is missing, and return 0 where nothing that was promised was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="processes to be killed, on both databases together")
    parser.add_argument("--report-only", action="store_true", help="write docs/reliability.md from what is there")
    parser.add_argument("--state", type=Path, default=STATE, help="folder of results and journals")
    options = parser.parse_args()
    # So that the processes of the round under way end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options.state.mkdir(parents=True, exist_ok=True)
    results_file = options.state / "results.jsonl"
    results = _read(results_file)
    while not options.report_only and _count_kills(results) < options.kills:
        result = _run_next(results, options.state)
        with results_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
        results.append(result)
        reached = f"{result['database']}: {_count_kills(results)} of {options.kills} killed"
        sys.stderr.write(f"{reached}; broken: {result['broken'] or 'nothing'}\n")
        write_report(results, ROOT / "docs" / "reliability.md")
    write_report(results, ROOT / "docs" / "reliability.md")
    return 1 if any(result["broken"] for result in results) or not results else 0


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def _count_kills(results: list[dict[str, Any]]) -> int:
    return sum(sum(result["kills"].values()) for result in results)


def _run_next(results: list[dict[str, Any]], state: Path) -> dict[str, Any]:
    """Run one more round; each has the number of those before it for a seed, so a run that was cut off goes on."""
    number = len(results)
    database, rng = DATABASES[number % 2], random.Random(number)
    faults = list(list_faults(database))
    # In turn, so that a few rounds have had all of them.
    first = number // 2 * FAULTS_PER_ROUND
    events = [faults[(first + each) % len(faults)] for each in range(FAULTS_PER_ROUND)]
    events += rng.choices(list(KILLS), weights=[3, 3, 3, 1], k=KILLS_PER_ROUND)
    rng.shuffle(events)
    folder = state / f"round-{number}"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was cut off
    result = run_round(database, number, events, folder)
    if not result["broken"]:
        (folder / "journal.jsonl").rename(state / f"journal-{number}.jsonl")
        shutil.rmtree(folder)
    return result


if __name__ == "__main__":
    sys.exit(main())
