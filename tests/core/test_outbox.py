"""Mail that is due: claimed by one worker at a time, put off with patience, never lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from accounts.core import outbox
from accounts.core.clock import now
from accounts.core.database.store import Store
from accounts.core.models.outbox import OutboxRow
from accounts.core.outbox import (
    FIRST_RETRY_SECONDS,
    LEASE_DURATION,
    MAX_ATTEMPTS,
    MAX_RETRY_SECONDS,
    Letter,
    OutboxItem,
)
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.kit.statements import record_statements
from tests.people import Service, make_email


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    store = Store(database)
    yield store.engine
    store.close()


def put(engine: Engine, *subjects: str) -> None:
    for subject in subjects:
        with Session(engine) as session, session.begin():
            outbox.enqueue(session, "reset-password", subject, {"asked": {"network": "n", "agent": "a"}}, "en")


def claim(engine: Engine) -> OutboxItem | None:
    with engine.begin() as connection:
        return outbox.claim_item(connection)


def claimed(engine: Engine) -> OutboxItem:
    found = claim(engine)
    assert found is not None
    return found


def row_of(engine: Engine, intent: OutboxItem) -> OutboxRow | None:
    with Session(engine) as session:
        return session.get(OutboxRow, intent.id)


def put_off(engine: Engine, intent: OutboxItem, error: str = "4xx", *, for_good: bool = False) -> OutboxRow:
    with Session(engine) as session, session.begin():
        outbox.retry_later(session, intent, error, permanent=for_good)
    found = row_of(engine, intent)
    assert found is not None
    return found


@on_both_databases
def test_the_oldest_that_is_due_comes_first(engine: Engine) -> None:
    assert claim(engine) is None
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as time:
        for subject in ("one", "two", "three"):
            put(engine, subject)
            time.shift(1)
        intents = [claimed(engine) for _ in range(3)]
        assert [intent.subject for intent in intents] == ["one", "two", "three"]
        assert [intent.attempts for intent in intents] == [1, 1, 1]
        assert intents[0].requested_by == {"network": "n", "agent": "a", "at": intents[0].created_at}
        assert claim(engine) is None, "each has its lease"
        assert outbox.count_items(engine) == (3, 0)


@on_both_databases
def test_looking_for_what_is_due_takes_no_lock_and_claims_nothing(engine: Engine) -> None:
    with record_statements(engine) as statements:
        assert not outbox.has_due_item(engine)
    put(engine, "one")
    with record_statements(engine) as more:
        assert outbox.has_due_item(engine)
        assert outbox.has_due_item(engine, purposes=["activate", "reset-password"], except_purposes=["activate"])
        assert not outbox.has_due_item(engine, purposes=["activate"])
        assert not outbox.has_due_item(engine, except_purposes=["activate", "reset-password"])
    assert (len(statements), statements.commits, len(more), more.commits) == (1, 0, 4, 0)
    assert claimed(engine).attempts == 1
    assert not outbox.has_due_item(engine)


@on_both_databases
def test_workers_never_share_a_row(engine: Engine) -> None:
    put(engine, *(f"s{number}" for number in range(30)))

    def take_all(number: int) -> list[str]:
        taken = []
        misses = 0
        while misses < 3:
            intent = claim(engine)
            if intent is None:
                misses += 1
            else:
                taken.append(intent.id)
        return taken

    found = [id for taken in run_concurrently(6, take_all) for id in taken]
    assert len(found) == 30
    assert len(set(found)) == 30


@on_both_databases
def test_a_lease_ends_so_that_a_dead_workers_mail_is_taken_up(engine: Engine) -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as time:
        put(engine, "one")
        first = claimed(engine)
        time.shift(LEASE_DURATION)
        assert claim(engine) is None
        time.shift(1)
        again = claimed(engine)
        assert (again.id, again.attempts) == (first.id, 2)


@on_both_databases
def test_what_was_delivered_is_gone(engine: Engine) -> None:
    put(engine, "one", "two")
    intent = claimed(engine)
    with Session(engine) as session, session.begin():
        outbox.remove_item(session, intent)
    assert row_of(engine, intent) is None
    assert outbox.count_items(engine) == (1, 0)


@on_both_databases
def test_pauses_double_from_seconds_to_an_hour_until_it_is_dead(engine: Engine) -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as time:
        put(engine, "one")
        pauses = []
        for attempt in range(1, MAX_ATTEMPTS + 1):
            intent = claimed(engine)
            assert intent.attempts == attempt
            row = put_off(engine, intent, "451 later" * 200)
            assert row.lease_until is None
            assert row.last_error == ("451 later" * 200)[:500]
            pauses.append((row.not_before - now()).total_seconds())
            assert (row.dead_at is not None) is (attempt == MAX_ATTEMPTS)
            assert claim(engine) is None, "not before its time"
            time.shift(MAX_RETRY_SECONDS * 2)
        plain = [min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2**power) for power in range(MAX_ATTEMPTS)]
        assert all(0.7 * due <= pause <= 1.3 * due for due, pause in zip(plain, pauses, strict=True))
        assert pauses != plain, "jitter"
        assert claim(engine) is None, "a dead letter waits for somebody to look"
        assert outbox.count_items(engine) == (0, 1)


@on_both_databases
def test_a_refused_letter_is_dead_at_once_and_can_be_sent_again(engine: Engine) -> None:
    put(engine, "one", "two")
    row = put_off(engine, claimed(engine), "550 no such box", for_good=True)
    assert row.dead_at is not None
    assert outbox.count_items(engine) == (1, 1)
    assert claimed(engine).subject == "two"
    assert claim(engine) is None
    with Session(engine) as session, session.begin():
        assert outbox.revive_dead_letters(session) == 1
        assert outbox.revive_dead_letters(session) == 0
    again = claimed(engine)
    assert (again.subject, again.attempts) == ("one", 1)


def test_a_letter_that_cannot_be_written_does_not_hold_up_others(service: Service) -> None:
    good, uow = make_email(), service.uow()
    with uow:
        uow.enqueue("no-such-purpose", "x")
        uow.enqueue("invite", "no-such-invitation")
        uow.enqueue("activate", "not an address", {"next": ""})
        uow.enqueue("activate", good, {"next": ""})
    assert len(service.mails_to(good)) == 1
    assert outbox.count_items(service.site.store.engine) == (2, 0), "two are put off, one lost its cause"


def test_a_letter_never_shows_its_link() -> None:
    assert "psst" not in repr(Letter("words", "ann@example.org", "en", {}, link="https://x/l/psst/go"))


def test_a_row_holds_no_zone_but_gives_one_back(engine: Engine) -> None:
    put(engine, "one")
    assert now() - claimed(engine).created_at < timedelta(minutes=1)
