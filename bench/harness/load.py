"""A bounded closed loop over kept connections: each is a visitor that asks, reads, and asks again."""

from __future__ import annotations

import selectors
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

from harness.http import STUCK_SECONDS, Answer, Ask, Connection, WrongAnswer, check_answer

Visitor = Generator["Ask | Literal['wait', 'ready']", Answer, Any]
"""Yields requests and is sent their answers; ``WAIT`` where it waits (for a letter), and is asked again soon;
``READY`` where what it does from now on is what is measured."""
WAIT: Final = "wait"
READY: Final = "ready"
PAUSE_SECONDS = 0.002


@dataclass
class Sample:
    """What one group of visitors got.

    :ivar seconds: from the first request to the last answer.
    :ivar latencies: seconds of each unit of work, whole flows included.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def units(self) -> int:
        return len(self.latencies)

    @property
    def rate(self) -> float:
        return self.units / self.seconds if self.seconds else 0.0

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass
class _Client:
    connection: Connection
    visitor: Visitor
    sample: Sample
    ask: Ask | None = None
    unit_began: float | None = None
    due: float = 0.0


class _Loop:
    """One run of all clients against one port."""

    def __init__(self, clients: Sequence[_Client], seconds: float, most: int) -> None:
        self._clients, self._most = clients, most
        self._selector = selectors.DefaultSelector()
        self._began = time.perf_counter()
        self._ends = self._began + seconds
        self._waiting: list[_Client] = []
        self._busy = 0
        self._started: dict[int, int] = {}

    def run(self) -> None:
        for client in self._clients:
            self._selector.register(client.connection.socket, selectors.EVENT_READ, client)
            self._advance(client, None)
        while self._busy or self._waiting:
            if time.perf_counter() > self._ends + STUCK_SECONDS:
                raise WrongAnswer(f"no answer within {STUCK_SECONDS:.0f} s after the end of the load")
            for key, _ in self._selector.select(PAUSE_SECONDS if self._waiting else 1.0):
                self._read(key.data)
            self._wake()
        for client in self._clients:
            client.sample.seconds = time.perf_counter() - self._began

    def _read(self, client: _Client) -> None:
        answer = client.connection.receive()
        if answer is None:
            return
        if answer.closes:
            self._selector.unregister(client.connection.socket)
            client.connection.reopen()
            self._selector.register(client.connection.socket, selectors.EVENT_READ, client)
        self._busy -= 1
        self._finish(client, answer)

    def _wake(self) -> None:
        moment = time.perf_counter()
        due, self._waiting = (
            [client for client in self._waiting if client.due <= moment],
            [client for client in self._waiting if client.due > moment],
        )
        for client in due:
            self._advance(client, None)

    def _finish(self, client: _Client, answer: Answer) -> None:
        assert client.ask is not None
        check_answer(client.ask, answer)
        if client.ask.ends_unit:
            assert client.unit_began is not None
            client.sample.latencies.append(time.perf_counter() - client.unit_began)
            client.unit_began = None
            if self._is_over(client):
                return
        self._advance(client, answer)

    def _is_over(self, client: _Client) -> bool:
        # Units under way are finished; no client begins another one.
        started = self._started.get(id(client.sample), 0)
        return time.perf_counter() >= self._ends or started >= self._most

    def _advance(self, client: _Client, answer: Answer | None) -> None:
        try:
            # A generator takes None until its first yield, and whenever it has waited.
            ask = client.visitor.send(answer)  # type: ignore[arg-type] # see above
        except StopIteration:
            return
        if not isinstance(ask, Ask):
            client.due = time.perf_counter() + PAUSE_SECONDS
            self._waiting.append(client)
            return
        if client.unit_began is None:
            client.unit_began = time.perf_counter()
            self._started[id(client.sample)] = self._started.get(id(client.sample), 0) + 1
        client.ask = ask
        client.connection.send(ask)
        self._busy += 1


class Crowd:
    """Groups of visitors that ask one port at once, each over a connection of its own."""

    def __init__(self, port: int, groups: Mapping[str, Sequence[Visitor]]) -> None:
        self.samples = {name: Sample() for name in groups}
        self._clients = [
            _Client(Connection(port), visitor, self.samples[name])
            for name, visitors in groups.items()
            for visitor in visitors
        ]

    def __enter__(self) -> Self:
        """Let everybody do what comes before the work: sessions, forms, links."""
        for client in self._clients:
            _drive(client.connection, client.visitor, until_ready=True)
        return self

    def __exit__(self, *error: object) -> None:
        for client in self._clients:
            client.connection.close()

    def run(self, seconds: float, most: int) -> None:
        """Let everybody ask; ``samples`` then says what each group got.

        :param seconds: how long units of work are begun.
        :param most: how many units a group begins at most.
        :raises WrongAnswer: an answer was not the one that the load wants.
        """
        _Loop(self._clients, seconds, most).run()


def drive(port: int, visitor: Visitor) -> Any:
    """Run one visitor to its end, outside of what is measured; what it returns.

    :raises WrongAnswer: an answer was not the one that it wants, or it waited too long.
    """
    connection = Connection(port)
    try:
        return _drive(connection, visitor)
    finally:
        connection.close()


def _drive(connection: Connection, visitor: Visitor, *, until_ready: bool = False) -> Any:
    answer, ends = None, time.monotonic() + STUCK_SECONDS
    while True:
        try:
            ask = visitor.send(answer)  # type: ignore[arg-type] # None until its first yield
        except StopIteration as done:
            return done.value
        answer = None
        if ask is READY and until_ready:
            return None
        if not isinstance(ask, Ask):
            if time.monotonic() > ends:
                raise WrongAnswer("waited in vain")
            time.sleep(0.005)
            continue
        connection.send(ask)
        while answer is None:
            answer = connection.receive()
        check_answer(ask, answer)
        if answer.closes:
            connection.reopen()
