"""Resend, extend and revoke invitations: one, some, or a batch.

Links that are out stay valid when an invitation is resent or extended. Revoking invalidates every one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field
from sqlalchemy import func, select

from accounts.core import outbox
from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.models.invites import SentInvite
from accounts.core.security import throttle
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import batches
from accounts.flows.invites.inviters import choose_inviter_ids
from accounts.flows.invites.link import INVITE_PURPOSE, INVITE_TTL
from accounts.flows.invites.send import Days, enqueue_letter
from accounts.flows.shared.fields import Form
from accounts.flows.shared.open_invites import revoke_open_invites, update_undecided

INVITES_PER_TRANSACTION = 200
"""Invitations in one transaction: enough to be quick, few enough that nobody waits long for the database."""
MAX_PICKED_INVITES = 500
InviteAction = Literal["resend", "extend", "revoke"]
BATCH_EVENT_OF_ACTION = {"resend": "invites.resent", "extend": "invites.extended", "revoke": "invites.revoked"}


class ExtendInviteForm(Form):
    """For how many days from now an invitation shall be good."""

    days: Days = INVITE_TTL.days


class ChangeInvitesForm(Form):
    """Invitations that were picked out, and what to do with them. ``days`` counts for extending only."""

    ids: list[str] = Field(min_length=1, max_length=MAX_PICKED_INVITES, json_schema_extra={"input": "many"})
    act: InviteAction
    days: Days = INVITE_TTL.days


class ChosenInvitesForm(Form):
    """What the page asks before it changes several: which ids, separated by commas, and what shall become of them."""

    ids: str = Field(default="", pattern=r"^[A-Za-z0-9_,-]*$", max_length=MAX_PICKED_INVITES * 41)
    act: InviteAction = "resend"


class ChooseInvitesForm(Form):
    """What was ticked in the list, which may be nothing, and what shall become of it."""

    ids: list[str] = Field(default_factory=list, max_length=MAX_PICKED_INVITES, json_schema_extra={"input": "many"})
    act: InviteAction


def list_changeable(uow: UnitOfWork, ids: Sequence[str], action: InviteAction) -> list[str]:
    """Return the addresses of those invitations that an action would change, in alphabetical order."""
    condition = SentInvite.undecided if action == "extend" else SentInvite.state == "pending"
    return list(
        uow.session.scalars(
            select(SentInvite.email).where(SentInvite.id.in_(ids), condition).order_by(SentInvite.email)
        )
    )


def resend_invite(uow: UnitOfWork, id: str) -> SentInvite:
    """Mail an open invitation once more. Links that are out stay valid: it is the same invitation.

    :raises NotFound: there is none that is still open.
    :raises TooManyRequests: too many emails by this admin.
    """
    _count_letters(uow, 1)
    return _get_only_invite(_change_chunk(uow, "resend", [id]))


def extend_invite(uow: UnitOfWork, id: str, form: ExtendInviteForm) -> SentInvite:
    """Mail a link that expires later. Links that are out stay valid until their own end. Works on expired ones, too.

    :raises NotFound: it was accepted or revoked, or lasts as long already.
    :raises TooManyRequests: too many emails by this admin.
    """
    _count_letters(uow, 1)
    return _get_only_invite(_change_chunk(uow, "extend", [id], form.days))


def revoke_invite(uow: UnitOfWork, id: str) -> SentInvite:
    """Revoke an invitation: every link of it that is out is invalid.

    :raises NotFound: there is none that is still open.
    """
    return _get_only_invite(_change_chunk(uow, "revoke", [id]))


def change_invites(uow: UnitOfWork, form: ChangeInvitesForm) -> int:
    """Change the chosen invitations, and return how many were changed. Whatever is not open any more is left alone.

    :raises TooManyRequests: too many emails by this admin; nothing is done.
    """
    ids = sorted(set(form.ids))
    if form.act != "revoke":
        _count_letters(uow, len(ids))
    return sum(
        len(_change_chunk(uow, form.act, ids[start : start + INVITES_PER_TRANSACTION], form.days))
        for start in range(0, len(ids), INVITES_PER_TRANSACTION)
    )


def change_batch_invites(uow: UnitOfWork, batch_id: str, action: InviteAction, days: int = INVITE_TTL.days) -> int:
    """Change all invitations of a batch, some at a time, and return how many were changed.

    Revoking a batch also keeps what was not sent yet from being sent. Whoever is interrupted begins again.

    :raises NotFound: there is no such batch.
    :raises TooManyRequests: too many emails by this admin; nothing is done.
    """
    batch_id = batches.find_batch(uow, batch_id).id
    uow.release()
    if action == "revoke":
        batches.stop_batch(uow, batch_id)
    else:
        statement = select(func.count()).where(SentInvite.batch_id == batch_id, SentInvite.undecided)
        _count_letters(uow, uow.fetch_all(statement)[0][0])
    done = sum(len(_change_chunk(uow, action, ids, days)) for ids in _iter_undecided_ids(uow, batch_id))
    with uow:
        uow.record_event(BATCH_EVENT_OF_ACTION[action], facts={"batch": batch_id, "count": done})
    return done


def _iter_undecided_ids(uow: UnitOfWork, batch_id: str) -> Iterator[Sequence[str]]:
    after_id = ""
    while True:
        statement = (
            select(SentInvite.id)
            .where(SentInvite.batch_id == batch_id, SentInvite.id > after_id, SentInvite.undecided)
            .order_by(SentInvite.id)
            .limit(INVITES_PER_TRANSACTION)
        )
        ids = [row.id for row in uow.fetch_all(statement)]
        if not ids:
            return
        yield ids
        after_id = ids[-1]


def _count_letters(uow: UnitOfWork, letters: int) -> None:
    # All of them before the first: what is held up half-way would begin anew, and mail the first ones once more.
    if letters and uow.request_info.account_id:
        uow.site.throttle.reserve(throttle.INVITE_LETTERS.by(uow.request_info.account_id, cost=letters))


def _change_chunk(uow: UnitOfWork, action: InviteAction, ids: Sequence[str], days: int = 0) -> list[SentInvite]:
    change: Callable[[], list[SentInvite]] = {
        "resend": lambda: _resend(uow, ids),
        "extend": lambda: _extend(uow, ids, now() + timedelta(days=days)),
        "revoke": lambda: revoke_open_invites(uow, SentInvite.id.in_(ids)),
    }[action]
    return uow.attempt(change)


def _resend(uow: UnitOfWork, ids: Sequence[str]) -> list[SentInvite]:
    rows = update_undecided(uow, ids, SentInvite.state == "pending", sent=SentInvite.sent + 1)
    _enqueue_letters(uow, rows)
    for row in rows:
        uow.record_event("invite.resent", facts={"invite": row.id})
    return rows


def _extend(uow: UnitOfWork, ids: Sequence[str], until: datetime) -> list[SentInvite]:
    rows = update_undecided(uow, ids, SentInvite.expires_at < until, sent=SentInvite.sent + 1, expires_at=until)
    _enqueue_letters(uow, rows)
    for row in rows:
        uow.record_event("invite.extended", facts={"invite": row.id, "until": until.isoformat(timespec="seconds")})
    return rows


def _enqueue_letters(uow: UnitOfWork, rows: Sequence[SentInvite]) -> None:
    inviter_ids = choose_inviter_ids(uow, rows)
    # One letter each, also where the one before has not gone out yet.
    outbox.remove_waiting(uow.session, INVITE_PURPOSE, [row.id for row in rows])
    for row in rows:
        row.inviter_id = inviter_ids[row.inviter_id]
        # One that an admin sends again is waited for, also where it came out of a list.
        enqueue_letter(uow, row, goes_to_many=len(rows) > 1)


def _get_only_invite(rows: list[SentInvite]) -> SentInvite:
    if not rows:
        raise NotFound("no open invitation of this id")
    return rows[0]
