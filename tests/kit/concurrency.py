"""People who all do one thing at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from accounts.core.uow import UnitOfWork

T = TypeVar("T")
BARRIER_SECONDS = 60
DELIVERY_THREADS = frozenset({"mail", "bulk", "slow", "calls", "sweep", "watch"})


def run_concurrently(count: int, work: Callable[[int], T]) -> list[T]:
    """Return what ``count`` threads got that began at the same moment. What one of them raises, this raises."""
    barrier = threading.Barrier(count)

    def run(number: int) -> T:
        barrier.wait(BARRIER_SECONDS)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def await_delivery_threads() -> None:
    """Wait until the threads that deliver have ended, once they were told to.

    Those that watch and sweep end after the others, and would look into the database of the next test.
    """
    for thread in threading.enumerate():
        if thread.name.removeprefix("accounts-") in DELIVERY_THREADS:
            thread.join(BARRIER_SECONDS)
            assert not thread.is_alive(), f"{thread.name} goes on"


def outcome_of(uow: UnitOfWork, work: Callable[[UnitOfWork], object]) -> str:
    """Return "done", or the name of the problem that was raised."""
    try:
        work(uow)
    except Exception as error:  # noqa: BLE001 - whatever it is, a test compares its name
        return type(error).__name__
    finally:
        uow.close()
    return "done"
