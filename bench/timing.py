"""Whether time tells who has an account: ``make bench-timing``, in about five minutes.

    python bench/timing.py [--samples 500] [--pairs 24] [--write]

Measured is the CPU of a request, of the thread that answers it and of the one that hashes: what else the machine does
moves that less than it moves the clock. Everything is made in turns, so that what moves it meets all alike.

* Signing in: one address, a usual password and one of 300 characters. The ratio of the medians is wanted within
  0.95-1.05, for each state of an account and each kind of hash, as a page and as JSON.
* Nine endpoints: how well strangers can be told from accounts, in the mix of the store, by the time of one answer.
  The area under the curve (AUC) is 0.5 for a guess and 1 for certainty. Two groups of strangers are told apart in the
  same run: that is what chance does. The AUC is wanted at most 0.03 over that. Statuses must be the same.

What misses a goal is measured again, with more samples, before that is said. Exit status 1 then. ``--write`` puts the
tables into ``docs/security.md``. Hashes of all kinds are made cheap here, and differ as much as they do elsewhere.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import random
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from harness.process import CORES
from harness.timing_requests import JSON, LONG_PASSWORD, PAGE, SHORT_PASSWORD, Client, Endpoint
from harness.timing_store import FOREIGN_HASHES, STATES, TimedService, make_email, timed_service

DOCUMENT = Path(__file__).parents[1] / "docs" / "security.md"
BEGIN, END = "<!-- the tables of bench/timing.py -->", "<!-- end of the tables -->"
LEAST_RATIO, MOST_RATIO = 0.95, 1.05
MOST_EXCESS = 0.03
TRIES = 4
"""How often is measured what misses its goal; what was measured before counts on."""
UNKNOWN = "unknown"
ADDRESSES_PER_CLASS = 3


@dataclass
class Timing:
    """What short and long passwords took, in ms, by address."""

    label: str
    format: str
    emails: Sequence[str]
    short: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    long: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def ratios(self) -> list[float]:
        return sorted(
            statistics.median(self.long[each]) / statistics.median(self.short[each]) for each in self.emails
        )

    @property
    def reached(self) -> bool:
        return all(LEAST_RATIO <= ratio <= MOST_RATIO for ratio in self.ratios)

    def row(self) -> list[str]:
        short, long = (
            statistics.median(value for values in measured.values() for value in values)
            for measured in (self.short, self.long)
        )
        ratios = self.ratios
        least_most = f"{ratios[0]:.3f}-{ratios[-1]:.3f}"
        return [
            self.label,
            self.format,
            f"{short:.2f}",
            f"{long:.2f}",
            least_most,
            "yes" if self.reached else "**no**",
        ]


@dataclass
class Comparison:
    """What the requests of an endpoint took, in ms, for two groups of strangers and for accounts."""

    endpoint: Endpoint
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    known: list[float] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    @property
    def by_chance(self) -> float:
        return area_under_curve(self.first, self.second)

    @property
    def of_known(self) -> float:
        return area_under_curve(self.first + self.second, self.known)

    @property
    def reached(self) -> bool:
        return self.of_known - self.by_chance <= MOST_EXCESS and len(self.statuses) == 1

    def row(self) -> list[str]:
        medians = [f"{statistics.median(each):.2f}" for each in (self.first + self.second, self.known)]
        areas = [f"{self.by_chance:.3f}", f"{self.of_known:.3f}"]
        status = " and ".join(map(str, sorted(self.statuses)))
        name = self.endpoint.name + ("" if self.endpoint.knows_addresses else " (1)")
        return [name, self.endpoint.format, status, *medians, *areas, "yes" if self.reached else "**no**"]


def area_under_curve(first: Sequence[float], second: Sequence[float]) -> float:
    """Return how often one group is the slower one of a pair, at least one half: whichever way helps to tell them."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    ranks = sum(rank for rank, (_, group) in enumerate(ranked, 1) if group)
    wins = ranks - len(second) * (len(second) + 1) / 2
    share = wins / (len(first) * len(second))
    return max(share, 1 - share)


def time_passwords(client: Client, service: TimedService, pairs: int) -> list[Timing]:
    """Return what short and long passwords take, for each kind of account and for strangers."""
    emails = {name: service.emails[name][1 : 1 + ADDRESSES_PER_CLASS] for name in (*STATES, *FOREIGN_HASHES)}
    emails[UNKNOWN] = [make_email() for _ in range(ADDRESSES_PER_CLASS)]
    timings = [Timing(name, each, emails[name]) for name in emails for each in (PAGE, JSON)]
    for tries in range(TRIES):
        due = [timing for timing in timings if not timing.reached] if tries else timings
        if tries and due:
            say(f"measured again: {', '.join(f'{each.label} ({each.format})' for each in due)}")
        for number in range(pairs * (2 if tries else 1)):
            if number % 6 == 0:
                settle(service)
            for timing in random.sample(due, len(due)):
                for email in timing.emails:
                    _time_pair(client, timing, email, is_long_first=number % 2 == 1)
    return timings


