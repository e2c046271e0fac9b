"""Claim rows of the outbox with a lease, by lanes: what somebody waits for first, and batches by turns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    ScalarSelect,
    Text,
    bindparam,
    func,
    or_,
    select,
    type_coerce,
    update,
)

from accounts.core import mail_lanes
from accounts.core.clock import now
from accounts.core.database.lease_clock import LeaseClock, read_clock_of_write
from accounts.core.database.raw_values import parse_json_object, parse_moment
from accounts.core.database.sql import CompiledStatement, Executor
from accounts.core.mail_lanes import BULK, Lane
from accounts.core.models.outbox import MailBatch, MailLane, OutboxRow
from accounts.core.outbox import OutboxItem
from accounts.core.outbox_facts import Facts

LEASE_DURATION = timedelta(seconds=15)
"""Of a claim. A process renews what it holds (:func:`renew_leases`), so a delivery may take longer; what a process
held that was killed is taken up again after that time."""


class TurnTaken(Exception):
    """Raised where an item was claimed whose lane is closed by now: the transaction is to be rolled back."""


_LEASED_UNTIL = LeaseClock("leased_until", LEASE_DURATION.total_seconds())

# As the database has them: one value that cannot be read must not undo the claim, or it is the oldest row for ever.
_CLAIMED_COLUMNS = (
    OutboxRow.id,
    OutboxRow.purpose,
    OutboxRow.subject,
    type_coerce(OutboxRow.facts, Text),
    OutboxRow.locale,
    OutboxRow.attempts,
    type_coerce(OutboxRow.created_at, Text),
)


def _read_item(
    id: str,
    purpose: str,
    subject: str,
    facts: object,
    locale: str,
    attempts: int,
    created_at: object,
    **taken: Any,
) -> OutboxItem:
    read, moment, defect = Facts(), now(), ""
    try:
        read = Facts(parse_json_object(facts))
        moment = parse_moment(created_at)
    except ValueError as error:
        defect = f"cannot be read: {error}"
    return OutboxItem(id, purpose, subject, read, locale, attempts, moment, defect, **taken)


_MOMENT = bindparam("moment", type_=OutboxRow.not_before.type)
_IS_DUE = (
    OutboxRow.dead_at.is_(None),
    OutboxRow.not_before <= _MOMENT,
    or_(OutboxRow.lease_until.is_(None), OutboxRow.lease_until < LeaseClock("moment")),
)
_BY_DUE = (OutboxRow.dead_at, OutboxRow.not_before)
"""The oldest first, in the words of the indexes. ``dead_at`` is always NULL there, but PostgreSQL does not conclude
from that in which order it reads them: without it each claim reads and sorts everything that is due."""


def _select_of_lane(lane: Lane, *, is_claim: bool) -> ScalarSelect[str]:
    """Return the id of the item of a lane that is next: of the batch that was served longest ago, or the oldest."""
    found = select(OutboxRow.id).where(OutboxRow.lane == lane, *_IS_DUE, mail_lanes.is_open(lane))
    if lane == BULK:
        found = found.where(OutboxRow.batch == _select_next_batch())
    found = found.order_by(*_BY_DUE).limit(1)
    return (found.with_for_update(skip_locked=True, of=OutboxRow) if is_claim else found).scalar_subquery()


def _select_next_batch() -> ScalarSelect[str | None]:
    """Return the batch that has an item due and was served longest ago.

    Batches are walked by the index from one to the next, and each is asked for one item: twenty thousand letters of
    one batch cost the same as one.
    """
    # Nested: a statement that begins with WITH is taken for one that only reads.
    first = select(OutboxRow.batch).where(OutboxRow.batch.is_not(None)).order_by(OutboxRow.batch).limit(1)
    waiting = select(first.scalar_subquery().label("batch")).cte("waiting", recursive=True, nesting=True)
    following = select(OutboxRow.batch).where(OutboxRow.batch > waiting.c.batch).order_by(OutboxRow.batch).limit(1)
    waiting = waiting.union_all(
        select(following.correlate(waiting).scalar_subquery()).where(waiting.c.batch.is_not(None))
    )
    # A scalar subquery, not EXISTS, of which a planner would make a join that reads them all.
    item = select(OutboxRow.id).where(OutboxRow.batch == waiting.c.batch, OutboxRow.lane == BULK, *_IS_DUE)
    item = item.order_by(*_BY_DUE).limit(1)
    return (
        select(waiting.c.batch)
        .outerjoin(MailBatch, MailBatch.batch == waiting.c.batch)
        .where(MailBatch.paused_at.is_(None), item.correlate(waiting).scalar_subquery().is_not(None))
        .order_by(MailBatch.served_at.nulls_first(), waiting.c.batch)
        .limit(1)
        .scalar_subquery()
    )


@cache
def _build_statements(lanes: tuple[Lane, ...]) -> tuple[CompiledStatement, CompiledStatement]:
    """Return the statement that looks for the next item of some lanes, and the one that claims it."""
    wait_step = select(MailLane.wait_step).where(MailLane.name == OutboxRow.lane, MailLane.paused_at.is_not(None))
    claim = (
        update(OutboxRow)
        .where(OutboxRow.id == _first_of([_select_of_lane(lane, is_claim=True) for lane in lanes]))
        .values(lease_until=_LEASED_UNTIL, attempts=OutboxRow.attempts + 1)
        .returning(*_CLAIMED_COLUMNS, OutboxRow.lane, OutboxRow.batch, wait_step.scalar_subquery())
    )
    look = select(_first_of([_select_of_lane(lane, is_claim=False) for lane in lanes]))
    return CompiledStatement(look), CompiledStatement(claim)


def _first_of(ids: list[ScalarSelect[str]]) -> ColumnElement[str]:
    # COALESCE asks no lane before those that come first have nothing.
    return func.coalesce(*ids) if len(ids) > 1 else ids[0]


def has_due_item(engine: Engine, lanes: tuple[Lane, ...]) -> bool:
    """Return whether :func:`claim_item` would find an item. Takes no lock: an idle worker keeps nobody waiting."""
    return _build_statements(lanes)[0].fetch_all(engine, {"moment": now()})[0][0] is not None


def claim_item(executor: Executor, lanes: tuple[Lane, ...], *, bulk_per_minute: int = 0) -> OutboxItem | None:
    """Claim the item that is next, for the time of one lease; None when nothing is due.

    In a transaction under way: at its commit the row is claimed, whatever becomes of its worker.

    :param lanes: looked through in this order.
    :param bulk_per_minute: how many items all processes together may take of the lane for bulk; 0 for any number.
    :raises TurnTaken: another process has taken the turn of this lane.
    """
    moment = read_clock_of_write(executor)
    values = {"moment": moment, "leased_until": moment + LEASE_DURATION}
    rows = _build_statements(lanes)[1].run(executor, values)
    if not rows:
        return None
    *columns, lane, batch, wait_step = rows[0]
    if lane == BULK:
        mail_lanes.note_batch_served(executor, batch or mail_lanes.NAMELESS_BATCH)
    is_try = wait_step is not None
    gap = mail_lanes.get_retry_seconds(wait_step + 1) if is_try else 60 / bulk_per_minute if bulk_per_minute else 0
    if (is_try or (gap and lane == BULK)) and not mail_lanes.take_turn(executor, lane, gap, is_try=is_try):
        raise TurnTaken
    return _read_item(*columns, lane=lane, batch=batch, is_try=is_try)


_SELECT_OLDEST_DUE = CompiledStatement(
    select(OutboxRow.not_before).where(OutboxRow.lane == bindparam("of_lane"), *_IS_DUE).order_by(*_BY_DUE).limit(1)
)


def find_oldest_due(engine: Engine, lane: Lane = mail_lanes.DIRECT) -> datetime | None:
    """Return since when the oldest item of a lane is due that no worker has claimed; None where there is none."""
    rows = _SELECT_OLDEST_DUE.fetch_all(engine, {"moment": now(), "of_lane": lane})
    return rows[0][0] if rows else None


_RENEW_LEASE = CompiledStatement(
    update(OutboxRow)
    .where(
        OutboxRow.id == bindparam("item_id"),
        OutboxRow.attempts == bindparam("claimed_as"),
        OutboxRow.lease_until.is_not(None),
    )
    .values(lease_until=_LEASED_UNTIL)
)


def renew_leases(executor: Executor, items: Iterable[OutboxItem]) -> None:
    """Hold claimed rows for another lease, all of them by one statement; but none that another worker has by now."""
    leased_until = read_clock_of_write(executor) + LEASE_DURATION
    _RENEW_LEASE.run_for_each(
        executor,
        [{"item_id": item.id, "claimed_as": item.attempts, "leased_until": leased_until} for item in items],
    )
