"""Rounds: every contender does every load once in each, in a new random order."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.contender import Contender, Load
from harness.http import WrongAnswer
from harness.load import Crowd
from harness.process import LOAD_CORES, Missing, pinned
from harness.results import Results, Row

ROUNDS = int(os.environ.get("ROUNDS", "7"))
SECONDS = float(os.environ.get("SECONDS", "2"))
"""Rounds that count, and seconds of each load in each."""
WARM_UP_BATCHES, AGREEMENT = 6, 0.05
"""Batches before the first round at most; fewer where two in a row agree so far. Node takes thousands of requests."""


@dataclass(frozen=True)
class Pair:
    """One contender at one load."""

    contender: Contender
    name: str
    load: Load


def say(text: str) -> None:
    """Tell whoever waits; tables alone go to the standard output."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder for all that servers write (TMPDIR says on which disk), and stay off their core meanwhile."""
    with TemporaryDirectory(prefix="accounts-bench-") as made, pinned(LOAD_CORES):
        yield Path(made)


def makers_of(
    kinds: Sequence[type[Contender]], place: Path, hash: str, names: Iterable[str] | None = None
) -> list[Callable[[], Contender]]:
    """Return what makes contenders, each in a folder of its own; with ``names`` these only."""
    wanted = None if names is None else set(names)
    return [
        partial(kind, place / f"{kind.name}-{hash}", hash) for kind in kinds if wanted is None or kind.name in wanted
    ]


def start_all(stack: ExitStack, makers: Iterable[Callable[[], Contender]]) -> list[Contender]:
    """Start contenders, each with its people; what is missing is told at once, and the others go on."""
    there, started = [], []
    for make in makers:
        contender = make()
        stack.callback(contender.stop)
        try:
            contender.check()
        except Missing as problem:
            say(f"WITHOUT {problem}")
        else:
            there.append(contender)
    for contender in there:
        try:
            contender.seed()
            contender.start()
        except (Missing, WrongAnswer) as problem:
            say(f"WITHOUT {contender.name}: {problem}")
        else:
            started.append(contender)
    return started


def pairs_of(contenders: Iterable[Contender], names: Sequence[str] = ()) -> list[Pair]:
    """Return what there is to measure; with ``names`` these loads only."""
    return [
        Pair(contender, name, load)
        for contender in contenders
        for name, load in contender.loads().items()
        if not names or name in names
    ]


def measure(pair: Pair, number: int, seconds: float) -> list[Row]:
    """Let one contender do one load, once.

    :raises WrongAnswer: an answer was not the one that the load wants.
    """
    process, load = pair.contender.process, pair.load
    if load.before is not None:
        load.before()
    with Crowd(pair.contender.port, {pair.name: [load.visit() for _ in range(load.connections)]}) as crowd:
        process.drain()
        used = process.cpu_seconds()
        crowd.run(seconds, load.most)
        used = process.cpu_seconds() - used
    rows = [make_row(pair.contender.name, pair.name, number, crowd, used)]
    if load.after is not None:
        later = process.cpu_seconds()
        if count := load.after():
            later = process.cpu_seconds() - later
            rows.append(Row(pair.contender.name, f"{pair.name} letter", number, 1e6 * later / count, units=count))
    return rows


def make_row(contender: str, load: str, number: int, crowd: Crowd, cpu_seconds: float) -> Row:
    """Return what a crowd measured; the CPU is shared by all units of all groups."""
    sample = crowd.samples[load]
    if not sample.units:
        raise WrongAnswer("not one unit of work was done")
    return Row(
        contender,
        load,
        number,
        cpu_us=1e6 * cpu_seconds / sum(each.units for each in crowd.samples.values()),
        rate=sample.rate,
        p50_ms=sample.percentile_ms(0.5),
        p99_ms=sample.percentile_ms(0.99),
        units=sample.units,
    )


def run_rounds(
    results: Results,
    pairs: Sequence[Pair],
    *,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    batches: int = WARM_UP_BATCHES,
    beside: Callable[[int], Iterable[Row]] = lambda number: (),
) -> None:
    """Warm up, then measure every pair in each round, in a new random order.

    :param batches: how many the warm-up has at most.
    :param beside: measured in each round as well, such as one bare hash.
    """
    going = list(pairs)
    for pair in pairs:
        if pair in going:
            going = _try(pair, going, partial(_warm_up, pair, seconds / 2, batches))
    first = 1 + max((row.round for row in results.rows), default=0)
    for number in range(first, first + rounds):
        say(f"{results.bench}: round {number - first + 1} of {rounds}")
        results.add(*beside(number))
        for pair in random.sample(going, len(going)):
            if pair in going:
                going = _try(pair, going, partial(_measure_into, results, pair, number, seconds))


def _measure_into(results: Results, pair: Pair, number: int, seconds: float) -> None:
    results.add(*measure(pair, number, seconds))


def _try(pair: Pair, going: list[Pair], work: Callable[[], None]) -> list[Pair]:
    """Return what goes on afterwards: not a pair that fails, and nothing of a server that is gone."""
    try:
        work()
    except (WrongAnswer, Missing) as problem:
        say(f"FAILED {pair.contender.name} {pair.name}: {problem}")
        if pair.contender.is_answering():
            return [each for each in going if each is not pair]
        say(f"GONE {pair.contender.name}:\n{pair.contender.process.log_tail()}")
        return [each for each in going if each.contender is not pair.contender]
    return going


def _warm_up(pair: Pair, seconds: float, batches: int) -> None:
    before = 0.0
    for _ in range(batches):
        cost = measure(pair, 0, seconds)[0].cpu_us
        if abs(cost - before) < AGREEMENT * cost:
            break
        before = cost


def describe(contenders: Iterable[Contender]) -> Mapping[str, Mapping[str, str]]:
    """Return versions and settings of all contenders, by name."""
    return {contender.name: contender.describe() for contender in contenders}