def _time_pair(client: Client, timing: Timing, email: str, *, is_long_first: bool) -> None:
    kinds = [(SHORT_PASSWORD, timing.short), (LONG_PASSWORD, timing.long)]
    for password, measured in reversed(kinds) if is_long_first else kinds:
        milliseconds, status = client.measure(client.sign_in(email, password, timing.format))
        assert status == 401, status
        measured[email].append(milliseconds)


def compare_endpoints(client: Client, service: TimedService, samples: int) -> list[Comparison]:
    """Return what each endpoint takes for strangers and for accounts."""
    comparisons = [Comparison(endpoint) for endpoint in client.endpoints()]
    known = cycle(_mixed_emails(service, *service.emails))
    linked = cycle(_mixed_emails(service, *(name for name in service.emails if name != "disabled")))
    active = cycle(service.emails["active"][1:])
    for tries in range(TRIES):
        due = [each for each in comparisons if not each.reached] if tries else comparisons
        if tries and due:
            say(f"measured again: {', '.join(f'{each.endpoint.name} ({each.endpoint.format})' for each in due)}")
        for number in range(samples * (3 if tries else 1)):
            if number % 50 == 0:
                settle(service)
            for comparison in due:
                endpoint = comparison.endpoint
                strangers = (make_email(), make_email()) if endpoint.knows_addresses else (next(active), next(active))
                _compare_once(client, comparison, strangers, next(known if endpoint.knows_addresses else linked))
    return comparisons


def _compare_once(client: Client, comparison: Comparison, strangers: tuple[str, str], account: str) -> None:
    turns = list(zip((comparison.first, comparison.second, comparison.known), (*strangers, account), strict=True))
    for measured, email in random.sample(turns, len(turns)):
        milliseconds, status = client.measure(comparison.endpoint.build(email))
        measured.append(milliseconds)
        comparison.statuses.add(status)


def _mixed_emails(service: TimedService, *names: str) -> list[str]:
    found = [email for name in names for email in service.emails[name] if email != service.admin]
    random.shuffle(found)
    return found


def settle(service: TimedService) -> None:
    """Forget wrong passwords, and collect garbage while nothing is measured."""
    service.clear_failures()
    gc.collect()


def format_table(headings: Sequence[str], rows: Iterator[list[str]]) -> str:
    lines = [list(headings), ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def describe_run() -> str:
    load = os.getloadavg()[0]
    made = f"{datetime.now(UTC):%d %B %Y}, Python {platform.python_version()}, {len(CORES)} cores"
    return f"{made}, load average {load:.1f} at the end. Times are milliseconds of CPU."


def report(timings: list[Timing], comparisons: list[Comparison]) -> str:
    endpoints = format_table(
        ["endpoint", "as", "status", "strangers", "accounts", "AUC by chance", "AUC", "reached"],
        (each.row() for each in comparisons),
    )
    passwords = format_table(
        ["account", "as", "short", "300 characters", "ratio, by address", "reached"], (each.row() for each in timings)
    )
    note = (
        "(1) About a link, which names an account: active accounts stand for strangers, and all others are compared "
        "with them, but for disabled ones, whose links do not work."
    )
    return f"{describe_run()}\n\n{endpoints}\n\n{note}\n\n{passwords}"


def write_into_document(tables: str) -> None:
    text = DOCUMENT.read_text("utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"timing.py: {DOCUMENT.name} has no place for the tables")
    DOCUMENT.write_text(pattern.sub(lambda _: f"{BEGIN}\n{tables}\n{END}", text), "utf-8")


def say(text: str) -> None:
    print(f"timing.py: {text}", file=sys.stderr)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--samples", type=int, default=500, help="of each group, at each endpoint, at first")
    asked.add_argument(
        "--pairs", type=int, default=24, help="of a short and a long password, at each address, at first"
    )
    asked.add_argument("--write", action="store_true", help="put the tables into docs/security.md")
    given = asked.parse_args()
    with timed_service() as service:
        client = Client(service)
        gc.collect()
        gc.freeze()
        gc.disable()
        timings = time_passwords(client, service, given.pairs)
        comparisons = compare_endpoints(client, service, given.samples)
    tables = report(timings, comparisons)
    print(tables)
    if given.write:
        write_into_document(tables)
    missed = [each.reached for each in timings].count(False) + [each.reached for each in comparisons].count(False)
    if missed:
        say(f"{missed} goals are missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
