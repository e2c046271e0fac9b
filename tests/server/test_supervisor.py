"""Serving processes that die, again and again: what the one does that looks after them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.conftest import PATIENCE, wait_until

pytestmark = pytest.mark.faults
ROOT = Path(__file__).parents[2]
FRAME = """
import logging, os, signal, sys, threading, time
from accounts.server.supervisor import Supervisor
logging.basicConfig(format="%(levelname)s %(message)s")
def serve(on_ready):
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    {serve}
sys.exit(Supervisor(serve, {count}).run())
"""
STEADY = """on_ready(); os.write(1, b"serves %d\\n" % os.getpid())
    while not stop.wait(0.05): pass"""
Supervise = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def supervise() -> Iterator[Supervise]:
    """Runs a supervisor; nothing of it goes on afterwards."""
    made: list[subprocess.Popen[str]] = []

    def start(serve: str, count: int = 1) -> subprocess.Popen[str]:
        frame = FRAME.replace("{serve}", serve).replace("{count}", str(count))
        environ = os.environ | {"PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        program = [sys.executable, "-c", frame]
        made.append(
            subprocess.Popen(program, stdout=pipe, stderr=pipe, text=True, env=environ, start_new_session=True)
        )
        return made[-1]

    yield start
    for process in made:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)


def next_pid(process: subprocess.Popen[str]) -> int:
    """The process that serves from now on."""
    assert process.stdout is not None
    word, _, pid = process.stdout.readline().partition(" ")
    assert word == "serves", process.stderr and process.stderr.read()
    return int(pid)


def test_a_process_that_is_killed_five_times_is_started_six_times(supervise: Supervise) -> None:
    process = supervise(STEADY)
    for _ in range(5):
        os.kill(next_pid(process), signal.SIGKILL)
    next_pid(process)
    process.terminate()
    _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert log.count("a serving process has died; another is started") == 5


def test_where_no_process_starts_it_ends_and_says_why(supervise: Supervise) -> None:
    process = supervise("raise RuntimeError('no disk today')", 2)
    _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "RuntimeError: no disk today" in log
    assert "CRITICAL no serving process starts; the service ends" in log


def test_the_death_of_one_is_no_matter_of_the_other(supervise: Supervise) -> None:
    process = supervise(STEADY, 2)
    pids = {next_pid(process), next_pid(process)}
    assert len(pids) == 2
    os.kill(pids.pop(), signal.SIGKILL)
    assert next_pid(process) not in pids
    process.terminate()
    assert process.wait(PATIENCE) == 0


def test_sighup_renews_all_one_after_the_other(supervise: Supervise) -> None:
    process = supervise(STEADY, 2)
    old = {next_pid(process), next_pid(process)}
    process.send_signal(signal.SIGHUP)
    new = {next_pid(process), next_pid(process)}
    assert not old & new
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in old))
    process.terminate()
    assert process.wait(PATIENCE) == 0


def test_a_process_that_ends_by_itself_is_replaced(supervise: Supervise) -> None:
    process = supervise('on_ready(); os.write(1, b"serves %d\\n" % os.getpid()); sys.exit(3)')
    assert next_pid(process) != next_pid(process)
    process.terminate()
    assert process.wait(PATIENCE) == 0
