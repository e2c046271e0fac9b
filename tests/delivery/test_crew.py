"""The threads that deliver: alive whatever is raised in them, and in nobody's way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import pytest
from flask_mail import Message
from sqlalchemy import text

from accounts.core.clock import now
from accounts.core.models.outbox import OutboxRow
from accounts.delivery.sweeps import sweep
from accounts.delivery.transports import Mailbox, Sender
from accounts.extension import start_workers
from tests.conftest import on_both_databases
from tests.delivery.conftest import make_transport
from tests.kit.concurrency import DELIVERY_THREADS, await_delivery_threads
from tests.people import Service, make_email
from tests.servers.smtp import HANG

PATIENCE = 100.0
"""Seconds until what must happen has not."""


@contextmanager
def working(service: Service) -> Iterator[None]:
    """The threads of a serving process, for the time of the block."""
    stop = start_workers(service.app)
    try:
        yield
    finally:
        stop(PATIENCE)
        await_delivery_threads()


def wait_until(came: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not came():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def ask(service: Service, count: int = 1) -> list[str]:
    addresses = [make_email() for _ in range(count)]
    for address in addresses:
        assert service.person().post("/api/sign-up", {"email": address}).status_code == 202
    return addresses


class Failing:
    """A transport of a host that fails a few times, wherever it is asked."""

    def __init__(self, error: BaseException, *, times: int = 2) -> None:
        self.mailbox = Mailbox(show=None)
        self._error, self._left = error, times

    def connect(self) -> AbstractContextManager[Sender]:
        self._left -= 1
        if self._left >= 0:
            raise self._error
        return self.mailbox.connect()

    def send(self, message: Message) -> str:
        return self.mailbox.send(message)


@pytest.mark.faults
@pytest.mark.parametrize(
    "error", [RuntimeError("can't start new thread"), MemoryError(), SystemExit(3), OSError(28, "full")]
)
def test_the_mail_thread_survives_whatever_is_raised_in_it(
    service: Service, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    transport = Failing(error)
    service.state.transport = transport
    with caplog.at_level(logging.ERROR, "accounts.mail"), working(service):
        (email,) = ask(service)
        wait_until(lambda: [mail.to for mail in transport.mailbox.messages] == [email])
        assert DELIVERY_THREADS >= set(service.site.heartbeats) >= {"mail", "calls"}
    told = [record.getMessage() for record in caplog.records]
    assert any(f"failed and goes on: {type(error).__name__} at " in line for line in told)


@pytest.mark.faults
def test_each_thread_says_when_it_was_last_alive(service: Service) -> None:
    with working(service):
        wait_until(lambda: set(service.site.heartbeats) == DELIVERY_THREADS)
        first = dict(service.site.heartbeats)
        wait_until(lambda: all(service.site.heartbeats[name] > first[name] for name in first))


@on_both_databases
def test_a_sweep_that_fails_stops_neither_mail_nor_the_other_sweeps(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with service.site.store.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO spent (id, keep_until) VALUES ('old', :then)"),
            {"then": now().replace(tzinfo=None) - timedelta(days=30)},
        )
        connection.execute(text('ALTER TABLE "grants" RENAME TO "away"'))
    try:
        assert not sweep(service.site)
        (email,) = ask(service)
        assert service.link_url(email, "activate")
    finally:
        with service.site.store.engine.begin() as connection:
            connection.execute(text('ALTER TABLE "away" RENAME TO "grants"'))
    with service.site.store.engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM spent WHERE id = 'old'")).scalar() == 0
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["sweep"]
    assert sweep(service.site)


@pytest.mark.faults
@on_both_databases
def test_a_letter_that_hangs_holds_up_no_other(service: Service) -> None:
    service.sink.misbehave("RCPT", HANG, times=1)
    service.state.transport = make_transport(service.sink.port, seconds=PATIENCE)
    (hung,) = ask(service)
    with working(service):
        wait_until(lambda: not service.sink.is_awaited("RCPT"))
        others = ask(service, 5)
        wait_until(lambda: {mail.recipients[0] for mail in service.sink.messages} >= set(others))
        with service.uow() as uow:
            (row,) = uow.session.query(OutboxRow).where(OutboxRow.subject == hung)
            assert (row.attempts, row.last_error) == (1, None), "it still hangs"
        service.sink.hang_up()
        wait_until(lambda: any(mail.recipients == (hung,) for mail in service.sink.messages))


@pytest.mark.faults
@on_both_databases
def test_a_slow_letter_keeps_its_lease_and_goes_out_once(service: Service) -> None:
    go_on = threading.Event()

    class Slow(Failing):
        def send(self, message: Message) -> str:
            assert go_on.wait(PATIENCE)
            return super().send(message)

        def connect(self) -> AbstractContextManager[Sender]:
            return nullcontext_of(self)

    transport = Slow(RuntimeError(), times=0)
    service.state.transport = transport

    def lease() -> float:
        with service.uow() as uow:
            until = uow.session.query(OutboxRow).one().lease_until
            return 0 if until is None else until.timestamp()

    ask(service)
    with working(service):
        wait_until(lease)
        first = lease()
        wait_until(lambda: lease() > first + 4)
        assert service.deliver() == 0, "nobody else takes it"
        go_on.set()
        wait_until(lambda: transport.mailbox.messages)
    assert len(transport.mailbox.messages) == 1


@contextmanager
def nullcontext_of(sender: Sender) -> Iterator[Sender]:
    yield sender
