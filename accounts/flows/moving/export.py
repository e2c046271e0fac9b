"""Export accounts: one user's own data, and all accounts for operators."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from accounts.core import csv_files
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.models.logout import AppLogout
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import connected_apps
from accounts.flows.sessions import session_list
from accounts.flows.sessions.session import CurrentAccount
from accounts.flows.upstream import identities

ACCOUNT_EXPORTED_EVENT, ACCOUNTS_EXPORTED_EVENT = "account.exported", "accounts.exported"
ACCOUNTS_PER_BATCH = 500
CSV_COLUMNS = (
    "id", "email", "name", "locale", "zone", "status", "groups", "confirmed", "created_at", "last_sign_in_at",
    "terms_version", "terms_accepted_at", "password_hash",
)  # fmt: skip


def export_own_data(uow: UnitOfWork, current: CurrentAccount) -> dict[str, Any]:
    """Everything that is kept about somebody, without secrets: no hash, no seed, nothing that opens anything.

    Whoever else turns up in it (an admin who changed something) is not named.
    """
    with uow:
        uow.record_event(ACCOUNT_EXPORTED_EVENT, account_id=current.id)
    account = uow.session.get_one(Account, current.id)
    return {
        "account": {
            "id": account.id,
            "email": account.email,
            "email_verified": not account.email_unproven,
            "invited": account.invited,
            "name": account.name,
            "locale": account.locale,
            "zone": account.zone,
            "status": account.status,
            "has_password": account.password_hash is not None,
            "former_email": account.anchor_email,
            "created_at": account.created_at,
            "last_sign_in_at": account.last_sign_in_at,
            "terms_version": account.terms_version,
            "terms_accepted_at": account.terms_accepted_at,
        },
        "groups": list(account.groups),
        "sessions": [asdict(each) for each in session_list.list_own_sessions(uow, current)],
        "invitations_received": _list_invitations(
            uow, SentInvite.email_key == account.email_key, include_email=False
        ),
        "invitations_sent": _list_invitations(uow, SentInvite.inviter_id == account.id, include_email=True),
        "apps": [asdict(each) for each in connected_apps.list_connected_apps(uow, account.id)],
        "signed_out_of": _list_logouts(uow, account.id),
        "identities": [asdict(each) for each in identities.list_identities(uow, account.id)],
        "history": _list_events(uow, current.id),
    }


def _list_logouts(uow: UnitOfWork, account_id: str) -> list[dict[str, Any]]:
    columns = (AppLogout.app_name, AppLogout.at, AppLogout.state)
    rows = uow.fetch_all(select(*columns).where(AppLogout.account_id == account_id).order_by(AppLogout.at))
    return [{"app": app, "at": at, "state": state} for app, at, state in rows]


def _list_invitations(uow: UnitOfWork, condition: Any, *, include_email: bool) -> list[dict[str, Any]]:
    rows = uow.session.scalars(select(SentInvite).where(condition).order_by(SentInvite.created_at, SentInvite.id))
    return [
        {
            **({"email": row.email} if include_email else {}),
            "groups": row.groups,
            "state": row.state,
            "created_at": row.created_at,
            "expires_at": row.expires_at,
        }
        for row in rows
    ]


def _list_events(uow: UnitOfWork, account_id: str) -> list[dict[str, Any]]:
    columns = (AuditRow.at, AuditRow.kind, AuditRow.actor, AuditRow.network, AuditRow.agent, AuditRow.facts)
    rows = uow.fetch_all(
        select(*columns).where(AuditRow.account_id == account_id).order_by(AuditRow.at.desc(), AuditRow.id)
    )
    events = []
    for at, kind, actor, network, agent, facts in rows:
        # From where an admin acted is the admin's own data.
        is_own = actor in (None, account_id)
        actor_label = "you" if actor == account_id else "other" if actor else ""
        origin = {"network": network, "agent": agent} if is_own else {"network": "", "agent": ""}
        events.append({"at": at, "kind": kind, "by": actor_label, **origin, "facts": facts})
    return events


def export_accounts(uow: UnitOfWork, *, include_hashes: bool = False) -> Iterator[dict[str, Any]]:
    """All accounts, one by one, in the form that ``accounts import`` reads as ``plain``.

    :param include_hashes: with the hashes of their passwords, which whoever gets hold of can try passwords on.
    """
    with uow:
        uow.record_event(ACCOUNTS_EXPORTED_EVENT, facts={"hashes": include_hashes})
    last_id = ""
    while True:
        # A session for every batch: a slow reader must hold no transaction open.
        with Session(uow.site.store.engine) as session:
            statement = select(Account).where(Account.id > last_id).order_by(Account.id).limit(ACCOUNTS_PER_BATCH)
            rows = session.scalars(statement.options(selectinload(Account.memberships))).all()
            exported = [_account_dict(row, include_hashes=include_hashes) for row in rows]
        if not rows:
            return
        last_id = rows[-1].id
        yield from exported


def _account_dict(row: Account, *, include_hashes: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "email": row.email,
        "name": row.name,
        "locale": row.locale,
        "zone": row.zone,
        "status": row.status,
        "groups": list(row.groups),
        "confirmed": not row.email_unproven,
        "created_at": row.created_at,
        "last_sign_in_at": row.last_sign_in_at,
        "terms_version": row.terms_version,
        "terms_accepted_at": row.terms_accepted_at,
        **({"password_hash": row.password_hash} if include_hashes else {}),
    }


def format_json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Rows as lines of JSON."""
    for row in rows:
        yield json.dumps(row, default=_format_value, ensure_ascii=False, separators=(",", ":")) + "\n"


def format_accounts_csv(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Rows as CSV, the heading first. No cell begins as a formula does."""
    heading: list[str] | None = None
    for row in rows:
        if heading is None:
            heading = [name for name in CSV_COLUMNS if name in row]
            yield csv_files.format_row(heading)
        yield csv_files.format_row([_format_cell(row[name]) for name in heading])


def _format_cell(value: Any) -> str:
    if isinstance(value, list):
        return "|".join(str(each) for each in value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else _format_value(value)


def _format_value(value: Any) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
