"""People who all do one thing at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from accounts.core.uow import UnitOfWork

T = TypeVar("T")
BARRIER_SECONDS = 60


def run_concurrently(count: int, work: Callable[[int], T]) -> list[T]:
    """Return what ``count`` threads got that began at the same moment. What one of them raises, this raises."""
    barrier = threading.Barrier(count)

    def run(number: int) -> T:
        barrier.wait(BARRIER_SECONDS)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def outcome_of(uow: UnitOfWork, work: Callable[[UnitOfWork], object]) -> str:
    """Return "done", or the name of the problem that was raised."""
    try:
        work(uow)
    except Exception as error:  # noqa: BLE001 - whatever it is, a test compares its name
        return type(error).__name__
    finally:
        uow.close()
    return "done"
