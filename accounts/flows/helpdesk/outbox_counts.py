"""Count what waits in the outbox, by lane and state, for whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sqlalchemy import ColumnElement, Engine, SelectBase, bindparam, func, literal, select, union_all

from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement
from accounts.core.mail_lanes import CALLS, MAIL_LANES, Lane
from accounts.core.models.bounces import UnreachableAddress
from accounts.core.models.outbox import OutboxRow

OutboxState = Literal["due", "later", "failed"]
OUTBOX_STATES: tuple[OutboxState, ...] = ("due", "later", "failed")
"""Its time has come (a worker may have it in hand); it is put off; it was given up."""
LANES: tuple[Lane, ...] = (*MAIL_LANES, CALLS)

MAX_COUNTED = 50_000
"""Rows of one lane and state that are counted: of more it is told that there are so many. To count takes its time."""

_MOMENT = bindparam("moment", type_=OutboxRow.not_before.type)
_CONDITIONS: Mapping[OutboxState, tuple[ColumnElement[bool], ...]] = {
    "due": (OutboxRow.dead_at.is_(None), OutboxRow.not_before <= _MOMENT),
    "later": (OutboxRow.dead_at.is_(None), OutboxRow.not_before > _MOMENT),
    "failed": (OutboxRow.dead_at.is_not(None),),
}


def _select_count(lane: Lane, state: OutboxState) -> SelectBase:
    # Of three columns that one index begins with: a stretch of it is read, and no more of that than is counted.
    rows = select(OutboxRow.lane).where(OutboxRow.lane == lane, *_CONDITIONS[state]).limit(MAX_COUNTED).subquery()
    return select(literal(lane), literal(state), func.count()).select_from(rows)


_COUNT = CompiledStatement(union_all(*(_select_count(lane, state) for lane in LANES for state in OUTBOX_STATES)))
_COUNT_UNREACHABLE = CompiledStatement(select(func.count()).select_from(UnreachableAddress))


def count_outbox(engine: Engine) -> Mapping[tuple[str, str], int]:
    """Return how many rows of the outbox there are, by lane and state, at most :data:`MAX_COUNTED` of each."""
    return {(lane, state): count for lane, state, count in _COUNT.fetch_all(engine, {"moment": now()})}


def count_unreachable(engine: Engine) -> int:
    """Return from how many addresses mail came back for good."""
    return int(_COUNT_UNREACHABLE.fetch_all(engine)[0][0])
