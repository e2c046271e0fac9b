"""The order of tests that several workers share: the run ends soonest where the longest begin first."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

import pytest

T = TypeVar("T")


def deal_longest_first(items: Sequence[T], workers: int, limit: Callable[[T], float]) -> list[T]:
    """
    Return the tests in another order: each worker begins with tests that have a time limit of their own.

    By such a limit says who wrote the test that it is long. pytest-xdist's ``worksteal`` cuts the list into one part
    for each worker, and gives the end of a part to whoever has nothing left to do. All other tests stay in their
    order: the tests of one file share its fixtures.

    :param workers: into how many parts the list will be cut.
    :param limit: the seconds of a test's own limit; 0 where it has none.
    """
    long = sorted(filter(limit, items), key=limit, reverse=True)
    others = iter([item for item in items if not limit(item)])
    ordered: list[T] = []
    for worker in range(workers):
        first = long[worker::workers]
        size = (len(items) - len(ordered)) // (workers - worker)
        ordered += [*first, *islice(others, max(0, size - len(first)))]
    return [*ordered, *others]


def own_limit(item: pytest.Item) -> float:
    """Return the seconds of a test's mark ``timeout``; 0 where it has none."""
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark else 0.0


def count_workers() -> int:
    """Return how many processes of pytest-xdist share the tests; without it one."""
    return int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
