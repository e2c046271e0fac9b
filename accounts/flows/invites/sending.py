"""Sending a batch: some rows at a time, each time durable before the next. Whoever is killed can go on.

Two who send one batch at once take turns: a row is marked as sent in the transaction that makes its invitation.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import func, select

from accounts.core.audit.log import RequestInfo
from accounts.core.clock import now
from accounts.core.errors import Forbidden, NotFound
from accounts.core.models.invites import BatchRow, InviteBatch
from accounts.core.security import throttle
from accounts.core.security.addresses import EmailAddress
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import batches
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.link import INVITE, OPERATOR, may_invite
from accounts.flows.invites.preview import TO_SEND, look_up, verdict_of

CHUNK = 100


@dataclass(frozen=True, slots=True)
class Step:
    """How far a batch is: rows that were invited, rows that need or get no invitation, and rows still left."""

    sent: int
    skipped: int
    left: int
    finished: bool = False


def send(house: Site, asker: RequestInfo, batch_id: str) -> Generator[Step, None, None]:
    """Send what is left of a batch. Nothing happens before the first step is asked for; each step is durable.

    It works in a unit of work of its own, since it lives on when the request that began it is answered.

    :raises NotFound: there is no such batch (any more).
    :raises Forbidden: the asker may not invite (any more).
    :raises TooManyRequests: too many letters by this admin; the rest can be sent later.
    """
    with closing(UnitOfWork(house, asker)) as uow:
        batch_id = batches.find(uow, batch_id).id
        uow.release()
        yield _step(uow, batch_id)
        while ahead := _ahead(uow, batch_id):
            if asker.account_id:
                house.throttle.hit(throttle.INVITE_LETTERS, asker.account_id, cost=ahead)
            uow.attempt(lambda: _send_some(uow, batch_id))
            yield _step(uow, batch_id)
        uow.attempt(lambda: _finish(uow, batch_id))
        yield replace(_step(uow, batch_id), finished=True)


def _ahead(uow: UnitOfWork, batch_id: str) -> int:
    left = select(BatchRow.number).where(BatchRow.batch_id == batch_id, BatchRow.verdict.in_(TO_SEND)).limit(CHUNK)
    return len(uow.fetch_all(left))


def _step(uow: UnitOfWork, batch_id: str) -> Step:
    of_list = BatchRow.batch_id == batch_id
    counted = select(BatchRow.verdict, func.count()).where(of_list).group_by(BatchRow.verdict)
    found: dict[str, int] = {row[0]: row[1] for row in uow.fetch_all(counted)}
    left = sum(found.get(verdict, 0) for verdict in TO_SEND)
    return Step(sent=found.get("sent", 0), skipped=sum(found.values()) - found.get("sent", 0) - left, left=left)


def _send_some(uow: UnitOfWork, batch_id: str) -> None:
    batch = _open(uow, batch_id)
    rows = _next(uow, batch_id)
    # Judged anew: since the list was read somebody may have joined, or been invited otherwise.
    known = look_up(uow, [row.email_key for row in rows if row.email_key])
    lives = uow.site.link_signer.lifetime(INVITE)
    for row in rows:
        row.verdict, row.reason, row.adds = verdict_of(row.email_key or "", row.groups, known)
        if row.verdict in TO_SEND:
            _invite(uow, batch, row, lives if row.days is None else timedelta(days=row.days))


def _open(uow: UnitOfWork, batch_id: str) -> InviteBatch:
    # All that are not sent: two lists that have the same people take turns, too (on SQLite all writers do).
    unsent = select(InviteBatch.id).where(InviteBatch.sent_at.is_(None))
    uow.session.execute(unsent.order_by(InviteBatch.id).with_for_update()).all()
    batch = batches.lock(uow, batch_id)
    if batch is None or batch.revoked_at is not None:
        raise NotFound("the batch is gone, or was taken back")
    if uow.request_info.account_id and not may_invite(uow, uow.request_info.account_id):
        raise Forbidden("may not invite any more")
    return batch


def _next(uow: UnitOfWork, batch_id: str) -> Sequence[BatchRow]:
    left = select(BatchRow).where(BatchRow.batch_id == batch_id, BatchRow.verdict.in_(TO_SEND))
    return uow.session.scalars(left.order_by(BatchRow.number).limit(CHUNK)).all()


def _invite(uow: UnitOfWork, batch: InviteBatch, row: BatchRow, lives: timedelta) -> None:
    made = send_invites.enter(
        uow,
        EmailAddress(row.email, row.email_key or ""),
        name=row.name,
        batch_id=batch.id,
        groups=row.groups,
        locale=row.locale,
        inviter_id=uow.request_info.account_id or OPERATOR,
        next=batch.next,
        expires_at=now() + lives,
    )
    row.verdict, row.invite_id = "sent", made.id


def _finish(uow: UnitOfWork, batch_id: str) -> None:
    batch = batches.lock(uow, batch_id)
    if batch is None or batch.sent_at is not None or _next(uow, batch_id):
        return
    batch.sent_at = now()
    rows = batches.counts(uow, batch_id).rows
    uow.record_event("batch.sent", facts={"batch": batch_id, "rows": rows})
