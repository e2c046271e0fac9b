"""Keep the outbox: rows are put in the transaction of their cause, claimed, and settled one by one.

A row says which letter is due about which account or address, or which callback; it never holds a token.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from accounts.core import mail_lanes
from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement, Executor
from accounts.core.ids import new_id
from accounts.core.mail_lanes import BULK, DIRECT, Lane
from accounts.core.models.account import Account
from accounts.core.models.outbox import OutboxRow

FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 5, 3600
"""Seconds between attempts: doubled each time from the first to the longest."""
MAX_LETTER_AGE = timedelta(days=4)
"""Of a letter that is tried again (RFC 5321 4.5.4.1). Its tries do not count: those over a mail server that is away
say nothing about it."""
MAX_ATTEMPTS = 12
"""Of a callback: about two and a half hours in all."""
CLOSED_ACCOUNT_LETTERS = frozenset({"account-closed", "account-deleted"})
"""Letters about an account that is gone. They are never kept as dead letters."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that a flow hands to the worker: which words, to whom, and what the words need to know."""

    words: str
    to: str
    locale: str
    context: Mapping[str, object]
    link: str | None = field(default=None, repr=False)
    """A whole URL that works. Never logged, never stored."""
    default_words: str = ""
    """The words for a letter for which no folder holds ``words``."""
    account_id: str | None = None
    """The account that it is about, for the audit log."""

    @classmethod
    def to_account(
        cls, words: str, account: Account, context: Mapping[str, object], *, link: str | None = None, to: str = ""
    ) -> Letter:
        """Return a letter to the owner of an account, in their language; its moments are of their time zone.

        :param to: the address, where it is not the account's own.
        """
        facts = {**context, "zone": account.zone}
        return cls(words, to or account.email, account.locale, facts, link=link, account_id=account.id)


@dataclass(frozen=True, slots=True)
class Callback:
    """A form that another program is sent.

    :ivar url: the whole address, as it was registered.
    """

    url: str
    data: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CallResult:
    """The result of an attempt to deliver a callback.

    :ivar confirmed: whether the program has accepted it.
    :ivar permanent: whether it is not tried again.
    :ivar answer: the status, or why there is none.
    """

    confirmed: bool
    permanent: bool
    answer: str


@dataclass(frozen=True, slots=True)
class OutboxSubject:
    """What an outbox row is about.

    :ivar id: of an account, an invitation or a logout; "" where it is about an address.
    :ivar email: the address as it was entered; "" where it is about something with an id.
    """

    id: str = ""
    email: str = ""


def parse_subject(text: str) -> OutboxSubject:
    """Return what the ``subject`` of an outbox row stands for. No id has an @."""
    return OutboxSubject(email=text) if "@" in text else OutboxSubject(id=text)


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """A claimed row of the outbox.

    :ivar defect: why nothing can be made of the row; "" where it could be read.
    :ivar is_try: whether its lane is paused, and this one shows whether it can go on.
    """

    id: str
    purpose: str
    subject: str
    facts: Mapping[str, Any]
    locale: str
    attempts: int
    created_at: datetime
    defect: str = ""
    lane: Lane = DIRECT
    batch: str | None = None
    is_try: bool = False

    @property
    def about(self) -> OutboxSubject:
        """Return what it is about."""
        return parse_subject(self.subject)

    @property
    def requested_by(self) -> Mapping[str, object]:
        """Return where this letter was requested from, and when: ``network``, ``agent``, ``at``."""
        return {**self.facts["asked"], "at": self.created_at}


_INSERT_ITEM = CompiledStatement(insert(OutboxRow))


def enqueue(
    executor: Executor,
    purpose: str,
    subject: str,
    facts: Mapping[str, Any],
    locale: str,
    *,
    lane: Lane = DIRECT,
    batch_id: str | None = None,
) -> str:
    """Put a row in the transaction of its cause, and return its id.

    :param batch_id: what goes out together, and can be paused and cancelled; for the lane for bulk.
    """
    id, moment = new_id(), now()
    # What goes to many without a name for it is a batch, too: it takes turns with the others.
    batch = batch_id or (mail_lanes.NAMELESS_BATCH if lane == BULK else None)
    due = {"created_at": moment, "not_before": moment, "attempts": 0}
    outcome = {"lease_until": None, "dead_at": None, "last_error": None}
    values = {"purpose": purpose, "subject": subject, "facts": dict(facts), "locale": locale}
    _INSERT_ITEM.run(executor, {"id": id, "lane": lane, "batch": batch, **values, **due, **outcome})
    return id


