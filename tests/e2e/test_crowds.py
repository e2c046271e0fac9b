"""Crowds of slow clients at the service as it is, and serving processes that die again and again."""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.e2e.client import PATIENCE, Client
from tests.e2e.conftest import Start, Visit
from tests.e2e.running import Process

pytestmark = pytest.mark.faults

HEADERS = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n"
BODY = (
    b"POST /api/sign-up HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
    b"Content-Length: 500\r\n\r\n{"
)
GENEROUS = 2.0
"""Seconds that stand for the tenth of one that is promised: other tests run on the same processors."""


@contextmanager
def crowd(process: Process, *, each: int) -> Iterator[list[socket.socket]]:
    """Clients that never end their headers, that never end their bodies, and that say nothing; as many of each."""
    clients: list[socket.socket] = []
    try:
        for begins in (HEADERS, BODY, b""):
            for _ in range(each):
                address = ("127.0.0.1", int(process.environ["ACCOUNTS_PORT"]))
                clients.append(socket.create_connection(address, timeout=PATIENCE))
                clients[-1].sendall(begins)
        yield clients
    finally:
        for client in clients:
            client.close()


def seconds_of(process: Process, path: str, status: int) -> float:
    """How long one request takes, with its connection."""
    began = time.monotonic()
    with closing(Client(process.origin)) as client:
        assert client.get(path).status == status
    return time.monotonic() - began


def lines_of(process: Process, event: str) -> list[dict[str, Any]]:
    """The lines of the log about one event."""
    lines = (json.loads(line) for line in process.err.splitlines() if line.startswith("{"))
    return [line for line in lines if line["event"] == event]


def cut_off(process: Process, name: str) -> int:
    """How many the log says were cut off."""
    return sum(line.get(name, 0) for line in lines_of(process, "clients were cut off"))


def test_six_hundred_slow_clients_hold_up_nobody_and_are_counted(served: Process) -> None:
    with crowd(served, each=200) as clients:
        for path, status in (("/health/live", 200), ("/api/account", 401)):
            assert statistics.median(seconds_of(served, path, status) for _ in range(9)) < GENEROUS
        slow_body = clients[200]
        heard = b""
        while data := slow_body.recv(65536):
            heard += data
        head, _, body = heard.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert json.loads(body)["code"] == "too_slow"
        served.wait_until(lambda: cut_off(served, "slow_headers") + cut_off(served, "silent") == 400)
    served.wait_until(lambda: cut_off(served, "slow_bodies") == 200)
    assert len(lines_of(served, "clients were cut off")) < 60, "one line of a while, not one of a client"


def test_with_few_descriptors_the_oldest_idle_clients_make_room(make_process: Start) -> None:
    process = make_process(wrapper=("sh", "-c", 'ulimit -n 64; exec "$@"', "sh"))
    process.start_and_answer()
    with crowd(process, each=34):
        assert seconds_of(process, "/health/live", 200) < 10
        assert seconds_of(process, "/api/account", 401) < 10
        process.wait_until(lambda: cut_off(process, "no_room") > 0)
    assert lines_of(process, "few file descriptors")
    assert process.stop() == 0


def test_a_process_that_is_killed_again_and_again_is_replaced_and_the_log_says_why(
    make_process: Start, visit: Visit
) -> None:
    process = make_process("serve", "--workers", "2")
    process.start_and_answer()
    for number in range(5):
        process.wait_until(lambda: len(process.children) == 2)
        os.kill(process.children[-1], signal.SIGKILL)
        process.wait_until(
            lambda number=number: len(lines_of(process, "a serving process has died; another is started")) > number  # type: ignore[misc] # bound now, not later
        )
    process.wait_until(lambda: len(process.children) == 2)
    assert visit(process).get("/health/ready").status == 200
    deaths = lines_of(process, "a serving process has died; another is started")
    assert {line["reason"] for line in deaths} == {"killed by SIGKILL"}
    assert process.stop() == 0
