"""Measure what this process does: requests, password hashes, deliveries, threads that are alive.

The library is imported when measuring begins, which takes 30 ms: where nobody may read the figures, nothing is
measured. Labels are words of this code alone: no address, id, token or path may ever become one, or whoever asks for
ten thousand paths fills the memory of this process, and of what reads its metrics.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Literal, TypeVar

from accounts.config_sources import SettingsError

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram, Metric

T = TypeVar("T")

PREFIX = "accounts_"
"""What the names of all metrics of ours begin with."""
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of the library that names a folder in which several processes count together."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD, NO_ROUTE = "other", "none"
"""Labels of a method that HTTP does not know, and of an address that is nobody's."""
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
HASH_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds in seconds."""
Outcome = Literal["sent", "dropped", "put_off", "failed"]


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured.

    :ivar name: of its metric, with the unit; a counter ends with ``_total``.
    :ivar meaning: one line without a full stop.
    :ivar labels: the names of its labels.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()


REQUEST_SECONDS = Measure(
    "accounts_http_request_duration_seconds",
    "histogram",
    "Time until an answer began, by rule of the address, method, and class of the status",
    ("route", "method", "status"),
)
HASH_SECONDS = Measure("accounts_password_hash_duration_seconds", "histogram", "Time to compute a password hash")
HASH_WAIT_SECONDS = Measure(
    "accounts_password_hash_wait_seconds", "histogram", "Time a password hash waited until a thread was free"
)
HASHES_WAITING = Measure("accounts_password_hashes_waiting", "gauge", "Password hashes that wait for a thread")
HASHES_REFUSED = Measure(
    "accounts_password_hashes_refused_total", "counter", "Requests answered 503: too many password hashes waited"
)
DELIVERIES = Measure(
    "accounts_deliveries_total",
    "counter",
    "Tries to deliver an email or a callback, by how they went: sent, dropped (it was not needed any more), "
    "put_off (it is tried again), failed (it is given up)",
    ("lane", "outcome"),
)
HEARTBEAT = Measure(
    "accounts_delivery_heartbeat_timestamp_seconds",
    "gauge",
    "When a thread that delivers was last seen alive, in Unix time; of threads of one name the one seen longest ago",
    ("thread",),
)
PROCESS_MEASURES = (
    REQUEST_SECONDS,
    HASH_SECONDS,
    HASH_WAIT_SECONDS,
    HASHES_WAITING,
    HASHES_REFUSED,
    DELIVERIES,
    HEARTBEAT,
)


@dataclass(frozen=True, slots=True)
class _Instruments:
    collect: Callable[[], Iterator[Metric]]
    request_seconds: Histogram
    hash_seconds: Histogram
    hash_wait_seconds: Histogram
    hashes_waiting: Gauge
    hashes_refused: Counter
    deliveries: Counter
    heartbeat: Gauge


class Meters:
    """What one process of an installation measures: once there is something to measure, or :meth:`start` was called.

    :param is_wanted: whether somebody may read it. If not, nothing is measured before :meth:`start`.
    :raises SettingsError: ``PROMETHEUS_MULTIPROC_DIR`` is set and names no folder.
    """

    def __init__(self, *, is_wanted: bool = False) -> None:
        self._is_wanted = is_wanted
        self._started: _Instruments | None = None
        self._start_lock = threading.Lock()
        folder = os.environ.get(SHARED_FOLDER)
        if is_wanted and folder is not None and not Path(folder).is_dir():
            raise SettingsError(f"{SHARED_FOLDER}: there is no folder {folder}; make it, or drop the variable")

    def start(self) -> None:
        """Begin to measure, unless that has begun."""
        with self._start_lock:
            if self._started is None:
                self._started = _make_shared_instruments() if SHARED_FOLDER in os.environ else _make_instruments()

    @property
    def _instruments(self) -> _Instruments | None:
        if self._started is None and self._is_wanted:
            self.start()
        return self._started

    def collect(self) -> Iterator[Metric]:
        """Yield what was measured: in this process, or in all that share a folder."""
        instruments = self._instruments
        if instruments is not None:
            yield from instruments.collect()

    def note_answer(self, route: str | None, method: str, status: int, seconds: float) -> None:
        """Note that a request was answered.

        :param route: the rule of its address, never the address itself; None where it is nobody's.
        """
        instruments = self._instruments
        if instruments is not None:
            known_method = method if method in METHODS else OTHER_METHOD
            labels = (route or NO_ROUTE, known_method, f"{status // 100}xx")
            instruments.request_seconds.labels(*labels).observe(seconds)

    def measure_hash(self, work: Callable[[], T]) -> Callable[[], T]:
        """Return work that is about to wait for a thread, measured."""
        instruments, asked_at = self._instruments, perf_counter()
        if instruments is None:
            return work
        instruments.hashes_waiting.inc()

        def measured() -> T:
            started_at = perf_counter()
            instruments.hashes_waiting.dec()
            instruments.hash_wait_seconds.observe(started_at - asked_at)
            try:
                return work()
            finally:
                instruments.hash_seconds.observe(perf_counter() - started_at)

        return measured

    def note_refused_hash(self) -> None:
        """Note that too many password hashes waited for one more."""
        instruments = self._instruments
        if instruments is not None:
            instruments.hashes_refused.inc()

    def note_delivery(self, lane: str, outcome: Outcome) -> None:
        """Note how a try to deliver something went."""
        instruments = self._instruments
        if instruments is not None:
            instruments.deliveries.labels(lane, outcome).inc()

    def note_heartbeat(self, thread: str, moment: float) -> None:
        """Note that a thread is alive.

        :param moment: seconds since 1970.
        """
        instruments = self._instruments
        if instruments is not None:
            instruments.heartbeat.labels(thread).set(moment)


def _make_instruments() -> _Instruments:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, multiprocess, values

    # Not the library's own registry: two apps in one process, or a host with metrics of its own, would clash in it.
    registry = CollectorRegistry()

    def declare(measure: Measure) -> tuple[str, str, Sequence[str]]:
        return measure.name, measure.meaning, measure.labels

    def collect_own() -> Iterator[Metric]:
        if not getattr(values.ValueClass, "_multiprocess", False):
            yield from _drop_creation_times(registry.collect())
            return
        for process_id in _find_dead(Path(os.environ[SHARED_FOLDER])):
            with contextlib.suppress(FileNotFoundError):  # another process has seen to it
                multiprocess.mark_process_dead(process_id)  # type: ignore[no-untyped-call] # the library's
        shared = multiprocess.MultiProcessCollector(None).collect()  # type: ignore[no-untyped-call] # the library's
        # Of a host that counts in the same folder there are others, which it shows itself.
        yield from _drop_creation_times(each for each in shared if each.name.startswith(PREFIX))

    instruments = _Instruments(
        collect=collect_own,
        request_seconds=Histogram(*declare(REQUEST_SECONDS), buckets=REQUEST_BUCKETS, registry=registry),
        hash_seconds=Histogram(*declare(HASH_SECONDS), buckets=HASH_BUCKETS, registry=registry),
        hash_wait_seconds=Histogram(*declare(HASH_WAIT_SECONDS), buckets=HASH_BUCKETS, registry=registry),
        hashes_waiting=Gauge(*declare(HASHES_WAITING), multiprocess_mode="livesum", registry=registry),
        hashes_refused=Counter(*declare(HASHES_REFUSED), registry=registry),
        deliveries=Counter(*declare(DELIVERIES), registry=registry),
        heartbeat=Gauge(*declare(HEARTBEAT), multiprocess_mode="livemin", registry=registry),
    )
    ProcessCollector(registry=registry)
    return instruments


_make_shared_instruments = functools.cache(_make_instruments)
"""In a shared folder a process has one file: two apps in it count together, or each would write over the other."""


def _find_dead(folder: Path) -> Iterator[int]:
    """Yield the ids of processes that have ended, killed ones too: what was true of them is not any more."""
    for path in folder.glob("gauge_live*_*.db"):
        process_id = int(path.stem.rpartition("_")[2])
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            yield process_id
        except PermissionError:
            continue  # it lives, and is somebody else's


def _drop_creation_times(metrics: Iterable[Metric]) -> Iterator[Metric]:
    # One more series for each, of which nobody asks anything.
    for metric in metrics:
        metric.samples = [each for each in metric.samples if not each.name.endswith("_created")]
        yield metric
