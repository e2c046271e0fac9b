"""Lanes of the outbox: nobody who waits stands behind many, batches take turns, and a lane can stand still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from accounts.core import mail_lanes, outbox, outbox_claims
from accounts.core.database.store import Store
from accounts.core.mail_lanes import BULK, DIRECT, MAIL_LANES, SLOW, Lane
from accounts.core.models.outbox import MailLane
from accounts.core.outbox import OutboxItem
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.kit.statements import record_statements


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    store = Store(database)
    yield store.engine
    store.close()


def put(engine: Engine, *subjects: str, lane: Lane = DIRECT, batch: str | None = None) -> None:
    with engine.begin() as connection:
        for subject in subjects:
            outbox.enqueue(connection, "invite", subject, {"asked": {}}, "en", lane=lane, batch_id=batch)


def claim(engine: Engine, lanes: tuple[Lane, ...] = MAIL_LANES, *, rate: int = 0) -> OutboxItem | None:
    try:
        with engine.begin() as connection:
            return outbox_claims.claim_item(connection, lanes, bulk_per_minute=rate)
    except outbox_claims.TurnTaken:
        return None


def claim_all(engine: Engine, lanes: tuple[Lane, ...] = MAIL_LANES) -> list[str]:
    return [item.subject for item in iter(lambda: claim(engine, lanes), None)]


def age_lanes(engine: Engine, seconds: float) -> None:
    """Have so much time pass. On PostgreSQL lanes run by the clock of the server, which nobody can move."""
    with Session(engine) as session, session.begin():
        for row in session.query(MailLane):
            row.not_before -= timedelta(seconds=seconds)


@on_both_databases
def test_what_somebody_waits_for_comes_before_what_goes_to_many(engine: Engine) -> None:
    put(engine, *(f"invite{number}" for number in range(20)), lane=BULK, batch="b1")
    assert [claim(engine), claim(engine)] != [None, None]
    put(engine, "reset")
    put(engine, "sign-in")
    assert claim_all(engine)[:3] == ["reset", "sign-in", "invite2"]
    assert claim(engine) is None


@on_both_databases
def test_batches_take_turns_whatever_their_size(engine: Engine) -> None:
    for batch, count in (("large", 6), ("small", 2), ("later", 2)):
        put(engine, *(f"{batch}{number}" for number in range(count)), lane=BULK, batch=batch)
    put(engine, "none0", "none1", lane=BULK)
    order = claim_all(engine)
    assert sorted(order[:4]) == ["large0", "later0", "none0", "small0"]
    assert [subject[:-1] for subject in order[4:8]] == [subject[:-1] for subject in order[:4]], "the same turns"
    assert order[8:] == ["large2", "large3", "large4", "large5"]


@on_both_databases
def test_a_new_batch_is_served_before_what_had_a_turn(engine: Engine) -> None:
    put(engine, *(f"old{number}" for number in range(5)), lane=BULK, batch="a")
    assert claim(engine), "its first turn"
    put(engine, "new", lane=BULK, batch="z")
    assert claim_all(engine)[0] == "new"


@on_both_databases
def test_a_paused_batch_waits_and_the_others_go_on(engine: Engine) -> None:
    put(engine, "a0", "a1", lane=BULK, batch="a")
    put(engine, "b0", lane=BULK, batch="b")
    with engine.begin() as connection:
        mail_lanes.pause_batch(connection, "a")
    assert claim_all(engine) == ["b0"]
    assert not outbox_claims.has_due_item(engine, MAIL_LANES)
    with engine.begin() as connection:
        mail_lanes.resume_batch(connection, "a")
    assert claim_all(engine) == ["a0", "a1"]


@on_both_databases
def test_a_cancelled_batch_leaves_in_one_statement_from_whatever_lane(engine: Engine) -> None:
    put(engine, *(f"a{number}" for number in range(50)), lane=BULK, batch="a")
    put(engine, "slow", lane=SLOW, batch="a")
    put(engine, "b0", lane=BULK, batch="b")
    put(engine, "reset")
    with record_statements(engine) as statements, engine.begin() as connection:
        assert outbox.cancel_batch(connection, "a") == 51
    assert sum("FROM outbox" in statement for statement in statements) == 1
    assert claim_all(engine) == ["reset", "b0"]
    with engine.begin() as connection:
        assert outbox.cancel_batch(connection, "a") == 0


@on_both_databases
def test_a_rate_for_bulk_holds_for_all_processes_together_and_for_nothing_else(engine: Engine) -> None:
    put(engine, *(f"a{number}" for number in range(40)), lane=BULK, batch="a")
    put(engine, "reset")

    def take(number: int) -> list[OutboxItem]:
        return [item for item in (claim(engine, rate=1) for _ in range(4)) if item]

    taken = [item.subject for items in run_concurrently(4, take) for item in items]
    # Not always the first: whoever loses the turn holds a row locked for a moment, and another takes the next.
    assert "reset" in taken
    assert len(taken) == 2, "one a minute"
    assert not outbox_claims.has_due_item(engine, MAIL_LANES)
    age_lanes(engine, 61)
    assert claim(engine, rate=1)
    assert claim(engine, rate=1) is None
    assert outbox.count_items(engine) == (41, 0), "what lost its turn is claimed by nobody"
    age_lanes(engine, 61)
    item = claim(engine)
    assert item is not None
    assert item.attempts == 1


@on_both_databases
def test_a_paused_lane_tries_one_letter_by_itself_after_longer_and_longer_waits(engine: Engine) -> None:
    put(engine, "one", "two", "three", "four", "five", "six")
    put(engine, "bulk", lane=BULK, batch="a")
    with engine.begin() as connection:
        assert mail_lanes.pause_lane(connection, DIRECT, "AUTH: 535 no")
        assert not mail_lanes.pause_lane(connection, DIRECT, "AUTH: 535 no, again")
    assert claim_all(engine) == ["bulk"]
    for step, minutes in enumerate([1, 2, 5, 10, 10], mail_lanes.REFUSED_STEP):
        (state,) = mail_lanes.find_lane_states(engine)
        assert (state.lane, state.reason, state.step) == ("direct", "AUTH: 535 no", step)
        assert state.next_try_at is not None
        age_lanes(engine, 60 * minutes - 5)
        assert claim_all(engine) == []
        age_lanes(engine, 10)
        taken = [item for item in run_concurrently(3, lambda number: claim(engine)) if item]
        assert [item.is_try for item in taken] == [True], "one for all processes"
    with engine.begin() as connection:
        assert mail_lanes.resume_lane(connection, DIRECT)
        assert not mail_lanes.resume_lane(connection, DIRECT)
    assert len(claim_all(engine)) == 1
    assert mail_lanes.find_lane_states(engine) == []


@on_both_databases
def test_a_lane_that_was_paused_by_hand_waits_for_a_hand(engine: Engine) -> None:
    put(engine, "one", lane=BULK, batch="a")
    with engine.begin() as connection:
        mail_lanes.pause_lane(connection, BULK, "refused")
        assert mail_lanes.pause_lane(connection, BULK, "the provider asked for it", is_held=True)
    (state,) = mail_lanes.find_lane_states(engine)
    assert (state.next_try_at, state.reason) == (None, "the provider asked for it")
    age_lanes(engine, 86400 * 30)
    assert claim_all(engine) == []
    with engine.begin() as connection:
        mail_lanes.resume_lane(connection, BULK)
    assert claim_all(engine) == ["one"]


@on_both_databases
def test_the_turns_of_old_batches_are_forgotten_and_pauses_are_not(engine: Engine) -> None:
    put(engine, "a0", lane=BULK, batch="a")
    put(engine, "b0", lane=BULK, batch="b")
    with engine.begin() as connection:
        mail_lanes.pause_batch(connection, "b")
    assert claim_all(engine) == ["a0"]
    assert mail_lanes.delete_old_batches(engine) == 0
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE mail_batches SET served_at = '2020-01-01 00:00:00'")
    assert mail_lanes.delete_old_batches(engine) == 1
    assert claim_all(engine) == []
