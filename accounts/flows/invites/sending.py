"""Send a batch: some rows at a time, each time committed before the next. Whoever is interrupted can go on.

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
from accounts.flows.invites.preview import SENDABLE_VERDICTS, decide_verdict, find_known_addresses

ROWS_PER_TRANSACTION = 100


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is: rows that were invited, rows that need or get no invitation, and rows still left."""

    sent: int
    skipped: int
    left: int
    finished: bool = False


def send_batch(site: Site, request_info: RequestInfo, batch_id: str) -> Generator[BatchProgress, None, None]:
    """Send what is left of a batch. Nothing happens before the first step is asked for; each step is committed.

    It works in a unit of work of its own, since it lives on when the request that began it is answered.

    :raises NotFound: there is no such batch (any more).
    :raises Forbidden: the asker may not invite (any more).
    :raises TooManyRequests: too many emails by this admin; the rest can be sent later.
    """
    with closing(UnitOfWork(site, request_info)) as uow:
        batch_id = batches.find_batch(uow, batch_id).id
        uow.release()
        yield _measure_progress(uow, batch_id)
        while letters := _count_next_rows(uow, batch_id):
            if request_info.account_id:
                site.throttle.reserve(throttle.INVITE_LETTERS.by(request_info.account_id, cost=letters))
            uow.attempt(lambda: _send_next_rows(uow, batch_id))
            yield _measure_progress(uow, batch_id)
        uow.attempt(lambda: _finish_batch(uow, batch_id))
        yield replace(_measure_progress(uow, batch_id), finished=True)


def _count_next_rows(uow: UnitOfWork, batch_id: str) -> int:
    statement = (
        select(BatchRow.number)
        .where(BatchRow.batch_id == batch_id, BatchRow.verdict.in_(SENDABLE_VERDICTS))
        .limit(ROWS_PER_TRANSACTION)
    )
    return len(uow.fetch_all(statement))


def _measure_progress(uow: UnitOfWork, batch_id: str) -> BatchProgress:
    in_batch = BatchRow.batch_id == batch_id
    statement = select(BatchRow.verdict, func.count()).where(in_batch).group_by(BatchRow.verdict)
    counts: dict[str, int] = {row[0]: row[1] for row in uow.fetch_all(statement)}
    left = sum(counts.get(verdict, 0) for verdict in SENDABLE_VERDICTS)
    return BatchProgress(
        sent=counts.get("sent", 0), skipped=sum(counts.values()) - counts.get("sent", 0) - left, left=left
    )


def _send_next_rows(uow: UnitOfWork, batch_id: str) -> None:
    batch = _lock_open_batch(uow, batch_id)
    rows = _get_next_rows(uow, batch_id)
    # Judged anew: since the list was read somebody may have joined, or been invited otherwise.
    known = find_known_addresses(uow, [row.email_key for row in rows if row.email_key])
    lifetime = uow.site.link_signer.lifetime(INVITE)
    for row in rows:
        row.verdict, row.reason, row.adds = decide_verdict(row.email_key or "", row.groups, known)
        if row.verdict in SENDABLE_VERDICTS:
            _invite_row(uow, batch, row, lifetime if row.days is None else timedelta(days=row.days))


def _lock_open_batch(uow: UnitOfWork, batch_id: str) -> InviteBatch:
    # All that are not sent: two lists that have the same people take turns, too (on SQLite all writers do).
    unsent = select(InviteBatch.id).where(InviteBatch.sent_at.is_(None))
    uow.session.execute(unsent.order_by(InviteBatch.id).with_for_update()).all()
    batch = batches.lock_batch(uow, batch_id)
    if batch is None or batch.revoked_at is not None:
        raise NotFound("the batch is gone, or was taken back")
    if uow.request_info.account_id and not may_invite(uow, uow.request_info.account_id):
        raise Forbidden("may not invite any more")
    return batch


def _get_next_rows(uow: UnitOfWork, batch_id: str) -> Sequence[BatchRow]:
    statement = select(BatchRow).where(BatchRow.batch_id == batch_id, BatchRow.verdict.in_(SENDABLE_VERDICTS))
    return uow.session.scalars(statement.order_by(BatchRow.number).limit(ROWS_PER_TRANSACTION)).all()


def _invite_row(uow: UnitOfWork, batch: InviteBatch, row: BatchRow, lifetime: timedelta) -> None:
    invite = send_invites.create_invite(
        uow,
        EmailAddress(row.email, row.email_key or ""),
        name=row.name,
        batch_id=batch.id,
        line=row.line,
        message=row.message or batch.message,
        groups=row.groups,
        locale=row.locale,
        inviter_id=uow.request_info.account_id or OPERATOR,
        next=row.next or batch.next,
        expires_at=now() + lifetime,
    )
    row.verdict, row.invite_id = "sent", invite.id


def _finish_batch(uow: UnitOfWork, batch_id: str) -> None:
    batch = batches.lock_batch(uow, batch_id)
    if batch is None or batch.sent_at is not None or _get_next_rows(uow, batch_id):
        return
    batch.sent_at = now()
    rows = batches.count_batch(uow, batch_id).rows
    uow.record_event("batch.sent", facts={"batch": batch_id, "rows": rows})
