"""Results as lines of JSON, and what they come to: medians, and ratios within a round."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sqlite3
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.letters import BENCH
from harness.process import CORES

FOLDER = BENCH / ".results"
PACKAGES = ("flask", "werkzeug", "sqlalchemy", "itsdangerous", "granian", "waitress", "argon2-cffi", "psycopg")
HELLO, HELLO_LOAD, OURS = "hello", "W1", "accounts"


@dataclass(frozen=True)
class Row:
    """One measurement.

    :ivar cpu_us: microseconds of CPU a unit, of the server's whole process tree.
    :ivar rate: units a second.
    """

    contender: str
    load: str
    round: int
    cpu_us: float
    rate: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    units: int = 0


@dataclass(frozen=True)
class Spread:
    """A median with the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        found = list(values)
        return cls(statistics.median(found), min(found), max(found)) if found else None

    def format(self, digits: int = 0) -> str:
        return f"{self.median:,.{digits}f} [{self.least:,.{digits}f}-{self.most:,.{digits}f}]"


@dataclass
class Results:
    """All measurements of one benchmark.

    :ivar about: machine, versions and settings.
    """

    bench: str
    about: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def values(self, contender: str, load: str, what: str = "cpu_us") -> dict[int, float]:
        """Return a measure by round."""
        found = (row for row in self.rows if (row.contender, row.load) == (contender, load))
        return {row.round: getattr(row, what) for row in found}

    def spread(self, contender: str, load: str, what: str = "cpu_us") -> Spread | None:
        return Spread.of(self.values(contender, load, what).values())

    def ratios(self, above: tuple[str, str], below: tuple[str, str], what: str = "cpu_us") -> Spread | None:
        """Return one (contender, load) divided by another, in each round that has both."""
        first, second = self.values(*above, what), self.values(*below, what)
        return Spread.of(first[number] / second[number] for number in first if second.get(number))

    def of_hello(self, load: str, contender: str = OURS) -> Spread | None:
        """Return how many requests of a load cost what one hello costs less: 1 is as cheap as hello."""
        return self.ratios((HELLO, HELLO_LOAD), (contender, load))

    def contenders(self) -> list[str]:
        """Return the names of all that were measured, in the order in which they were started."""
        measured = {row.contender for row in self.rows}
        return [name for name in self.about.get("contenders", {}) if name in measured]

    def loads(self, contender: str = "") -> list[str]:
        """Return the names of all loads in order, with ``contender`` of those that it did."""
        return sorted({row.load for row in self.rows if contender in ("", row.contender)})

    def add(self, *rows: Row) -> None:
        """Take in what was just measured and write it: a run that is stopped keeps what it had.

        Round 0 is a warm-up, and left out.
        """
        self.rows += (row for row in rows if row.round)
        self.write()

    def write(self) -> None:
        """Write everything as lines of JSON; the first says what it is about."""
        FOLDER.mkdir(exist_ok=True)
        path, unfinished = FOLDER / f"{self.bench}.jsonl", FOLDER / f"{self.bench}.unfinished"
        lines = [{"bench": self.bench, **self.about}, *(vars(row) for row in self.rows)]
        unfinished.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        unfinished.replace(path)


def read_results(bench: str) -> Results | None:
    """Read what a benchmark has written last; None if it never ran."""
    path = FOLDER / f"{bench}.jsonl"
    if not path.exists():
        return None
    first, *rest = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return Results(first.pop("bench"), first, [Row(**line) for line in rest])


def describe_machine() -> dict[str, Any]:
    """Return what a figure means little without."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": cpu,
            "cores": len(CORES),
            "load": os.getloadavg()[0],
            "system": platform.platform(terse=True),
        },
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def print_table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table in Markdown, with columns that stand below each other; nothing where it has no rows."""
    cells = [list(headings), *(list(row) for row in rows)]
    if len(cells) == 1:
        return
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print("\n" + "\n".join(lines))


def format_about(about: Mapping[str, Any], amount: str = "") -> str:
    """Return one paragraph about machine, versions and settings; ``amount`` where it was not rounds of seconds."""
    machine, versions = about["machine"], about["versions"]
    amount = amount or f"{about['rounds']} rounds of {about['seconds']} s"
    return (
        f"{about['at'][:10]}, {machine['cpu']}, {machine['cores']} cores, "
        f"load average {machine['load']:.1f} at the start; "
        f"CPython {about['python']}, SQLite {about['sqlite']}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + f"; {amount}."
    )
