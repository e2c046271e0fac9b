"""Run the threads that deliver: one for each worker, stand-ins for those that are held up, and one that watches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from accounts.core import outbox_claims
from accounts.core.site import Site
from accounts.delivery.survive import survive
from accounts.delivery.sweeps import sweep_hourly
from accounts.delivery.worker import Worker

LOOK_SECONDS = 1.0
"""Between two looks at what the threads are about."""
RENEW_SECONDS = 5.0
"""Age at which a claim is renewed: a third of a lease, so that one renewal may fail."""
HELD_UP_SECONDS = 3.0
"""After so long with one letter a thread is held up, and a stand-in takes the others."""
MAX_THREADS = 8
"""Threads of one worker, stand-ins included: as many connections a mail server may see at once."""


class Crew:
    """The threads of one process that deliver what is in the outbox, and that keep it swept.

    One server that does not answer, and one letter that it hangs over, hold up a thread for minutes; the others go
    out by its stand-in meanwhile. The watching thread renews the leases of what is under way, so that a letter may
    take longer than a lease, and yet one whose process was killed waits for no longer than that.

    :param workers: by the name of their thread and heartbeat.
    """

    def __init__(self, site: Site, workers: Mapping[str, Worker]) -> None:
        self._site = site
        self._workers = workers
        self._threads: dict[str, list[threading.Thread]] = {name: [] for name in workers}
        self._stop = threading.Event()

    def start(self) -> None:
        """Start all threads."""
        for name in self._workers:
            self._add_thread(name, is_stand_in=False)
        _start_thread("accounts-sweep", lambda: sweep_hourly(self._site, self._stop))
        _start_thread("accounts-watch", self._watch)

    def stop(self, seconds: float) -> None:
        """Have the threads end, and wait for what is under way, at most so many seconds."""
        deadline = time.monotonic() + seconds
        self._stop.set()
        self._site.mail_due.set()
        self._site.callbacks_due.set()
        for threads in self._threads.values():
            for thread in list(threads):
                thread.join(max(0.0, deadline - time.monotonic()))

    def _watch(self) -> None:
        # What is under way at the end is held until it is done, too.
        while not self._stop.wait(LOOK_SECONDS) or any(worker.list_held() for worker in self._workers.values()):
            self._site.heartbeats["watch"] = time.time()
            with survive("watch"):
                self._renew_leases()
            for name in self._workers:
                with survive("watch"):
                    self._relieve(name)
            if self._stop.is_set():
                time.sleep(LOOK_SECONDS)

    def _renew_leases(self) -> None:
        moment = time.monotonic()
        held = [each for worker in self._workers.values() for each in worker.list_held()]
        due = [each for each in held if moment - each.renewed_at >= RENEW_SECONDS]
        if not due:
            return
        with self._site.store.engine.begin() as connection:
            outbox_claims.renew_leases(connection, [each.item for each in due])
        for each in due:
            each.renewed_at = moment

    def _relieve(self, name: str) -> None:
        threads = self._threads[name]
        threads[:] = [thread for thread in threads if thread.is_alive()]
        held_up = self._workers[name].count_held_longer_than(HELD_UP_SECONDS)
        if len(threads) <= held_up and len(threads) < MAX_THREADS and not self._stop.is_set():
            self._add_thread(name, is_stand_in=bool(threads))

    def _add_thread(self, name: str, *, is_stand_in: bool) -> None:
        worker = self._workers[name]

        def is_relieved() -> bool:
            return is_stand_in and not worker.count_held_longer_than(HELD_UP_SECONDS)

        self._threads[name].append(_start_thread(f"accounts-{name}", lambda: worker.run(self._stop, is_relieved)))


def _start_thread(name: str, target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread
