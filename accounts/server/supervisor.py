"""Keep the serving processes alive: fork them, start one anew that has died, renew and stop them when told."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from types import FrameType

Serve = Callable[[Callable[[], object]], object]
"""Serves until SIGTERM or SIGINT; calls what it is given when it is ready."""

STEADY_SECONDS = 60
"""A process that has served so long and dies is no part of a loop of deaths."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
FAILED_STARTS = 5
"""Processes in a row that die before they serve, and none serves: then there is nothing to be hoped for."""
KILL_SECONDS = 20
"""What a process that was told to stop may take, before it is killed."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

log = logging.getLogger("accounts.server")


@dataclass(eq=False)
class Child:
    """One serving process.

    :ivar place: which of the places it fills; a process that is renewed has a successor at the same one.
    :ivar kill_at: when it is killed, once it was told to stop.
    """

    place: int
    process: ForkProcess
    signs: Connection
    started: float
    is_ready: bool = False
    kill_at: float | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self.kill_at is not None

    def stop(self, now: float) -> None:
        """Tell it to answer whom it has let in, and to end."""
        if not self.is_stopping:
            self.kill_at = now + KILL_SECONDS
            self.process.terminate()


class Supervisor:
    """Runs so many processes that serve the same, and looks after them.

    :param serve: what each of them does, in the forked process.
    :param count: how many there are.
    """

    def __init__(self, serve: Serve, count: int) -> None:
        self._serve, self._count = serve, count
        self._children: list[Child] = []
        self._starts: list[tuple[float, int]] = []
        """When to start a process at which place."""
        self._renewals: deque[int] = deque()
        self._early_deaths = self._failed_starts = 0
        self._status = 0
        self._told: set[int] = set()
        self._is_ending = False

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit status.

        SIGHUP renews the processes one after the other, each when its successor serves.
        """
        waker, wakes = os.pipe()
        os.set_blocking(wakes, False)
        for number in SIGNALS:
            signal.signal(number, self._note_signal)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        self._starts = [(0.0, place) for place in range(self._count)]
        while self._children or self._starts:
            self._heed_signals()
            self._start_due()
            self._kill_late()
            ready = connection.wait(
                [waker, *(x for each in self._children for x in (each.process.sentinel, each.signs))],
                timeout=self._seconds_to_wait(),
            )
            if waker in ready:
                os.read(waker, 512)
            self._look_after(ready)
        signal.set_wakeup_fd(-1)
        os.close(waker)
        os.close(wakes)
        return self._status

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._told.add(number)

    def _heed_signals(self) -> None:
        told, self._told = self._told, set()
        if told & {signal.SIGTERM, signal.SIGINT}:
            self._end(0)
        elif signal.SIGHUP in told and not self._renewals:
            self._renewals.extend(range(self._count))
            self._renew_next()

    def _end(self, status: int) -> None:
        self._is_ending, self._status = True, max(self._status, status)
        self._starts.clear()
        self._renewals.clear()
        for child in self._children:
            child.stop(time.monotonic())

    def _start_due(self) -> None:
        now = time.monotonic()
        due = [place for moment, place in self._starts if moment <= now]
        self._starts = [(moment, place) for moment, place in self._starts if moment > now]
        for place in due:
            self._start(place)

    def _start(self, place: int) -> None:
        signs, sign = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(
            target=self._run_child, args=(sign,), name=f"accounts-serve-{place + 1}"
        )
        with _signals_held():
            process.start()
        sign.close()
        self._children.append(Child(place, process, signs, time.monotonic()))

    def _run_child(self, sign: Connection) -> None:
        """Serve; runs in the forked process."""
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        try:
            self._serve(lambda: sign.send(True))
        except Exception:
            log.exception("a serving process cannot go on")
            sys.exit(1)

    def _look_after(self, ready: Sequence[object]) -> None:
        for child in list(self._children):
            if child.signs in ready and not child.is_ready:
                # At its end the pipe can be read, too, and holds nothing.
                with contextlib.suppress(EOFError):
                    child.is_ready = child.signs.recv()
                if child.is_ready:
                    self._take_over(child)
            if child.process.sentinel in ready:
                self._bury(child)

    def _take_over(self, child: Child) -> None:
        self._failed_starts = 0
        for other in self._children:
            if other.place == child.place and other is not child:
                other.stop(time.monotonic())

    def _bury(self, child: Child) -> None:
        child.process.join()
        child.signs.close()
        self._children.remove(child)
        if not child.is_stopping and not self._is_ending:
            self._replace(child)
        elif self._renewals and self._renewals[0] == child.place:
            self._renewals.popleft()
            self._renew_next()

    def _renew_next(self) -> None:
        if self._renewals:
            self._starts.append((0.0, self._renewals[0]))

    def _replace(self, child: Child) -> None:
        """Have another process started in the place of one that has died, the later the oftener that happens."""
        now = time.monotonic()
        lived = now - child.started
        self._early_deaths = 1 if lived > STEADY_SECONDS else self._early_deaths + 1
        self._failed_starts += not child.is_ready
        pause = 0.0
        if self._early_deaths > 2:
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (self._early_deaths - 3))
        about = {"reason": _reason(child.process.exitcode), "lived_seconds": round(lived, 1)}
        if self._failed_starts >= FAILED_STARTS and not any(each.is_ready for each in self._children):
            log.critical("no serving process starts; the service ends", extra=about)
            self._end(1)
            return
        log.error("a serving process has died; another is started", extra=about | {"in_seconds": pause})
        self._starts.append((now + pause, child.place))

    def _kill_late(self) -> None:
        for child in self._children:
            if child.kill_at is not None and child.kill_at <= time.monotonic():
                log.warning("a serving process does not end; it is killed")
                child.process.kill()
                child.kill_at = float("inf")

    def _seconds_to_wait(self) -> float | None:
        moments = [moment for moment, _ in self._starts]
        moments += [child.kill_at for child in self._children if child.kill_at is not None]
        return max(0.0, min(moments) - time.monotonic()) if moments and min(moments) < float("inf") else None


@contextmanager
def _signals_held() -> Iterator[None]:
    # Until the new process has handlers of its own, it would take a signal for its parent's and forget it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _reason(status: int | None) -> str:
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"
