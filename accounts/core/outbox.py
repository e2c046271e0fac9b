"""Intents: put in the transaction of their cause, claimed with a lease, settled one by one.

A row says which letter is due about whom, or which call to another program; it never holds a token. A worker that
dies leaves a lease that ends.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.outbox import OutboxRow

if TYPE_CHECKING:
    from accounts.core.uow import UnitOfWork

LEASE = timedelta(minutes=3)
"""Longer than any one delivery may take (a letter: 10 s to connect, 60 s to send; a call: 15 s)."""
MAX_ATTEMPTS = 12
FIRST_PAUSE, LONGEST_PAUSE = 5, 3600
"""Seconds between tries: doubled each time from the first to the longest, about six hours in all."""
LAST_LETTERS = frozenset({"account-closed", "account-deleted"})
"""Letters to somebody whose account is gone. They are never kept as dead letters."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a flow hands to the post: which words, to whom, and what the words need to know."""

    words: str
    to: str
    locale: str
    facts: Mapping[str, object]
    link: str | None = field(default=None, repr=False)
    """A whole URL that works. Never logged, never stored."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a flow hands to the post where no person is written to: a form that another program is sent.

    :ivar to: the whole address, as it was registered.
    :ivar fate: notes what became of it in the transaction that settles the intent: confirmed or not, for good or not,
        and the answer.
    """

    to: str
    form: Mapping[str, str] = field(repr=False)
    fate: Callable[[UnitOfWork, Fate], None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a call."""

    confirmed: bool
    for_good: bool
    answer: str


@dataclass(frozen=True, slots=True)
class Intent:
    """A claimed outbox row."""

    id: str
    purpose: str
    subject: str
    facts: Mapping[str, Any]
    locale: str
    attempts: int
    created_at: datetime

    @property
    def asked(self) -> Mapping[str, object]:
        """Who asked for this letter, from where and when: ``network``, ``agent``, ``at``."""
        return {**self.facts["asked"], "at": self.created_at}


def put(session: Session, purpose: str, subject: str, facts: Mapping[str, Any], locale: str) -> str:
    """Note that a letter is due, in the transaction of whatever causes it; answers its name."""
    id = new_id()
    session.add(OutboxRow(id=id, purpose=purpose, subject=subject, facts=dict(facts), locale=locale))
    return id


def claim(engine: Engine, *, only: Collection[str] = (), but: Collection[str] = ()) -> Intent | None:
    """Take the oldest row that is due, for the time of one lease; None when there is none.

    :param only: of these purposes, where any are named.
    :param but: of none of these purposes.
    """
    moment = now()
    kinds = [OutboxRow.purpose.in_(only)] if only else []
    due = (
        select(OutboxRow.id)
        .where(
            *kinds,
            OutboxRow.purpose.not_in(but),
            OutboxRow.dead_at.is_(None),
            OutboxRow.not_before <= moment,
            or_(OutboxRow.lease_until.is_(None), OutboxRow.lease_until < moment),
        )
        .order_by(OutboxRow.not_before, OutboxRow.created_at, OutboxRow.id)
        .limit(1)
    )
    with engine.connect() as connection:
        # Looked at first without a lock: an idle worker must not take SQLite's only write lock every few seconds.
        if connection.execute(due).first() is None:
            return None
    with engine.begin() as connection:
        taken = connection.execute(
            update(OutboxRow)
            .where(OutboxRow.id == due.with_for_update(skip_locked=True).scalar_subquery())
            .values(lease_until=moment + LEASE, attempts=OutboxRow.attempts + 1)
            .returning(
                OutboxRow.id,
                OutboxRow.purpose,
                OutboxRow.subject,
                OutboxRow.facts,
                OutboxRow.locale,
                OutboxRow.attempts,
                OutboxRow.created_at,
            )
        ).first()
    return None if taken is None else Intent(*taken)


def settle(session: Session, intent: Intent) -> bool:
    """The letter was accepted by the mail server, or its cause is undone: the row goes.

    :returns: whether it was still there. A row goes with its account, also while its letter is on the way.
    """
    gone = delete(OutboxRow).where(OutboxRow.id == intent.id).returning(OutboxRow.id)
    return session.execute(gone).first() is not None


def is_last(intent: Intent, *, for_good: bool) -> bool:
    """Whether what failed now is not tried again: refused, or tried often enough."""
    return for_good or intent.attempts >= MAX_ATTEMPTS


def put_off(session: Session, intent: Intent, error: str, *, for_good: bool) -> str:
    """Not delivered: try again later, or keep the row as a dead letter (refused, or tried often enough).

    :returns: ``waits`` or ``dead``; "" where the row has gone meanwhile, with its account.
    """
    moment = now()
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (intent.attempts - 1))
    # Jitter, so that a thousand letters held up together do not come back together.
    later = moment + timedelta(seconds=pause * random.uniform(0.7, 1.3))  # noqa: S311 - not a secret
    dead = moment if is_last(intent, for_good=for_good) else None
    if dead and intent.purpose in LAST_LETTERS:
        # Its account is gone, and the address has to go with it: this row would keep it for good.
        settle(session, intent)
        return ""
    row = session.execute(
        update(OutboxRow)
        .where(OutboxRow.id == intent.id)
        .values(lease_until=None, not_before=later, dead_at=dead, last_error=error[:500])
        .returning(OutboxRow.id)
    ).first()
    return "" if row is None else "dead" if dead else "waits"


def revive(session: Session, id: str = "") -> int:
    """Send all dead letters again, or the one of this name; how many there were."""
    dead = update(OutboxRow).where(OutboxRow.dead_at.is_not(None))
    ids = session.scalars(
        (dead.where(OutboxRow.id == id) if id else dead)
        .values(dead_at=None, attempts=0, not_before=now(), lease_until=None)
        .returning(OutboxRow.id)
    ).all()
    return len(ids)


def waiting(engine: Engine) -> tuple[int, int]:
    """How many letters wait, and how many are dead."""
    with engine.connect() as connection:
        row = connection.execute(
            select(func.count(), func.count(case((OutboxRow.dead_at.is_not(None), 1)))).select_from(OutboxRow)
        ).one()
    return row[0] - row[1], row[1]
