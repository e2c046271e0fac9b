"""Run the threads that deliver, as many for each lane as it shall have, and one that watches them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from accounts.core import outbox_claims
from accounts.core.mail_lanes import BULK, CALLS, DIRECT, SLOW, Lane
from accounts.core.site import Site
from accounts.delivery.late_mail import LateMailTeller
from accounts.delivery.survive import survive
from accounts.delivery.sweeps import sweep_hourly
from accounts.delivery.worker import HeldItem, Worker

LOOK_SECONDS = 1.0
"""Between two looks at what the threads are about."""
RENEW_SECONDS = 5.0
"""Age at which a claim is renewed: a third of a lease, so that one renewal may fail."""
HELD_UP_SECONDS = 3.0
"""After so long with one letter a thread is held up: it does not count any more, and another takes its place."""
MAX_HELD_UP = 16
"""Threads of one team that may be held up, as many connections a mail server may see beside those of the others."""

MakeWorker = Callable[[str, tuple[Lane, ...]], Worker]


@dataclass(slots=True)
class Team:
    """The threads that do the same.

    :ivar size: how many of them are to be free of letters that hold them up.
    :ivar max_held_up: how many may be held up beside these.
    """

    worker: Worker
    size: int = 1
    max_held_up: int = MAX_HELD_UP
    threads: list[threading.Thread] = field(default_factory=list)

    def count_missing(self) -> int:
        """Return how many threads are missing; below 0 where there are more than needed."""
        held_up = min(self.worker.count_held_longer_than(HELD_UP_SECONDS), self.max_held_up)
        return self.size + held_up - sum(thread.is_alive() for thread in self.threads)


class Crew:
    """The threads of one process that deliver what is in the outbox, and that keep it swept.

    Letters that somebody waits for have a thread of their own; the others take what goes to many while none of those
    is due. One server that does not answer, and one letter that it hangs over, hold up a thread for minutes: it is
    replaced meanwhile, and what has timed out is tried again by a thread for just that. The watching thread renews
    the leases of what is under way, so that a letter may take longer than a lease, and yet one whose process was
    killed waits for no longer than that.

    :param make_worker: makes a worker, given its name and its lanes.
    """

    def __init__(self, site: Site, make_worker: MakeWorker) -> None:
        self._site = site
        self._late_mail = LateMailTeller(site)
        others = site.settings.mail_concurrency - 1
        self._teams = {
            "mail": Team(make_worker("mail", (DIRECT,) if others else (DIRECT, BULK))),
            "slow": Team(make_worker("slow", (SLOW,)), max_held_up=0),
            "calls": Team(make_worker("calls", (CALLS,))),
        }
        if others:
            self._teams["bulk"] = Team(make_worker("bulk", (DIRECT, BULK)), others)
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start all threads."""
        for name in self._teams:
            self._fill(name)
        _start_thread("accounts-sweep", lambda: sweep_hourly(self._site, self._stop))
        _start_thread("accounts-watch", self._watch)

    def stop(self, seconds: float) -> None:
        """Have the threads end, and wait for what is under way, at most so many seconds."""
        deadline = time.monotonic() + seconds
        self._stop.set()
        self._site.mail_due.set()
        self._site.callbacks_due.set()
        for team in self._teams.values():
            for thread in list(team.threads):
                thread.join(max(0.0, deadline - time.monotonic()))

    def _list_held(self) -> list[HeldItem]:
        return [each for team in self._teams.values() for each in team.worker.list_held()]

    def _watch(self) -> None:
        # What is under way at the end is held until it is done, too.
        while not self._stop.wait(LOOK_SECONDS) or self._list_held():
            self._site.note_heartbeat("watch")
            with survive("watch"):
                self._renew_leases()
            for name in self._teams:
                with survive("watch"):
                    self._fill(name)
            with survive("watch"):
                self._late_mail.tell()
            if self._stop.is_set():
                time.sleep(LOOK_SECONDS)

    def _renew_leases(self) -> None:
        moment = time.monotonic()
        due = [each for each in self._list_held() if moment - each.renewed_at >= RENEW_SECONDS]
        if not due:
            return
        with self._site.store.engine.begin() as connection:
            outbox_claims.renew_leases(connection, [each.item for each in due])
        for each in due:
            each.renewed_at = moment

    def _fill(self, name: str) -> None:
        team = self._teams[name]
        with self._lock:
            team.threads[:] = [thread for thread in team.threads if thread.is_alive()]
            for _ in range(0 if self._stop.is_set() else team.count_missing()):
                team.threads.append(_start_thread(f"accounts-{name}", lambda: team.worker.run(self._is_over(team))))

    def _is_over(self, team: Team) -> Callable[[], bool]:
        """Return what tells a thread of a team to end: it is to stop, or the one it stood in for is back."""
        is_dismissed = False

        def is_over() -> bool:
            nonlocal is_dismissed
            if self._stop.is_set() or is_dismissed:
                return True
            if len(team.threads) > team.size and self._lock.acquire(blocking=False):
                try:
                    is_dismissed = team.count_missing() < 0
                    if is_dismissed:
                        # No other goes as well, for the same reason.
                        team.threads.remove(threading.current_thread())
                finally:
                    self._lock.release()
            return is_dismissed

        return is_over


def _start_thread(name: str, target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread
