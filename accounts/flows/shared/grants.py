"""Revoke and delete what users have granted to clients. Needs nothing of the protocol.

Redeeming a code holds a shared lock on its account and its client until the grant is there. Whoever ends sessions or
connections holds the row alone, and looks for grants then: none slips through in between. (On SQLite the first write
does that.)
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Engine, and_, bindparam, delete, select, update

from accounts.core.clock import LEEWAY, now
from accounts.core.database.sql import CompiledStatement
from accounts.core.database.sweep import sweep_rows
from accounts.core.models.account import Account
from accounts.core.models.apps import App, Consent, Grant
from accounts.core.uow import UnitOfWork

_LOCK_ACCOUNT = CompiledStatement(
    select(Account.auth_epoch, Account.status)
    .where(Account.id == bindparam("account"))
    .with_for_update(key_share=True)
)


def lock_account(uow: UnitOfWork, account_id: str) -> int | None:
    """Have no code of an account redeemed until this unit of work is done. Before whatever else it writes.

    :returns: its ``auth_epoch``; None where it is disabled or gone.
    """
    for epoch, status in uow.execute(_LOCK_ACCOUNT, {"account": account_id}):
        return int(epoch) if status == "active" else None
    return None


def lock_app(uow: UnitOfWork, app_id: str) -> None:
    """Have no code of an app redeemed until this unit of work is done. Before whatever else it writes."""
    uow.session.execute(select(App.id).where(App.id == app_id).with_for_update(key_share=True))


def revoke_grants(uow: UnitOfWork, condition: ColumnElement[bool]) -> list[str]:
    """Revoke grants with all their tokens in the caller's transaction, and return the ids of the live ones."""
    statement = (
        update(Grant).where(condition, Grant.revoked_at.is_(None)).values(revoked_at=now()).returning(Grant.id)
    )
    return list(uow.session.scalars(statement.execution_options(synchronize_session=False)))


def revoke_consent_and_grants(uow: UnitOfWork, account_id: str, app_id: str) -> list[str]:
    """Revoke a user's consent and grants for a client in the caller's transaction; return the live grants' ids."""
    lock_account(uow, account_id)
    condition = and_(Consent.account_id == account_id, Consent.app_id == app_id)
    uow.session.execute(delete(Consent).where(condition).execution_options(synchronize_session=False))
    return revoke_grants(uow, and_(Grant.account_id == account_id, Grant.app_id == app_id))


def delete_expired_grants(engine: Engine) -> int:
    """Delete grants whose last token has expired, and return how many."""
    return sweep_rows(engine, delete(Grant), Grant.id, Grant.expires_at < now() - 2 * LEEWAY)
