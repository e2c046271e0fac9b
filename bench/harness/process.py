"""Processes under test: pinned, told apart from the load, measured by the kernel, and ended by their id."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORES, LOAD_CORES = {CORES[0]}, set(CORES[1:2] or CORES)
"""One core for servers, another for the load, where there are two."""


class Missing(Exception):
    """Something that a benchmark needs is not there. The text says what, and how to get it."""


@contextlib.contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Run on these cores for the time of the block; what is started inherits them.

    :raises Missing: the system cannot pin processes, nor tell their CPU.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise Missing("the benchmarks read /proc and pin processes to cores; they need Linux")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """A process on the servers' core, and all its children.

    :param log: where its output goes.
    :param cores: where it may run.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        *,
        folder: Path | None = None,
        cores: set[int] = SERVER_CORES,
    ) -> None:
        self._log = log
        with pinned(cores), log.open("ab") as output:
            self.began = time.perf_counter()
            self._popen = subprocess.Popen(
                command, env=dict(environ), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def cpu_seconds(self) -> float:
        """Return the CPU that the tree has used, by the clock of each process, in nanoseconds under the point."""
        return cpu_seconds_of(self.pid)

    def pss_mib(self) -> float:
        """Return the memory of the tree in MiB; a page that several processes share counts by its share."""
        return sum(_pss_kib(pid) for pid in self._tree()) / 1024

    def drain(self) -> None:
        """Wait until the server has nothing left to do."""
        used, ends = -1.0, time.monotonic() + 60
        while (now := self.cpu_seconds()) - used > 0.004 and time.monotonic() < ends:
            used = now
            time.sleep(0.15)

    def wait_for(self, answers: Callable[[], bool], *, seconds: float = 90, pause: float = 0.05) -> None:
        """Wait until the server answers.

        :raises Missing: it has ended, or does not answer in time; with the end of its output.
        """
        ends = time.monotonic() + seconds
        while not answers():
            if self._popen.poll() is not None or time.monotonic() > ends:
                raise Missing(f"the server did not come:\n{self.log_tail()}")
            time.sleep(pause)

    def log_tail(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])

    def pause(self) -> None:
        """Stop the process where it is: who connects waits."""
        self._popen.send_signal(19)

    def resume(self) -> None:
        """Let it go on."""
        self._popen.send_signal(18)

    def stop(self) -> None:
        """End it by its id, and its children if they do not go with it."""
        tree = self._tree()
        self._popen.terminate()
        self.resume()
        try:
            self._popen.wait(30)
        except subprocess.TimeoutExpired:
            for pid in tree:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            self._popen.wait(30)

    def _tree(self) -> list[int]:
        return _tree(self._popen.pid)


def cpu_seconds_of(pid: int) -> float:
    """Return the CPU that a process and its children have used, those that have ended as well."""
    return sum(_cpu_ns(each) for each in _tree(pid)) / 1e9


def parent_of(pid: int) -> int:
    """Return the id of a process's parent."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(stat.rpartition(")")[2].split()[1])


def _tree(pid: int) -> list[int]:
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                found += _tree(int(child))
    return found


def _cpu_ns(pid: int) -> int:
    # clock_getcpuclockid(3): the clock of a process by its id, CPUCLOCK_SCHED. /proc/<pid>/schedstat tells of the
    # first thread only, and those of the others vanish with them.
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        ended_children = sum(int(ticks) for ticks in stat.rpartition(")")[2].split()[13:15])
        return time.clock_gettime_ns((~pid << 3) | 2) + ended_children * 10**9 // TICKS
    return 0


def _pss_kib(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=5)):
        return True
    return False
