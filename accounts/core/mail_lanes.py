"""Say when the lanes of the outbox are open: paused for a reason, and no faster than a rate.

All of it is in the database, so that it holds for every process, and for those that start later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, bindparam, delete, exists, select, update

from accounts.core.clock import now
from accounts.core.database.lease_clock import LeaseClock
from accounts.core.database.spent import FOR_EVER
from accounts.core.database.sql import CompiledStatement, Executor
from accounts.core.database.sweep import sweep_rows
from accounts.core.models.outbox import MailBatch, MailLane

Lane = Literal["direct", "bulk", "slow", "calls"]
DIRECT: Lane = "direct"
"""Letters that somebody waits for."""
BULK: Lane = "bulk"
"""Letters that go to many: batches take turns in it."""
SLOW: Lane = "slow"
"""Letters over which the mail server has kept a thread waiting to the end of its time."""
CALLS: Lane = "calls"
"""What other programs are told."""
MAIL_LANES: tuple[Lane, ...] = (DIRECT, BULK, SLOW)
RETRY_SECONDS = (10, 30, 60, 120, 300, 600)
"""Until one letter is tried over a lane that is paused, and until the next after each that has failed."""
REFUSED_STEP = 2
"""Where in these waits a lane begins that a mail server refuses: with a minute. One that cannot be reached may be
there again in seconds, and is not bothered by who asks."""

NAMELESS_BATCH = "other"
"""The batch of what goes to many without a name for it."""
BATCH_RETENTION = timedelta(days=7)
"""How long it is kept when a batch had its last turn."""


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane that is paused.

    :ivar next_try_at: when one letter is tried by itself; None where it waits for somebody to resume it.
    :ivar step: which of the waits it has.
    """

    lane: str
    paused_at: datetime
    reason: str
    next_try_at: datetime | None
    step: int


def is_open(lane: Lane) -> ColumnElement[bool]:
    """Return the condition that an item of a lane may be taken; with the parameter ``moment``."""
    return ~exists().where(MailLane.name == lane, MailLane.not_before > LeaseClock("moment"))


_TAKE_TURN = CompiledStatement(
    lambda insert: (
        insert(MailLane)
        .values(name=bindparam("of_lane"), not_before=LeaseClock("until", bindparam("gap")), wait_step=0)
        .on_conflict_do_update(
            index_elements=[MailLane.name],
            set_={
                "not_before": LeaseClock("until", bindparam("gap")),
                "wait_step": MailLane.wait_step + bindparam("is_try"),
            },
            where=MailLane.not_before <= LeaseClock("moment"),
        )
        .returning(MailLane.name)
    )
)


def take_turn(executor: Executor, lane: Lane, gap: float, *, is_try: bool = False) -> bool:
    """Take the turn of a lane, if it is due, and close the lane for ``gap`` seconds; return whether it was due.

    Of several processes that try at once, one gets it.

    :param is_try: whether the lane is paused, and this tries if it goes on.
    """
    moment = now()
    values = {"of_lane": lane, "gap": gap, "moment": moment, "until": moment + timedelta(seconds=gap)}
    return bool(_TAKE_TURN.run(executor, {**values, "is_try": int(is_try)}))


def get_retry_seconds(step: int) -> float:
    """Return how long a paused lane waits for its next try."""
    return float(RETRY_SECONDS[min(step, len(RETRY_SECONDS) - 1)])


def _build_pause(insert: Callable[[Any], Any], until: Any, *, only_open: bool) -> Any:
    paused_at = bindparam("moment", type_=MailLane.paused_at.type)
    values = {"not_before": until, "paused_at": paused_at, "reason": bindparam("why"), "wait_step": bindparam("step")}
    return (
        insert(MailLane)
        .values(name=bindparam("of_lane"), **values)
        .on_conflict_do_update(
            index_elements=[MailLane.name],
            set_=values,
            where=MailLane.paused_at.is_(None) if only_open else None,
        )
        .returning(MailLane.name)
    )


_PAUSE = CompiledStatement(lambda insert: _build_pause(insert, LeaseClock("until", bindparam("gap")), only_open=True))
_HOLD = CompiledStatement(
    lambda insert: _build_pause(insert, bindparam("until", type_=MailLane.not_before.type), only_open=False)
)


