"""Send a batch: some rows at a time, each time committed before the next."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from datetime import timedelta
from functools import partial

from sqlalchemy import select

from accounts.core.audit.log import RequestInfo
from accounts.core.clock import now
from accounts.core.errors import Forbidden
from accounts.core.models.invites import BatchRow, InviteBatch
from accounts.core.security import throttle
from accounts.core.security.addresses import EmailAddress
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import batches
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.batches import BATCHES
from accounts.flows.invites.inviters import OPERATOR, may_invite
from accounts.flows.invites.link import INVITE
from accounts.flows.invites.preview import SENDABLE_VERDICTS, decide_verdict, find_known_addresses
from accounts.flows.shared.frozen_lists import ListProgress

ROWS_PER_TRANSACTION = 100


def send_batch(site: Site, request_info: RequestInfo, batch_id: str) -> Generator[ListProgress, None, None]:
    """Send what is left of a batch. Nothing happens before the first step is asked for; each step is committed.

    It works in a unit of work of its own, since it lives on when the request that began it is answered.

    :raises NotFound: there is no such batch (any more).
    :raises Forbidden: the asker may not invite (any more).
    :raises TooManyRequests: too many emails by this admin; the rest can be sent later.
    """
    with closing(UnitOfWork(site, request_info)) as uow:
        batch_id = batches.find_batch(uow, batch_id).id
        uow.release()
        yield from BATCHES.run(uow, batch_id, partial(_send_next_rows, uow, batch_id), partial(_record_sent, uow))


def _send_next_rows(uow: UnitOfWork, batch_id: str) -> None:
    batch = _lock_batch(uow, batch_id)
    rows = BATCHES.get_due_rows(uow, batch_id, ROWS_PER_TRANSACTION)
    # Judged anew: since the list was read somebody may have joined, or been invited otherwise.
    known = find_known_addresses(uow, [row.email_key for row in rows if row.email_key])
    for row in rows:
        row.verdict, row.reason, row.adds = decide_verdict(row.email_key or "", row.groups, known)
    due = [row for row in rows if row.verdict in SENDABLE_VERDICTS]
    if due and uow.request_info.account_id:
        uow.count_attempts(throttle.INVITE_LETTERS.by(uow.request_info.account_id, cost=len(due)))
    lifetime = uow.site.link_signer.lifetime(INVITE)
    for row in due:
        _invite_row(uow, batch, row, lifetime if row.days is None else timedelta(days=row.days))


def _lock_batch(uow: UnitOfWork, batch_id: str) -> InviteBatch:
    # All that are not sent: two lists that have the same people take turns, too (on SQLite all writers do).
    unsent = select(InviteBatch.id).where(InviteBatch.sent_at.is_(None))
    uow.session.execute(unsent.order_by(InviteBatch.id).with_for_update()).all()
    # One that is revoked meanwhile has no row left that is due.
    batch = BATCHES.lock(uow, batch_id)
    if uow.request_info.account_id and not may_invite(uow, uow.request_info.account_id):
        raise Forbidden("may not invite any more")
    return batch


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


def _record_sent(uow: UnitOfWork, batch: InviteBatch) -> None:
    rows = batches.count_batch(uow, batch.id).rows
    uow.record_event("batch.sent", facts={"batch": batch.id, "rows": rows})
