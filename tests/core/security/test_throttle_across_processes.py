"""A limit holds for all processes together, however many of them try at once."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.conftest import on_both_databases

pytestmark = pytest.mark.faults
PATIENCE_SECONDS = 90
PROCESSES, TRIES, ALLOWED = 2, 25, 10
# Ready to try once it has said so and opened the store: it waits for a line, so that all begin together.
TRY = f"""
import sys
from datetime import timedelta
from accounts.core.database.store import Store
from accounts.core.security.throttle import Limit, LimitReached, Throttle
from tests.kit.concurrency import run_concurrently

throttle = Throttle(Store(sys.argv[1]))
attempt = Limit("across", {ALLOWED}, timedelta(days=1)).by("ann", "10.0.0.1")

def is_let_through(number):
    try:
        throttle.reserve(attempt)
    except LimitReached:
        return False
    return True

throttle.fetch_windows([attempt])
print("ready", flush=True)
sys.stdin.readline()
outcomes = run_concurrently({TRIES}, is_let_through)
print(len(outcomes), outcomes.count(True))
"""


def start_trying(stack: ExitStack, database: str) -> subprocess.Popen[str]:
    """Start a process that tries once it is told to, and is ended with the stack."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRY, database],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.enter_context(process)
    stack.callback(process.kill)
    return process


@on_both_databases
def test_two_processes_with_fifty_tries_at_once_let_exactly_the_amount_through(database: str) -> None:
    with ExitStack() as stack:
        processes = [start_trying(stack, database) for _ in range(PROCESSES)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=PATIENCE_SECONDS)[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * PROCESSES
    counts = [[int(word) for word in text.split()] for text in outputs]
    assert [tries for tries, _ in counts] == [TRIES] * PROCESSES, "each try had an answer"
    assert sum(let_through for _, let_through in counts) == ALLOWED
