"""What may be done to invitations that are out: send them again, extend them, take them back; one, some, or a batch.

Links that are out never die of the first two. Taking back kills every one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field
from sqlalchemy import ColumnElement, func, select, update

from accounts.core.clock import now
from accounts.core.database import spent
from accounts.core.errors import NotFound
from accounts.core.links.opening import REVOKED_SUFFIX
from accounts.core.models.invites import SentInvite
from accounts.core.security import throttle
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import batches
from accounts.flows.invites.link import LIVES, PURPOSE, mark, voucher
from accounts.flows.invites.send import Days
from accounts.flows.shared.fields import Asks

CHUNK = 200
"""Invitations in one transaction: enough to be quick, few enough that nobody waits long for the database."""
MOST = 500
Act = Literal["resend", "extend", "revoke"]
_UNDECIDED = (SentInvite.accepted_at.is_(None), SentInvite.revoked_at.is_(None))
DONE = {"resend": "invites.resent", "extend": "invites.extended", "revoke": "invites.revoked"}


class Extend(Asks):
    """For how many days from now an invitation shall be good."""

    days: Days = LIVES.days


class Some(Asks):
    """Invitations that were picked out, and what to do with them. ``days`` counts for extending only."""

    ids: list[str] = Field(min_length=1, max_length=MOST, json_schema_extra={"input": "many"})
    act: Act
    days: Days = LIVES.days


def resend(uow: UnitOfWork, id: str) -> SentInvite:
    """Mail an open invitation once more. Links that are out stay alive: it is the same invitation.

    :raises NotFound: there is none that is still open.
    :raises TooManyRequests: too many letters by this admin.
    """
    _count(uow, 1)
    return _one(_chunk(uow, "resend", [id]))


def extend(uow: UnitOfWork, id: str, said: Extend) -> SentInvite:
    """Mail a link that ends later. Links that are out stay alive until their own end. Works on expired ones, too.

    :raises NotFound: it was accepted or taken back, or lasts as long already.
    :raises TooManyRequests: too many letters by this admin.
    """
    _count(uow, 1)
    return _one(_chunk(uow, "extend", [id], said.days))


def revoke(uow: UnitOfWork, id: str) -> SentInvite:
    """Take an invitation back: every link of it that is out is dead.

    :raises NotFound: there is none that is still open.
    """
    return _one(_chunk(uow, "revoke", [id]))


def some(uow: UnitOfWork, said: Some) -> int:
    """Do it to those that were picked out; to how many it could be done. Whatever is not open any more is left alone.

    :raises TooManyRequests: too many letters by this admin; nothing is done.
    """
    ids = sorted(set(said.ids))
    if said.act != "revoke":
        _count(uow, len(ids))
    return sum(len(_chunk(uow, said.act, ids[at : at + CHUNK], said.days)) for at in range(0, len(ids), CHUNK))


def of_batch(uow: UnitOfWork, batch_id: str, act: Act, days: int = LIVES.days) -> int:
    """Do it to all invitations of a batch, some at a time; to how many it could be done.

    Taking a batch back also keeps what was not sent yet from being sent. Whoever is interrupted begins again.

    :raises NotFound: there is no such batch.
    :raises TooManyRequests: too many letters by this admin; nothing is done.
    """
    batch_id = batches.find(uow, batch_id).id
    uow.release()
    if act == "revoke":
        batches.stop(uow, batch_id)
    else:
        undecided = select(func.count()).where(SentInvite.batch_id == batch_id, *_UNDECIDED)
        _count(uow, uow.fetch_all(undecided)[0][0])
    done = sum(len(_chunk(uow, act, ids, days)) for ids in _ids_of(uow, batch_id))
    with uow:
        uow.record_event(DONE[act], facts={"batch": batch_id, "count": done})
    return done


def _ids_of(uow: UnitOfWork, batch_id: str) -> Iterator[Sequence[str]]:
    last = ""
    while True:
        page = (
            select(SentInvite.id)
            .where(SentInvite.batch_id == batch_id, SentInvite.id > last, *_UNDECIDED)
            .order_by(SentInvite.id)
            .limit(CHUNK)
        )
        ids = [row.id for row in uow.fetch_all(page)]
        if not ids:
            return
        yield ids
        last = ids[-1]


def _count(uow: UnitOfWork, letters: int) -> None:
    # All of them before the first: what is held up half-way would begin anew, and mail the first ones once more.
    if letters and uow.request_info.account_id:
        uow.site.throttle.hit(throttle.INVITE_LETTERS, uow.request_info.account_id, cost=letters)


def _chunk(uow: UnitOfWork, act: Act, ids: Sequence[str], days: int = 0) -> list[SentInvite]:
    work: Callable[[], list[SentInvite]] = {
        "resend": lambda: _resend(uow, ids),
        "extend": lambda: _extend(uow, ids, now() + timedelta(days=days)),
        "revoke": lambda: _revoke(uow, ids),
    }[act]
    return uow.attempt(work)


def _resend(uow: UnitOfWork, ids: Sequence[str]) -> list[SentInvite]:
    rows = _changed(uow, ids, SentInvite.expires_at >= now(), sent=SentInvite.sent + 1)
    _mail(uow, rows)
    for row in rows:
        uow.record_event("invite.resent", facts={"invite": row.id})
    return rows


def _extend(uow: UnitOfWork, ids: Sequence[str], until: datetime) -> list[SentInvite]:
    rows = _changed(uow, ids, SentInvite.expires_at < until, sent=SentInvite.sent + 1, expires_at=until)
    _mail(uow, rows)
    for row in rows:
        uow.record_event("invite.extended", facts={"invite": row.id, "until": until.isoformat(timespec="seconds")})
    return rows


def _mail(uow: UnitOfWork, rows: Sequence[SentInvite]) -> None:
    vouchers = {inviter: voucher(uow, inviter) for inviter in {row.inviter_id for row in rows}}
    for row in rows:
        row.inviter_id = vouchers[row.inviter_id]
        uow.enqueue(PURPOSE, row.id, locale=row.locale)


def _revoke(uow: UnitOfWork, ids: Sequence[str]) -> list[SentInvite]:
    keep_until = uow.site.link_signer.keep_spent_until
    open_ones = select(SentInvite.id, SentInvite.expires_at).where(
        SentInvite.id.in_(ids), *_UNDECIDED, SentInvite.expires_at >= now()
    )
    marks = {mark(id): keep_until(expires_at) for id, expires_at in uow.session.execute(open_ones)}
    # The marks that acceptance needs, too: of the two at the same moment one is told that it came too late.
    won = spent.spend_each(uow.session, marks)
    rows = _changed(uow, [id for id in ids if mark(id) in won], revoked_at=now())
    for row in rows:
        if keep_until(row.expires_at) > marks[mark(row.id)]:
            # It was extended since we looked: a link with the later end is out, and must not outlive the mark.
            spent.spend_until(uow.session, mark(row.id), keep_until(row.expires_at))
        uow.record_event("invite.revoked", facts={"invite": row.id})
    spent.spend_each(uow.session, {mark(row.id) + REVOKED_SUFFIX: keep_until(row.expires_at) for row in rows})
    return rows


def _changed(
    uow: UnitOfWork, ids: Sequence[str], *conditions: ColumnElement[bool], **values: object
) -> list[SentInvite]:
    """Change those that are neither accepted nor revoked, and answer them as they are now: in one statement."""
    statement = update(SentInvite).where(SentInvite.id.in_(ids), *_UNDECIDED, *conditions).values(values)
    fresh = statement.returning(SentInvite).execution_options(synchronize_session=False, populate_existing=True)
    return sorted(uow.session.scalars(fresh), key=lambda row: row.id)


def _one(rows: list[SentInvite]) -> SentInvite:
    if not rows:
        raise NotFound("no open invitation of this id")
    return rows[0]
