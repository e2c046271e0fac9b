"""End invitations that are out: one by one, or all that an account has issued until now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Text, cast, select, update

from accounts.core.clock import now
from accounts.core.database import spent
from accounts.core.links.opening import REVOKED_SUFFIX
from accounts.core.models.account import ADMIN_GROUP, Account
from accounts.core.models.invites import SentInvite
from accounts.core.models.shared_invites import SharedInvite
from accounts.core.uow import UnitOfWork

INVITES_PER_STATEMENT = 500
PERIOD_RETENTION = timedelta(days=400)
"""How long a period is kept in which no invitation is valid: longer than any link lasts (at most 366 days)."""
# Groups have no quotation marks in their names: in the text of the list, a whole name stands between two.
GRANTS_ADMIN = cast(SentInvite.groups, Text).contains(f'"{ADMIN_GROUP}"', autoescape=True)
"""SQL: whether an invitation is one into the group that administers."""


def spent_id(id: str) -> str:
    """Return the id that is used up when an invitation is accepted or revoked."""
    return f"invite:{id}"


def revoke_open_invites(uow: UnitOfWork, *conditions: ColumnElement[bool]) -> list[SentInvite]:
    """Revoke open invitations in the caller's transaction: every link of them that is out is invalid.

    The marks are those that acceptance needs, too: of the two at the same moment one is told that it came too late.

    :returns: those that were revoked, by id.
    """
    found = uow.session.execute(
        select(SentInvite.id, SentInvite.expires_at).where(*conditions, SentInvite.state == "pending")
    ).all()
    revoked: list[SentInvite] = []
    for start in range(0, len(found), INVITES_PER_STATEMENT):
        revoked += _revoke_each(uow, {row.id: row.expires_at for row in found[start : start + INVITES_PER_STATEMENT]})
    return revoked


def _revoke_each(uow: UnitOfWork, expiries: dict[str, datetime]) -> list[SentInvite]:
    keep_until = uow.site.link_signer.keep_spent_until
    newly_spent = spent.spend_each(uow.session, {spent_id(id): keep_until(until) for id, until in expiries.items()})
    rows = update_undecided(uow, [id for id in expiries if spent_id(id) in newly_spent], revoked_at=now())
    for row in rows:
        if row.expires_at > expiries[row.id]:
            # It was extended since we looked: a link with the later end is out, and must not outlive the mark.
            spent.spend_until(uow.session, spent_id(row.id), keep_until(row.expires_at))
        uow.record_event("invite.revoked", facts={"invite": row.id})
    spent.spend_each(uow.session, {spent_id(row.id) + REVOKED_SUFFIX: keep_until(row.expires_at) for row in rows})
    return rows


def revoke_shared_invites(uow: UnitOfWork, *conditions: ColumnElement[bool]) -> list[str]:
    """Revoke invitations for several people in the caller's transaction, all by one statement, and return their ids.

    Whoever takes a place changes the same row: of the two at the same moment one comes first.
    """
    statement = update(SharedInvite).where(SharedInvite.revoked_at.is_(None), *conditions).values(revoked_at=now())
    returning = statement.returning(SharedInvite.id).execution_options(synchronize_session=False)
    ids = sorted(uow.session.scalars(returning))
    for id in ids:
        uow.record_event("shared-invite.revoked", facts={"invite": id})
    return ids


def update_undecided(
    uow: UnitOfWork, ids: Sequence[str], *conditions: ColumnElement[bool], **values: object
) -> list[SentInvite]:
    """Change those that are neither accepted nor revoked in one statement, and return them as they are now."""
    statement = update(SentInvite).where(SentInvite.id.in_(ids), SentInvite.undecided, *conditions).values(values)
    returning = statement.returning(SentInvite).execution_options(synchronize_session=False, populate_existing=True)
    return sorted(uow.session.scalars(returning), key=lambda row: row.id)


def void_admin_invites(uow: UnitOfWork, account: Account, listed: int) -> int:
    """End all invitations into ``admins`` that an account has issued, and return how many were open in the ledger.

    :param listed: how many the ledger has of it: where it has none, nothing is looked for there.
    """
    account.admin_invites_void_until = now()
    if not listed:
        return 0
    return len(revoke_open_invites(uow, SentInvite.inviter_id == account.id, GRANTS_ADMIN))


def void_other_invites(uow: UnitOfWork, account: Account, since: datetime | None, listed: int) -> int:
    """End the other invitations that an account has issued, and return how many were open in the ledger.

    :param since: those that were issued at this moment or later; None for all.
    :param listed: how many the ledger has of it.
    """
    first = int(since.timestamp()) if since else 0
    moment = now()
    kept = [each for each in account.void_invites or () if each[1] > (moment - PERIOD_RETENTION).timestamp()]
    account.void_invites = [*kept, [first, int(moment.timestamp())]]
    if not listed:
        return 0
    issued_since = [SentInvite.created_at >= since] if since else []
    revoked = len(revoke_open_invites(uow, SentInvite.inviter_id == account.id, ~GRANTS_ADMIN, *issued_since))
    # Each of these links, however often it was taken along: which of them are the owner's own nobody can tell.
    taken_since = [SharedInvite.expires_at >= now(), *([SharedInvite.created_at >= since] if since else [])]
    return revoked + len(revoke_shared_invites(uow, SharedInvite.inviter_id == account.id, *taken_since))


def is_void(
    admin_invites_void_until: datetime | None,
    void_invites: Iterable[Sequence[int]] | None,
    issued_at: datetime,
    groups: Iterable[str],
) -> bool:
    """Return whether a link of an invitation ended with a recovery of its inviter's account.

    Judged by the moment at which the link was signed, in whole seconds, and by what stands on the inviter's row: no
    ledger is asked, which may have lost its row.

    :param groups: those that the invitation grants.
    """
    second = int(issued_at.timestamp())
    if ADMIN_GROUP in groups:
        return admin_invites_void_until is not None and second <= int(admin_invites_void_until.timestamp())
    return any(first <= second <= last for first, last in void_invites or ())
