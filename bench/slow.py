"""How long others wait while a crowd of slow clients is connected, and what the log says of them.

``make bench-slow``: 200 connections that never end their headers, 200 that never end their bodies, 200 that say
nothing, at one process of ``accounts serve``; then who-am-I and health are asked, each time over a new connection.
"""

from __future__ import annotations

import socket
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

from harness.contender import Load
from harness.http import Ask
from harness.load import Visitor
from harness.ours import Ours
from harness.rounds import folder, makers_of, start_all

EACH, ASKS = 200, 50
HEADERS = b"GET /health/live HTTP/1.1\r\nHost: accounts.example.org\r\n"
BODY = (
    b"POST /api/sign-up HTTP/1.1\r\nHost: accounts.example.org\r\n"
    b"Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
)
SLOW = {"slow headers": HEADERS, "slow bodies": BODY, "idle": b""}


def connect_slow(stack: ExitStack, port: int) -> list[socket.socket]:
    """Connect all slow clients; each has said what it says."""
    made = []
    for begins in SLOW.values():
        for _ in range(EACH):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            client.sendall(begins)
            made.append(client)
    return made


def waits_ms(contender: Ours, load: Load) -> Iterator[float]:
    """Yield how long each of some requests takes, in milliseconds; each comes over a new connection."""
    ask = next(each for each in load.visit() if isinstance(each, Ask))

    def once() -> Visitor:
        yield ask

    for _ in range(ASKS):
        began = time.perf_counter()
        contender.drive(once())
        yield 1000 * (time.perf_counter() - began)


def main() -> None:
    with folder() as place, ExitStack() as stack:
        started = start_all(stack, makers_of((Ours,), place, "floor"))
        if not started:
            sys.exit(1)
        contender = started[0]
        assert isinstance(contender, Ours)
        live = contender.ask("GET", contender.live_path, contains="ok")
        loads = {"who am I": contender.loads()["W1"], "health": Load(lambda: contender.repeat(live))}
        print(f"{'asked':<10} {'slow clients':>12} {'median ms':>10} {'longest ms':>11}")
        for crowd in (0, len(SLOW) * EACH):
            if crowd:
                connect_slow(stack, contender.port)
            for name, load in loads.items():
                waits = list(waits_ms(contender, load))
                print(f"{name:<10} {crowd:>12} {statistics.median(waits):>10.1f} {max(waits):>11.1f}")
        time.sleep(12)
        log = (contender.folder / "server.log").read_text(encoding="utf-8")
        print(*(line for line in log.splitlines() if "cut off" in line), sep="\n")


if __name__ == "__main__":
    main()
