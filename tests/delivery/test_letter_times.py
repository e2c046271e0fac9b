"""How long a letter may take: one end for all of it, none sent twice, no connection kept for nothing."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader

import pytest
from flask_mail import Message

from accounts.delivery.failures import DeliveryError, TimedOut, TransientFailure
from accounts.delivery.letters import Letters
from accounts.delivery.samples import sample_letter
from accounts.delivery.smtp import Timeouts
from accounts.delivery.transports import TIMEOUTS
from tests.delivery.conftest import SENDER, make_transport
from tests.servers.smtp import DISCONNECT, HANG, SmtpSink, Verb

LEASE_AND_RENEWAL_SECONDS = 120
PATIENCE = 30.0


@pytest.fixture
def message(letters: Letters) -> Message:
    return letters.compose(sample_letter("reset-password", "en"), sender=SENDER, message_id="<row1@example.org>")


class Clock:
    """A clock that goes only when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class SlowServer:
    """A mail server that takes so many seconds of a clock for each answer, and none of anybody's time.

    :param verbs: for what it takes them, in capitals; ``BODY`` for the whole message.
    """

    def __init__(self, clock: Clock, seconds: float, verbs: tuple[str, ...]) -> None:
        self._clock, self._seconds, self._verbs = clock, seconds, verbs
        self.kept: list[bytes] = []

    @contextmanager
    def serve(self) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            thread = threading.Thread(target=lambda: self._answer(server))
            thread.start()
            try:
                yield server.getsockname()[1]
            finally:
                server.shutdown(socket.SHUT_RDWR)
                thread.join()

    def _answer(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            # Whoever has no patience hangs up.
            with connection, connection.makefile("rb") as lines, contextlib.suppress(OSError):
                self._talk(connection, lines)

    def _talk(self, connection: socket.socket, lines: BufferedReader) -> None:
        self._say(connection, "CONNECT", b"220 slow")
        while said := lines.readline():
            verb = said[:4].decode().strip().upper()
            self._say(connection, verb, b"354 go on" if verb == "DATA" else b"250 well")
            if verb == "DATA":
                body = list(itertools.takewhile(lambda each: each not in (b".\r\n", b""), lines))
                self.kept.append(b"".join(body))
                self._say(connection, "BODY", b"250 kept")

    def _say(self, connection: socket.socket, verb: str, reply: bytes) -> None:
        if verb in self._verbs:
            self._clock.now += self._seconds
        connection.sendall(reply + b"\r\n")


ALL_VERBS = ("MAIL", "RCPT", "DATA", "BODY")


def test_a_letter_has_two_minutes() -> None:
    assert TIMEOUTS.letter == 120
    assert TIMEOUTS.connect < TIMEOUTS.letter / 2


@pytest.mark.parametrize("seconds", [19, 40, 50, 61])
def test_a_server_that_is_slow_at_every_word_gets_one_copy_or_none(message: Message, seconds: float) -> None:
    clock = Clock()
    server = SlowServer(clock, seconds, ALL_VERBS)
    tries: list[DeliveryError] = []
    with server.serve() as port, make_transport(port, timeouts=TIMEOUTS, monotonic=clock).connect() as sender:
        for _ in range(3):
            began = clock.now
            try:
                sender.send(message)
                break
            except DeliveryError as error:
                tries.append(error)
                assert clock.now - began <= LEASE_AND_RENEWAL_SECONDS
    assert all(type(error) is TimedOut for error in tries), tries
    assert len(server.kept) == (len(tries) < 3), "what was not answered in time was never handed over"
    assert bool(server.kept) is (3 * seconds < TIMEOUTS.letter / 2)


def test_a_server_may_think_about_the_message_for_half_of_the_time(message: Message) -> None:
    clock = Clock()
    server = SlowServer(clock, 59, ("BODY",))
    with server.serve() as port:
        assert make_transport(port, timeouts=TIMEOUTS, monotonic=clock).send(message) == "250 kept"


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_letter_over_which_a_server_hangs_is_known_by_that(message: Message, verb: Verb) -> None:
    with SmtpSink() as sink:
        sink.misbehave(verb, HANG)
        with pytest.raises(TimedOut) as caught:
            make_transport(sink.port, timeouts=Timeouts(PATIENCE, 0.2, letter=2 * PATIENCE)).send(message)
    assert caught.value.step == verb.lower()


def test_a_letter_over_which_a_used_connection_hangs_is_not_tried_twice_at_once(message: Message) -> None:
    timeouts = Timeouts(PATIENCE, 0.2, letter=2 * PATIENCE)
    with SmtpSink() as sink, make_transport(sink.port, timeouts=timeouts).connect() as sender:
        sender.send(message)
        sink.misbehave("RCPT", HANG)
        with pytest.raises(TimedOut):
            sender.send(message)
        assert sink.connections == 1


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO"])
def test_a_server_that_says_nothing_from_the_start_is_no_fault_of_the_letter(message: Message, verb: Verb) -> None:
    with SmtpSink() as sink:
        sink.misbehave(verb, HANG)
        with pytest.raises(TransientFailure) as caught:
            make_transport(sink.port, timeouts=Timeouts(0.2, PATIENCE, letter=2 * PATIENCE)).send(message)
    assert type(caught.value) is TransientFailure


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_server_that_hangs_up_is_no_timeout(message: Message, verb: Verb) -> None:
    with SmtpSink() as sink:
        sink.misbehave(verb, DISCONNECT)
        with pytest.raises(TransientFailure) as caught:
            make_transport(sink.port).send(message)
    assert type(caught.value) is TransientFailure


def wait_until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if is_so():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come to that")


def test_a_connection_is_kept_between_letters_and_closed_when_none_comes(message: Message) -> None:
    """Whoever holds it need not come back for that."""
    clock = Clock()
    timeouts = Timeouts(PATIENCE, PATIENCE, letter=4 * PATIENCE, idle=0.05)
    with SmtpSink() as sink, make_transport(sink.port, timeouts=timeouts, monotonic=clock).connect() as sender:
        for _ in range(2):
            sender.send(message)
        assert (sink.connections, len(sink.open_connections)) == (1, 1)
        clock.now += 1
        wait_until(lambda: not sink.open_connections)
        assert sender.send(message) == "250 2.0.0 kept"
        assert (sink.connections, len(sink.messages)) == (2, 3)


def test_a_connection_that_the_server_has_closed_meanwhile_costs_no_try(message: Message) -> None:
    with SmtpSink() as sink, make_transport(sink.port).connect() as sender:
        sender.send(message)
        sink.hang_up()
        wait_until(lambda: not sink.open_connections)
        assert sender.send(message) == "250 2.0.0 kept"


def test_no_thread_is_left_of_a_connection(message: Message) -> None:
    before = threading.active_count()
    with SmtpSink() as sink:
        for _ in range(3):
            make_transport(sink.port).send(message)
    wait_until(lambda: threading.active_count() <= before)
