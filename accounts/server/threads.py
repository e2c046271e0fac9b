"""The threads that answer: a queue in C wakes them, where those of waitress wait for a condition in Python."""

from __future__ import annotations

import logging
import queue
import threading
from typing import Protocol

log = logging.getLogger("accounts.server")


class Task(Protocol):
    """What a thread does: a connection of which a request is complete."""

    def service(self) -> None:
        """Answer it."""
        ...


class RequestThreads:
    """Threads that take tasks in the order in which they come.

    :param count: how many there are.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        for _ in range(count):
            threading.Thread(target=self._work, name="accounts-request", daemon=True).start()

    def add_task(self, task: Task) -> None:
        """Have a thread do something."""
        self._tasks.put(task)

    def end(self) -> None:
        """End each thread, once it has done what it is doing."""
        for _ in range(self._count):
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task.service()
            except Exception:
                # waitress answers what it expects; a thread must not die of the rest.
                log.exception("an answer failed")
