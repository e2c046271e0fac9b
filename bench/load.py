"""A bounded closed loop against a server on loopback, and what it cost that server in CPU."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request and the status that it must be answered with."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Cost:
    """What a number of requests took.

    :ivar cpu_us: microseconds of CPU per request, of the server's whole process tree.
    :ivar rate: requests per second, client and server on the same machine.
    """

    cpu_us: float
    rate: float


def run(origin: str, pid: int, asks: Sequence[Ask], *, connections: int = 8) -> tuple[Cost, list[bytes]]:
    """Ask all of them over a few kept connections; the bodies, in order of ``asks``.

    :raises AssertionError: an answer had another status than it must have.
    """
    shares = [asks[number::connections] for number in range(connections)]
    cpu, began = cpu_seconds(pid), time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        answered = list(pool.map(lambda share: _share(origin, share), shares))
    took, used = time.perf_counter() - began, cpu_seconds(pid) - cpu
    bodies = [answered[number % connections][number // connections] for number in range(len(asks))]
    return Cost(1e6 * used / len(asks), len(asks) / took), bodies


def _share(origin: str, asks: Sequence[Ask]) -> list[bytes]:
    connection = HTTPConnection(urlsplit(origin).netloc, timeout=60)
    bodies = []
    for ask in asks:
        connection.request(ask.method, ask.path, ask.body, ask.headers)
        answer = connection.getresponse()
        bodies.append(answer.read())
        assert answer.status == ask.status, (ask.path, answer.status, bodies[-1][:300])
    connection.close()
    return bodies


def cpu_seconds(pid: int) -> float:
    """CPU that a process and its children have used so far."""
    return sum(_ticks(each) for each in _tree(pid)) / TICKS


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _tree(int(child))
    return found


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def wait_for(answers: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a server answers.

    :raises TimeoutError: it did not come.
    """
    ends = time.monotonic() + seconds
    while not answers():
        if time.monotonic() > ends:
            raise TimeoutError("the server did not come")
        time.sleep(0.1)
