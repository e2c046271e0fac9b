"""What the first page of an account says of each of its sections: the newest and how many, in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, union

from accounts.core.clock import now
from accounts.core.models.account import Account
from accounts.core.models.apps import App, Consent, Grant
from accounts.core.models.audit import AuditRow
from accounts.core.models.upstream import Identity
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.own_activity import is_own_activity
from accounts.flows.sessions.session_list import sign_in_is_live

PASSWORD_SET_EVENTS = ("password.changed", "password.reset")


@dataclass(frozen=True, slots=True)
class AccountOverview:
    """An account at a glance.

    :ivar password_changed_at: None where the password is still the first one, as far as the audit log goes back.
    :ivar last_event_at: of the account's own activity.
    """

    has_password: bool
    password_changed_at: datetime | None
    sessions: int
    apps: int
    identities: int
    last_event_at: datetime | None


def get_overview(uow: UnitOfWork, account_id: str) -> AccountOverview:
    """Return what the sections of an account hold. Reads only, in one SQL statement."""
    of_account = AuditRow.account_id == account_id
    connected = union(
        select(Consent.app_id).where(Consent.account_id == account_id),
        select(Grant.app_id).where(
            Grant.account_id == account_id, Grant.revoked_at.is_(None), Grant.expires_at > now()
        ),
    ).subquery()
    columns = (
        Account.password_hash.is_not(None),
        select(func.max(AuditRow.at)).where(of_account, AuditRow.kind.in_(PASSWORD_SET_EVENTS)).scalar_subquery(),
        select(func.count())
        .select_from(AuditRow)
        .where(of_account, sign_in_is_live())
        .correlate(Account)
        .scalar_subquery(),
        select(func.count())
        .select_from(App)
        .where(App.id.in_(select(connected.c[0])), App.disabled_at.is_(None))
        .scalar_subquery(),
        select(func.count()).select_from(Identity).where(Identity.account_id == account_id).scalar_subquery(),
        select(AuditRow.at)
        .where(of_account, is_own_activity())
        .order_by(AuditRow.at.desc())
        .limit(1)
        .scalar_subquery(),
    )
    (row,) = uow.fetch_all(select(*columns).where(Account.id == account_id))
    return AccountOverview(*row)