def put_off(session: Session, item: OutboxItem, error: str, *, is_claimed: bool) -> None:
    """Schedule the next attempt of a row about which nothing else could be noted, unless it is another worker's now.

    Without that a row whose letter the database refuses would be the oldest for ever, and hold up all others.

    :param is_claimed: whether its claim was committed; otherwise that was rolled back with what failed.
    """
    attempts = item.attempts
    session.execute(
        update(OutboxRow)
        .where(OutboxRow.id == item.id, OutboxRow.attempts == (attempts if is_claimed else attempts - 1))
        .values(attempts=attempts, not_before=_next_attempt(attempts), lease_until=None, last_error=error[:500])
        .values(dead_at=now() if is_too_old(item) else None)
    )


_DELETE_ITEM = CompiledStatement(delete(OutboxRow).where(OutboxRow.id == bindparam("id")).returning(OutboxRow.id))


def remove_item(executor: Executor, item: OutboxItem) -> bool:
    """Delete a row that was delivered, or whose cause is undone.

    :returns: whether it was still there. A row goes with its account, also while its letter is on the way.
    """
    return bool(_DELETE_ITEM.run(executor, {"id": item.id}))


_DELETE_BATCH = CompiledStatement(
    delete(OutboxRow).where(OutboxRow.batch == bindparam("of_batch")).returning(OutboxRow.id)
)


def cancel_batch(executor: Executor, batch_id: str) -> int:
    """Take whatever is left of a batch out of the outbox, and return how many letters that were.

    What is on its way to the mail server at this moment still arrives.
    """
    count = len(_DELETE_BATCH.run(executor, {"of_batch": batch_id}))
    mail_lanes.forget_batch(executor, batch_id)
    return count


def is_too_old(item: OutboxItem) -> bool:
    """Return whether a letter has been tried for long enough."""
    return now() - item.created_at >= MAX_LETTER_AGE


def is_last_attempt(item: OutboxItem, *, permanent: bool) -> bool:
    """Return whether a callback that failed now is not tried again: refused, or tried often enough."""
    return permanent or item.attempts >= MAX_ATTEMPTS


def retry_later(
    session: Session,
    item: OutboxItem,
    error: str,
    *,
    permanent: bool,
    lane: Lane | None = None,
    at_once: bool = False,
) -> str:
    """Schedule the next attempt, or keep the row as a dead letter.

    :param permanent: whether it is not tried again.
    :param lane: the lane of the next attempt; None leaves it where it is.
    :param at_once: whether it is due as soon as its lane goes on: not this one has failed, but all would.
    :returns: ``waits`` or ``dead``; "" where the row has gone meanwhile, with its account, or is another worker's.
    """
    dead = now() if permanent else None
    if dead and item.purpose in CLOSED_ACCOUNT_LETTERS:
        # Its account is gone, and the address has to go with it: this row would keep it for good.
        remove_item(session, item)
        return ""
    row = session.execute(
        update(OutboxRow)
        # Claimed anew means that our lease had ended: what becomes of it now is the other worker's to say.
        .where(OutboxRow.id == item.id, OutboxRow.attempts == item.attempts)
        .values(lease_until=None, dead_at=dead, last_error=error[:500])
        .values(not_before=now() if at_once else _next_attempt(item.attempts))
        .values(lane=lane or item.lane)
        .returning(OutboxRow.id)
    ).first()
    return "" if row is None else "dead" if dead else "waits"


def _next_attempt(attempts: int) -> datetime:
    pause = min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(attempts - 1, 20))
    # Jitter, so that a thousand letters held up together do not come back together.
    return now() + timedelta(seconds=pause * random.uniform(0.7, 1.3))  # noqa: S311 - not a secret


def remove_waiting(session: Session, purpose: str, subjects: Sequence[str]) -> None:
    """Delete the rows of a purpose about some subjects: what is queued now takes their place."""
    rows = delete(OutboxRow).where(OutboxRow.subject.in_(subjects), OutboxRow.purpose == purpose)
    session.execute(rows.execution_options(synchronize_session=False))


def revive_dead_letters(session: Session, id: str = "") -> int:
    """Schedule all dead letters again, or the one of this id; return how many there were.

    Each is asked for anew: how long its link may take to be sent counts from now.
    """
    dead = update(OutboxRow).where(OutboxRow.dead_at.is_not(None))
    ids = session.scalars(
        (dead.where(OutboxRow.id == id) if id else dead)
        .values(dead_at=None, attempts=0, not_before=now(), lease_until=None, created_at=now())
        .returning(OutboxRow.id)
    ).all()
    return len(ids)


def count_items(engine: Engine) -> tuple[int, int]:
    """Return how many rows wait, and how many are dead."""
    rows = select(func.count()).select_from(OutboxRow)
    # With the column of the index that holds just these, or SQLite reads one that holds all.
    dead_rows = rows.where(OutboxRow.dead_at.is_not(None), OutboxRow.id > "")
    counts = select(rows.scalar_subquery(), dead_rows.scalar_subquery())
    with engine.connect() as connection:
        total, dead = connection.execute(counts).one()
    return total - dead, dead