def pause_lane(
    executor: Executor, lane: Lane, reason: str, *, step: int = REFUSED_STEP, is_held: bool = False
) -> bool:
    """Pause a lane: nothing more is taken from it. Return whether that is news.

    :param reason: for the admins; at most 500 characters are kept.
    :param step: which of the waits it begins with.
    :param is_held: whether somebody has to resume it. Otherwise one letter is tried after a while, and again after
        longer and longer waits, until one is accepted.
    """
    moment, gap = now(), get_retry_seconds(step)
    until = FOR_EVER if is_held else moment + timedelta(seconds=gap)
    values = {"of_lane": lane, "why": reason[:500], "moment": moment, "until": until, "gap": gap, "step": step}
    # Several letters fail at once: whoever finds it paused already does not begin the waits anew.
    return bool((_HOLD if is_held else _PAUSE).run(executor, values))


_RETURN_TURN = CompiledStatement(
    update(MailLane)
    .where(
        MailLane.name == bindparam("of_lane"),
        MailLane.paused_at.is_not(None),
        MailLane.not_before < bindparam("held", type_=MailLane.not_before.type),
        MailLane.wait_step > 0,
    )
    .values(not_before=LeaseClock("moment"), wait_step=MailLane.wait_step - 1)
)


def return_turn(executor: Executor, lane: Lane) -> None:
    """Have another letter tried at once over a paused lane: the last try has told nothing of it."""
    _RETURN_TURN.run(executor, {"of_lane": lane, "held": FOR_EVER, "moment": now()})


_RESUME = CompiledStatement(
    update(MailLane)
    .where(MailLane.name == bindparam("of_lane"), MailLane.paused_at.is_not(None))
    .values(paused_at=None, reason=None, wait_step=0, not_before=LeaseClock("moment"))
    .returning(MailLane.name)
)


def resume_lane(executor: Executor, lane: Lane) -> bool:
    """Have a paused lane go on at once; return whether it was paused."""
    return bool(_RESUME.run(executor, {"of_lane": lane, "moment": now()}))


_SELECT_PAUSED = CompiledStatement(
    select(MailLane.name, MailLane.paused_at, MailLane.reason, MailLane.not_before, MailLane.wait_step)
    .where(MailLane.paused_at.is_not(None))
    .order_by(MailLane.name)
)


def find_lane_states(engine: Engine) -> list[LaneState]:
    """Return the lanes that are paused, by name."""
    return [
        LaneState(lane, paused_at, reason or "", None if not_before >= FOR_EVER else not_before, step)
        for lane, paused_at, reason, not_before, step in _SELECT_PAUSED.fetch_all(engine)
    ]


def _mark_batch(column: str) -> CompiledStatement:
    return CompiledStatement(
        lambda insert: (made := insert(MailBatch)).on_conflict_do_update(
            index_elements=[MailBatch.batch], set_={column: made.excluded[column]}
        )
    )


_MARK_SERVED, _MARK_PAUSED = _mark_batch("served_at"), _mark_batch("paused_at")


def note_batch_served(executor: Executor, batch_id: str) -> None:
    """Note that a batch had its turn: those that wait for longer come before it now."""
    _MARK_SERVED.run(executor, {"batch": batch_id, "served_at": now(), "paused_at": None})


def pause_batch(executor: Executor, batch_id: str) -> None:
    """Take nothing more from a batch until it is resumed."""
    _MARK_PAUSED.run(executor, {"batch": batch_id, "served_at": None, "paused_at": now()})


def resume_batch(executor: Executor, batch_id: str) -> None:
    """Have a paused batch go on."""
    _MARK_PAUSED.run(executor, {"batch": batch_id, "served_at": None, "paused_at": None})


_FORGET_BATCH = CompiledStatement(delete(MailBatch).where(MailBatch.batch == bindparam("of_batch")))


def forget_batch(executor: Executor, batch_id: str) -> None:
    """Forget turns and pause of a batch that has left the outbox."""
    _FORGET_BATCH.run(executor, {"of_batch": batch_id})


def delete_old_batches(engine: Engine) -> int:
    """Forget the turns of batches that had none for long. One that has letters after all is next then."""
    old = MailBatch.paused_at.is_(None) & (MailBatch.served_at < now() - BATCH_RETENTION)
    return sweep_rows(engine, delete(MailBatch).where(old), MailBatch.batch, old)
