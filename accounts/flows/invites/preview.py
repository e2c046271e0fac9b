"""What would happen to each row of a list, were it sent now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select

from accounts.core.models.account import Account, Membership
from accounts.core.models.invites import BatchRow, SentInvite
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.batch_entries import ListEntry
from accounts.flows.invites.batch_file import NewBatchForm
from accounts.flows.invites.batch_rows import find_refusal_reason
from accounts.flows.invites.inviters import OPERATOR, select_inviters
from accounts.flows.shared import app_targets
from accounts.flows.shared.app_targets import TargetApp

SENDABLE_VERDICTS = ("new", "adds")
VERDICTS = (*SENDABLE_VERDICTS, "member", "open", "duplicate", "refused", "malformed", "sent")
"""``new``: gets an account; ``adds``: a member who would join groups; ``member``: is all that already; ``open``: an
invitation is out; ``duplicate``, ``refused``, ``malformed``: told by the reason; ``sent``: invited from this list."""


@dataclass(frozen=True, slots=True)
class KnownAddresses:
    """Who of some addresses has an account, with which groups, and who has an open invitation."""

    groups: Mapping[str, frozenset[str]]
    disabled: frozenset[str]
    invited: frozenset[str]


def preview_rows(uow: UnitOfWork, batch_id: str, entries: Sequence[ListEntry], form: NewBatchForm) -> list[BatchRow]:
    """Rows for the entries of a list, with what would happen to each."""
    keys = {entry.email_key for entry in entries if entry.email_key}
    earlier = select(BatchRow.email_key).where(BatchRow.batch_id == batch_id, BatchRow.email_key.in_(keys))
    seen = set(uow.session.scalars(earlier))
    known = find_known_addresses(uow, keys)
    says_app = any(entry.form.app for entry in entries if entry.form)
    apps = app_targets.list_startable_apps(uow) if says_app else []
    rows = []
    for entry in entries:
        row = _build_row(batch_id, entry, form)
        if not _choose_app(uow, row, entry, apps):
            row.verdict, row.reason = "malformed", "app"
        elif entry.email_key is not None:
            if entry.email_key in seen:
                row.email_key, row.verdict, row.reason = None, "duplicate", "twice"
            else:
                seen.add(entry.email_key)
                row.verdict, row.reason, row.adds = decide_verdict(entry.email_key, row.groups, known)
        rows.append(row)
    return rows


def find_known_addresses(uow: UnitOfWork, keys: Iterable[str]) -> KnownAddresses:
    """Return what is known of some addresses at this moment: three SQL statements for all of them."""
    keys = list(keys)
    accounts = uow.session.execute(
        select(Account.id, Account.email_key, Account.status).where(Account.email_key.in_(keys))
    ).all()
    key_of = {account.id: account.email_key for account in accounts}
    groups_by_key: dict[str, set[str]] = {key: set() for key in key_of.values()}
    for membership in uow.session.execute(
        select(Membership.account_id, Membership.group).where(Membership.account_id.in_(key_of))
    ):
        groups_by_key[key_of[membership.account_id]].add(membership.group)
    invited = select(SentInvite.email_key).where(
        SentInvite.email_key.in_(keys),
        SentInvite.state == "pending",
        or_(SentInvite.inviter_id == OPERATOR, SentInvite.inviter_id.in_(select_inviters())),
    )
    return KnownAddresses(
        groups={key: frozenset(groups) for key, groups in groups_by_key.items()},
        disabled=frozenset(account.email_key for account in accounts if account.status != "active"),
        invited=frozenset(uow.session.scalars(invited)),
    )


def decide_verdict(key: str, groups: Sequence[str], known: KnownAddresses) -> tuple[str, str, list[str]]:
    """Return what would happen to an address: verdict, reason, and the groups that a member would join."""
    refusal_reason = find_refusal_reason(groups)
    if refusal_reason:
        return "refused", refusal_reason, []
    if key in known.disabled:
        return "member", "disabled", []
    adds = sorted(set(groups) - known.groups.get(key, frozenset()))
    if key in known.groups and not adds:
        return "member", "", []
    if key in known.invited:
        return "open", "", []
    return ("adds", "", adds) if key in known.groups else ("new", "", [])


def _choose_app(uow: UnitOfWork, row: BatchRow, entry: ListEntry, apps: Sequence[TargetApp]) -> bool:
    """Have a row lead into the app that it names, and return whether there is one of this name."""
    if entry.form is None or not entry.form.app:
        return True
    app = app_targets.match_app(apps, entry.form.app)
    if app is None:
        row.email_key = None
        return False
    row.next = app_targets.start_path(uow.site, app.id)
    return True


def _build_row(batch_id: str, entry: ListEntry, form: NewBatchForm) -> BatchRow:
    verdict = "refused" if entry.reason == "suspended" else "malformed"
    row = BatchRow(batch_id=batch_id, line=entry.line, email=entry.raw_email, verdict=verdict, reason=entry.reason)
    row.groups, row.adds, row.days, row.next = [], [], None, ""
    if entry.form is not None:
        row.email, row.email_key, row.name = entry.form.email.email, entry.form.email.key, entry.form.name
        row.groups = entry.form.groups or list(form.groups)
        row.message = entry.form.message
        row.locale = entry.form.locale or form.locale
        row.days = entry.form.days or (form.days if "days" in form.model_fields_set else None)
    return row
