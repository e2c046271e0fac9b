"""What would happen to each row of a list, were it sent now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select

from accounts.core.clock import now
from accounts.core.models.account import Account, Membership
from accounts.core.models.invites import BatchRow, SentInvite
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.batch_file import NewBatch
from accounts.flows.invites.batch_rows import Entry, refused_of
from accounts.flows.invites.link import OPERATOR, inviters

TO_SEND = ("new", "adds")
VERDICTS = (*TO_SEND, "member", "open", "duplicate", "refused", "malformed", "sent")
"""``new``: gets an account; ``adds``: a member who would join groups; ``member``: is all that already; ``open``: an
invitation is out; ``duplicate``, ``refused``, ``malformed``: told by the reason; ``sent``: invited from this list."""


@dataclass(frozen=True, slots=True)
class Known:
    """Who of some addresses has an account, with which groups, and who has an open invitation."""

    groups: Mapping[str, frozenset[str]]
    disabled: frozenset[str]
    invited: frozenset[str]


def judge(uow: UnitOfWork, batch_id: str, entries: Sequence[Entry], said: NewBatch) -> list[BatchRow]:
    """Rows for the entries of a list, with what would happen to each."""
    keys = {entry.key for entry in entries if entry.key}
    before = select(BatchRow.email_key).where(BatchRow.batch_id == batch_id, BatchRow.email_key.in_(keys))
    seen = set(uow.session.scalars(before))
    known = look_up(uow, keys)
    found = []
    for entry in entries:
        row = _row(batch_id, entry, said)
        if entry.key is not None:
            if entry.key in seen:
                row.email_key, row.verdict, row.reason = None, "duplicate", "twice"
            else:
                seen.add(entry.key)
                row.verdict, row.reason, row.adds = verdict_of(entry.key, row.groups, known)
        found.append(row)
    return found


def look_up(uow: UnitOfWork, keys: Iterable[str]) -> Known:
    """What is known of some addresses at this moment: three statements for all of them."""
    keys = list(keys)
    accounts = uow.session.execute(
        select(Account.id, Account.email_key, Account.status).where(Account.email_key.in_(keys))
    ).all()
    key_of = {account.id: account.email_key for account in accounts}
    joined: dict[str, set[str]] = {key: set() for key in key_of.values()}
    for membership in uow.session.execute(
        select(Membership.account_id, Membership.group).where(Membership.account_id.in_(key_of))
    ):
        joined[key_of[membership.account_id]].add(membership.group)
    invited = select(SentInvite.email_key).where(
        SentInvite.email_key.in_(keys),
        SentInvite.accepted_at.is_(None),
        SentInvite.revoked_at.is_(None),
        SentInvite.expires_at >= now(),
        or_(SentInvite.inviter_id == OPERATOR, SentInvite.inviter_id.in_(inviters())),
    )
    return Known(
        groups={key: frozenset(groups) for key, groups in joined.items()},
        disabled=frozenset(account.email_key for account in accounts if account.status != "active"),
        invited=frozenset(uow.session.scalars(invited)),
    )


def verdict_of(key: str, groups: Sequence[str], known: Known) -> tuple[str, str, list[str]]:
    """What would happen to an address: verdict, reason, and the groups that a member would join."""
    refused = refused_of(groups)
    if refused:
        return "refused", refused, []
    if key in known.disabled:
        return "member", "disabled", []
    adds = sorted(set(groups) - known.groups.get(key, frozenset()))
    if key in known.groups and not adds:
        return "member", "", []
    if key in known.invited:
        return "open", "", []
    return ("adds", "", adds) if key in known.groups else ("new", "", [])


def _row(batch_id: str, entry: Entry, said: NewBatch) -> BatchRow:
    row = BatchRow(batch_id=batch_id, line=entry.line, email=entry.typed, verdict="malformed", reason=entry.reason)
    row.groups, row.adds, row.days = [], [], None
    if entry.row is not None:
        row.email, row.email_key, row.name = entry.row.email.email, entry.row.email.key, entry.row.name
        row.groups = entry.row.groups or list(said.groups)
        row.locale = entry.row.locale or said.locale
        row.days = entry.row.days or (said.days if "days" in said.model_fields_set else None)
    return row
