"""The letters of one sweep: over one connection, none lost or doubled when that dies, each counted before it goes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import pytest
from flask_mail import Message
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from accounts.core import outbox
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.signing import key_usage
from accounts.delivery.letters import Letters
from accounts.delivery.samples import sample_letter
from accounts.delivery.transports import (
    MAX_MESSAGES_PER_CONNECTION,
    PermanentFailure,
    TransientFailure,
)
from tests.conftest import on_both_databases
from tests.delivery.conftest import SENDER, make_transport
from tests.people import Service, make_email
from tests.servers.smtp import DISCONNECT, SmtpSink, Verb


@pytest.fixture
def message(letters: Letters) -> Message:
    return letters.compose(sample_letter("reset-password", "en"), sender=SENDER, message_id="<row1@example.org>")


def test_the_letters_of_a_sweep_go_over_one_connection(service: Service) -> None:
    addresses = [make_email() for _ in range(3)]
    for address in addresses:
        assert service.person().post("/api/sign-up", {"email": address}).status_code == 202
    before = service.sink.connections
    assert service.deliver() == 3
    assert service.sink.connections == before + 1
    assert service.deliver() == 0
    assert service.sink.connections == before + 1, "nobody to connect for"
    assert all(service.link_url(address, "activate") for address in addresses)


def test_a_connection_is_made_anew_after_so_many_letters(message: Message) -> None:
    with SmtpSink() as sink:
        with make_transport(sink.port).connect() as sender:
            for _ in range(MAX_MESSAGES_PER_CONNECTION):
                sender.send(message)
            assert sink.connections == 1
            sender.send(message)
        assert (sink.connections, len(sink.messages)) == (2, MAX_MESSAGES_PER_CONNECTION + 1)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
@pytest.mark.parametrize("reply", [DISCONNECT, "421 too many messages", "451 later", "550 5.7.1 not over this one"])
def test_a_letter_goes_over_a_fresh_connection_where_the_used_one_does_not_take_it(
    message: Message, verb: Verb, reply: str
) -> None:
    with SmtpSink() as sink, make_transport(sink.port).connect() as sender:
        sender.send(message)
        sink.misbehave(verb, reply, times=1)
        assert sender.send(message) == "250 2.0.0 kept"
        assert (sink.connections, len(sink.messages)) == (2, 2)


def test_what_a_fresh_connection_refuses_is_refused(message: Message) -> None:
    with SmtpSink() as sink, make_transport(sink.port).connect() as sender:
        sender.send(message)
        sink.misbehave("RCPT", "550 5.1.1 no such user", times=2)
        with pytest.raises(PermanentFailure, match="no such user"):
            sender.send(message)
        assert sender.send(message) == "250 2.0.0 kept", "the next one is not concerned"


@pytest.mark.parametrize("reply", [DISCONNECT, "451 later", "garbage"])
@pytest.mark.parametrize(("verb", "kept"), [("DATA", 1), ("BODY", 1), ("ACCEPTED", 2)])
def test_a_letter_that_the_server_may_have_is_not_sent_again_at_once(
    message: Message, verb: Verb, kept: int, reply: str
) -> None:
    with SmtpSink() as sink, make_transport(sink.port).connect() as sender:
        sender.send(message)
        sink.misbehave(verb, reply, times=1)
        with pytest.raises(TransientFailure):
            sender.send(message)
        assert len(sink.messages) == kept
        sender.send(message)
        assert (sink.connections, len(sink.messages)) == (2, kept + 1)


@on_both_databases
def test_what_a_key_signs_is_counted_before_it_leaves(service: Service) -> None:
    counts: list[int] = []

    class Looking:
        def connect(self) -> AbstractContextManager[Looking]:
            return nullcontext(self)

        def send(self, message: Message) -> str:
            with service.uow() as uow:
                uses = key_usage.list_key_usage(uow.session)
                counts.append(sum(use.signed for use in uses if use.purpose == "activate"))
            raise TransientFailure("451 later")

    assert service.person().post("/api/sign-up", {"email": make_email()}).status_code == 202
    service.state.transport = Looking()
    assert service.deliver() == 1
    assert counts == [1]


@on_both_databases
def test_a_letter_that_the_database_refuses_does_not_hold_up_others(service: Service) -> None:
    with service.uow() as uow:
        uow.enqueue("invite", "of a table that is not there")
    assert service.person().post("/api/sign-up", {"email": (email := make_email())}).status_code == 202
    table = SentInvite.__tablename__
    with service.site.store.engine.begin() as connection:
        connection.execute(text(f'ALTER TABLE "{table}" RENAME TO "away"'))
    try:
        with pytest.raises(DBAPIError):
            service.deliver()
        assert service.link_url(email, "activate")
        assert service.deliver() == 0, "claimed, as any other whose worker has died"
    finally:
        with service.site.store.engine.begin() as connection:
            connection.execute(text(f'ALTER TABLE "away" RENAME TO "{table}"'))


@on_both_databases
def test_a_letter_that_was_taken_is_not_sent_again_because_the_store_was_away(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    def rename(old: str, new: str) -> None:
        with service.site.store.engine.begin() as connection:
            connection.execute(text(f'ALTER TABLE "{old}" RENAME TO "{new}"'))

    class Breaking:
        """Takes a letter, and breaks the store until somebody has tried to note that."""

        taken = 0

        def connect(self) -> AbstractContextManager[Breaking]:
            return nullcontext(self)

        def send(self, message: Message) -> str:
            self.taken += 1
            rename(AuditRow.__tablename__, "away")
            return "250 kept"

    transport = Breaking()
    service.state.transport = transport
    assert service.person().post("/api/sign-up", {"email": make_email()}).status_code == 202

    with ThreadPoolExecutor(1) as pool:
        delivered = pool.submit(service.deliver)
        for _ in range(3000):
            if "sent, but the store is away" in caplog.text:
                break
            time.sleep(0.02)
        rename("away", AuditRow.__tablename__)
        assert delivered.result(60) == 1
    assert transport.taken == 1
    assert outbox.count_items(service.site.store.engine) == (0, 0)
