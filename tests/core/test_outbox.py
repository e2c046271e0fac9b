"""Mail that is due: claimed by one worker at a time, put off with patience, never lost."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from accounts.core import mail_lanes, outbox, outbox_claims
from accounts.core.clock import now
from accounts.core.database.store import Store
from accounts.core.models.outbox import OutboxRow
from accounts.core.outbox import (
    FIRST_RETRY_SECONDS,
    MAX_RETRY_SECONDS,
    Letter,
    OutboxItem,
)
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.kit.statements import record_statements

LANES = mail_lanes.MAIL_LANES


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
        return outbox_claims.claim_item(connection, LANES)


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
        assert not outbox_claims.has_due_item(engine, LANES)
    put(engine, "one")
    with record_statements(engine) as more:
        assert outbox_claims.has_due_item(engine, LANES)
        assert outbox_claims.has_due_item(engine, ("bulk", "direct"))
        assert not outbox_claims.has_due_item(engine, ("bulk",))
        assert not outbox_claims.has_due_item(engine, ("slow", "calls"))
    assert (len(statements), statements.commits, len(more), more.commits) == (1, 0, 4, 0)
    assert claimed(engine).attempts == 1
    assert not outbox_claims.has_due_item(engine, LANES)


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


def age_leases(engine: Engine, seconds: float) -> None:
    """Have so much of each lease pass. On PostgreSQL they run by the clock of the server, which nobody can move."""
    with Session(engine) as session, session.begin():
        for row in session.query(OutboxRow).where(OutboxRow.lease_until.is_not(None)):
            assert row.lease_until is not None
            row.lease_until -= timedelta(seconds=seconds)


@on_both_databases
def test_a_lease_ends_soon_so_that_a_dead_workers_mail_is_taken_up(engine: Engine) -> None:
    put(engine, "one")
    first = claimed(engine)
    assert claim(engine) is None
    age_leases(engine, 16)
    again = claimed(engine)
    assert (again.id, again.attempts) == (first.id, 2)


@on_both_databases
def test_a_lease_is_renewed_as_long_as_its_process_lives(engine: Engine) -> None:
    put(engine, "one", "two", "three")
    items = [claimed(engine) for _ in range(3)]
    for _ in range(20):
        age_leases(engine, 10)
        with record_statements(engine) as statements, engine.begin() as connection:
            outbox_claims.renew_leases(connection, items[:2])
        assert len(statements) == 1, "one for all of them"
    assert claimed(engine).subject == "three"
    assert claim(engine) is None


@pytest.mark.parametrize("is_renewal", [False, True])
def test_a_lease_begins_when_the_wait_for_the_database_is_over(
    engine: Engine, stopped_clock: time_machine.Traveller, is_renewal: bool
) -> None:
    """A backup, say, holds SQLite's lock: a lease that was counted from before the wait is over before it begins,
    and a second process carries the same letter."""
    put(engine, "one")
    items = [claimed(engine)] if is_renewal else []
    waits = threading.Event()

    def work() -> None:
        with engine.connect() as connection:
            event.listen(connection, "begin", lambda *_: waits.set())
            if is_renewal:
                outbox_claims.renew_leases(connection, items)
            else:
                outbox_claims.claim_item(connection, LANES)
            connection.commit()

    with closing(sqlite3.connect(str(engine.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        worker = threading.Thread(target=work)
        worker.start()
        assert waits.wait(60)
        stopped_clock.shift(9)
        other.execute("ROLLBACK")
    worker.join(60)
    with Session(engine) as session:
        assert session.scalars(select(OutboxRow.lease_until)).one() == now() + outbox_claims.LEASE_DURATION


@on_both_databases
def test_what_another_worker_has_taken_over_is_its_own_to_renew_and_to_settle(engine: Engine) -> None:
    put(engine, "one")
    slow = claimed(engine)
    age_leases(engine, 16)
    other = claimed(engine)
    with engine.begin() as connection:
        outbox_claims.renew_leases(connection, [slow])
    age_leases(engine, 14)
    assert claim(engine) is None
    with Session(engine) as session, session.begin():
        assert outbox.retry_later(session, slow, "no answer", permanent=True) == ""
    assert claim(engine) is None, "still the other's"
    age_leases(engine, 2)
    assert claimed(engine).attempts == other.attempts + 1


@on_both_databases
@pytest.mark.parametrize("is_claimed", [True, False])
def test_what_is_put_off_is_not_taken_from_another_worker(engine: Engine, is_claimed: bool) -> None:
    put(engine, "one")
    slow = claimed(engine)
    if is_claimed:
        age_leases(engine, 16)
        claimed(engine)
    with Session(engine) as session, session.begin():
        outbox.put_off(session, slow, "failed: MemoryError", is_claimed=is_claimed)
    row = row_of(engine, slow)
    assert row is not None
    assert (row.attempts, row.last_error) == (2 if is_claimed else 1, None), "as the other has it"
    assert row.lease_until is not None


@pytest.mark.parametrize("database", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
@pytest.mark.parametrize("minutes", [-10, 10])
def test_processes_whose_clocks_are_apart_do_not_take_each_others_letters(engine: Engine, minutes: int) -> None:
    put(engine, "one", "two")
    with time_machine.travel(now() + timedelta(minutes=minutes)):
        first = claim(engine)
    if minutes > 0:
        assert first is not None
    taken = [item.subject for item in (first, claim(engine), claim(engine)) if item]
    assert taken == ["one", "two"]


@on_both_databases
def test_what_was_delivered_is_gone(engine: Engine) -> None:
    put(engine, "one", "two")
    intent = claimed(engine)
    with Session(engine) as session, session.begin():
        outbox.remove_item(session, intent)
    assert row_of(engine, intent) is None
    assert outbox.count_items(engine) == (1, 0)


@on_both_databases
def test_pauses_double_from_seconds_to_an_hour_and_end_after_days(engine: Engine) -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as time:
        put(engine, "one")
        began, pauses, is_last = now(), list[float](), False
        while not is_last:
            intent = claimed(engine)
            assert intent.attempts == len(pauses) + 1
            is_last = outbox.is_too_old(intent)
            row = put_off(engine, intent, "451 later" * 200, for_good=is_last)
            assert row.lease_until is None
            assert row.last_error == ("451 later" * 200)[:500]
            pauses.append((row.not_before - now()).total_seconds())
            assert (row.dead_at is not None) is is_last
            assert claim(engine) is None, "not before its time"
            time.move_to(row.not_before)
        plain = [min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2**power) for power in range(len(pauses))]
        assert all(0.7 * due <= pause <= 1.3 * due for due, pause in zip(plain, pauses, strict=True))
        assert pauses != plain, "jitter"
        assert timedelta(days=4) < now() - began < timedelta(days=5), "as mail servers do, RFC 5321 4.5.4.1"
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


def test_a_letter_never_shows_its_link() -> None:
    assert "psst" not in repr(Letter("words", "ann@example.org", "en", {}, link="https://x/l/psst/go"))


def test_a_row_holds_no_zone_but_gives_one_back(engine: Engine) -> None:
    put(engine, "one")
    assert now() - claimed(engine).created_at < timedelta(minutes=1)
