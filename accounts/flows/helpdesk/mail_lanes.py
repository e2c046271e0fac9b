"""Show the mail that waits by lanes and batches, and pause, resume and cancel it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine, bindparam, func, select

from accounts.core import mail_lanes, outbox, outbox_claims
from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement
from accounts.core.errors import NotFound
from accounts.core.mail_lanes import BULK, DIRECT, MAIL_LANES, REFUSED_STEP, SLOW, Lane, LaneState
from accounts.core.messages import N_
from accounts.core.models.audit import AuditRow
from accounts.core.models.bulk import BulkAct
from accounts.core.models.invites import InviteBatch
from accounts.core.models.outbox import MailBatch, OutboxRow
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.mail_log import MAIL_SENT

MAIL_PAUSED, MAIL_RESUMED, MAIL_CANCELLED = "mail.paused", "mail.resumed", "mail.cancelled"
PACE_WINDOW = timedelta(minutes=5)
"""Over which it is measured how fast letters go out."""
LATE_AFTER = timedelta(minutes=10)
"""How long a letter that somebody waits for may be due, and a lane stand still, before it is a fault."""
PAUSED_BY_HAND, SERVER_AWAY = "paused by an admin", "the mail server cannot be reached"
"""What the reason of a pause begins with; any other is what a mail server has answered."""
PauseClass = Literal["admin", "unreachable", "refused"]
PAUSE_CLASSES: tuple[PauseClass, ...] = ("admin", "unreachable", "refused")
LETTERS_LATE, MAIL_LANE_PAUSED = "letters_late", "mail_paused"
LANE_LABELS: Mapping[str, str] = {
    DIRECT: N_("Priority emails"),
    BULK: N_("Bulk emails"),
    SLOW: N_("Previously timed-out emails"),
}
"""Lanes in words."""


@dataclass(frozen=True, slots=True)
class WaitingLane:
    """What waits in one lane.

    :ivar oldest: when the one was asked for that waits longest; None where none does.
    :ivar paused: why it stands still, and until when; None where it goes on.
    """

    lane: str
    waiting: int
    oldest: datetime | None
    paused: LaneState | None


@dataclass(frozen=True, slots=True)
class WaitingBatch:
    """A batch that is on its way.

    :ivar name: as its list is called; "" where it has none.
    :ivar act: what the letters of an act on many accounts are about, such as ``send-reset``; "" for a list.
    :ivar paused_at: since when it is paused; None where it goes on.
    :ivar seconds_left: until its last letter is out, about; None where that cannot be told.
    """

    batch: str
    name: str
    act: str
    waiting: int
    dead: int
    paused_at: datetime | None
    seconds_left: int | None


@dataclass(frozen=True, slots=True)
class MailOverview:
    """How the mail is: what waits, what stands still, and how fast it goes.

    :ivar per_minute: letters that went out in a minute lately, of all kinds.
    :ivar bulk_per_minute: the rate that is set for bulk; 0 for none.
    :ivar seconds_left: until all bulk is out, about; None where that cannot be told.
    """

    lanes: Sequence[WaitingLane]
    batches: Sequence[WaitingBatch]
    per_minute: float
    bulk_per_minute: int
    seconds_left: int | None


_COUNT_LANES = CompiledStatement(
    select(OutboxRow.lane, func.count(), func.min(OutboxRow.created_at))
    .where(OutboxRow.dead_at.is_(None))
    .group_by(OutboxRow.lane)
)
# Counted before anything is joined: in the order of the index, and not once more for each letter.
_BATCHES = (
    select(OutboxRow.batch, func.count().label("total"), func.count(OutboxRow.dead_at).label("dead"))
    .where(OutboxRow.batch.is_not(None))
    .group_by(OutboxRow.batch)
    .subquery()
)
_COUNT_BATCHES = CompiledStatement(
    select(_BATCHES.c.batch, _BATCHES.c.total, _BATCHES.c.dead, MailBatch.paused_at, InviteBatch.name, BulkAct.act)
    .outerjoin(MailBatch, MailBatch.batch == _BATCHES.c.batch)
    .outerjoin(InviteBatch, InviteBatch.id == _BATCHES.c.batch)
    .outerjoin(BulkAct, BulkAct.id == _BATCHES.c.batch)
    .order_by(_BATCHES.c.batch)
)
_COUNT_SENT = CompiledStatement(
    select(func.count(), func.min(AuditRow.at)).where(
        AuditRow.kind == MAIL_SENT, AuditRow.at > bindparam("since", type_=AuditRow.at.type)
    )
)


def get_overview(uow: UnitOfWork) -> MailOverview:
    """Return how the mail is."""
    paused = {state.lane: state for state in mail_lanes.find_lane_states(uow.site.store.engine)}
    counts = {lane: (count, oldest) for lane, count, oldest in uow.fetch_all(_COUNT_LANES)}
    lanes = [WaitingLane(lane, *counts.get(lane, (0, None)), paused.get(lane)) for lane in MAIL_LANES]
    pace, rate = _measure_pace(uow), uow.site.settings.mail_bulk_per_minute
    bulk_pace = 0 if BULK in paused else rate or pace
    rows = uow.fetch_all(_COUNT_BATCHES)
    waiting = {batch: total - dead for batch, total, dead, *_ in rows}
    open_batches = {batch: waiting[batch] for batch, _, _, paused_at, *_ in rows if paused_at is None}
    batches = [
        WaitingBatch(
            batch,
            name or "",
            act or "",
            waiting[batch],
            dead,
            paused_at,
            None if paused_at else _estimate_seconds(batch, open_batches, bulk_pace),
        )
        for batch, _, dead, paused_at, name, act in rows
        if waiting[batch]
    ]
    left = round(sum(open_batches.values()) / bulk_pace * 60) if bulk_pace and open_batches else None
    return MailOverview(lanes, batches, pace, rate, left)


def find_waiting_batch(uow: UnitOfWork, batch_id: str) -> WaitingBatch:
    """Return a batch that is on its way.

    :raises NotFound: nothing of it waits.
    """
    for batch in get_overview(uow).batches:
        if batch.batch == batch_id:
            return batch
    raise NotFound("no letters of a batch of this name wait")


def _measure_pace(uow: UnitOfWork) -> float:
    moment = now()
    ((count, first),) = uow.fetch_all(_COUNT_SENT, {"since": moment - PACE_WINDOW})
    if not count:
        return 0.0
    # Since the first of them: a list that began a minute ago is not five times as slow.
    return float(round(60 * count / max(1.0, (moment - first).total_seconds()), 1))


def _estimate_seconds(batch: str, waiting: dict[str, int], pace: float) -> int | None:
    """Return when a batch is out that takes turns with the others: each gets as many letters as this one has left."""
    if not pace:
        return None
    before = sum(min(count, waiting[batch]) for count in waiting.values())
    return round(before / pace * 60)


@dataclass(frozen=True, slots=True)
class LateMail:
    """Mail that should have gone out by now.

    :ivar code: ``letters_late`` where letters are that somebody waits for,
        ``mail_paused`` where a lane stands still.
    :ivar seconds: since when.
    """

    code: str
    lane: str
    seconds: int


def find_late_mail(engine: Engine) -> list[LateMail]:
    """Return what is late. A lane that an admin has paused is not: somebody knows about it."""
    return judge_late_mail(outbox_claims.find_oldest_due(engine), mail_lanes.find_lane_states(engine))


def judge_late_mail(oldest: datetime | None, paused: Sequence[LaneState]) -> list[LateMail]:
    """Return what is late.

    :param oldest: since when the oldest letter is due that somebody waits for.
    :param paused: the lanes that are paused.
    """
    moment = now()
    late = [] if oldest is None else [LateMail(LETTERS_LATE, DIRECT, _seconds_since(oldest, moment))]
    late += [
        LateMail(MAIL_LANE_PAUSED, state.lane, _seconds_since(state.paused_at, moment))
        for state in paused
        if state.next_try_at is not None
    ]
    return [each for each in late if each.seconds > LATE_AFTER.total_seconds()]


def classify_pause(state: LaneState) -> PauseClass:
    """Return what has paused a lane."""
    if state.next_try_at is None:
        return "admin"
    return "unreachable" if state.reason.startswith(SERVER_AWAY) else "refused"


def _seconds_since(then: datetime, moment: datetime) -> int:
    return max(0, round((moment - then).total_seconds()))


def pause_lane(uow: UnitOfWork, lane: Lane, reason: str, *, step: int = REFUSED_STEP) -> bool:
    """Pause a lane in the transaction under way, until it goes on by itself; return whether that is news."""
    if not mail_lanes.pause_lane(uow.executor, lane, reason, step=step):
        return False
    uow.record_event(MAIL_PAUSED, facts={"lane": lane, "why": reason})
    return True


def resume_lane(uow: UnitOfWork, lane: Lane) -> bool:
    """Have a paused lane go on, in the transaction under way; return whether it was paused."""
    if not mail_lanes.resume_lane(uow.executor, lane):
        return False
    uow.record_event(MAIL_RESUMED, facts={"lane": lane})
    return True


def pause_mail(uow: UnitOfWork, name: str) -> None:
    """Pause a batch, or a lane by its name, until somebody resumes it.

    :raises NotFound: there is neither.
    """
    with uow:
        if name in MAIL_LANES:
            mail_lanes.pause_lane(uow.executor, _lane(name), PAUSED_BY_HAND, is_held=True)
            uow.record_event(MAIL_PAUSED, facts={"lane": name, "why": PAUSED_BY_HAND})
            return
        _check_batch(uow, name)
        mail_lanes.pause_batch(uow.executor, name)
        uow.record_event(MAIL_PAUSED, facts={"batch": name})


def resume_mail(uow: UnitOfWork, name: str) -> None:
    """Have a paused batch or lane go on at once.

    :raises NotFound: there is neither.
    """
    with uow:
        if name in MAIL_LANES:
            resume_lane(uow, _lane(name))
        else:
            _check_batch(uow, name)
            mail_lanes.resume_batch(uow.executor, name)
            uow.record_event(MAIL_RESUMED, facts={"batch": name})
    uow.site.mail_due.set()


def cancel_mail(uow: UnitOfWork, batch_id: str) -> int:
    """Take the letters of a batch that have not gone out yet out of the outbox, and return how many there were.

    Its invitations stay as they are: they can be resent, or revoked.

    :raises NotFound: nothing of it waits.
    """

    def work() -> int:
        _check_batch(uow, batch_id)
        count = outbox.cancel_batch(uow.executor, batch_id)
        uow.record_event(MAIL_CANCELLED, facts={"batch": batch_id, "letters": count})
        return count

    # Its rows are held in no order: whoever renews leases of some may be waited for crosswise.
    return uow.attempt(work)


def _lane(name: str) -> Lane:
    return next(lane for lane in MAIL_LANES if lane == name)


_HAS_LETTERS = CompiledStatement(select(OutboxRow.id).where(OutboxRow.batch == bindparam("of_batch")).limit(1))


def _check_batch(uow: UnitOfWork, batch_id: str) -> None:
    values: dict[str, Any] = {"of_batch": batch_id}
    if not uow.execute(_HAS_LETTERS, values):
        raise NotFound("no letters of a batch of this name wait")
