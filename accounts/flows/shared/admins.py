"""Find who administers now: for letters to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from accounts.core.database.sql import CompiledStatement
from accounts.core.database.store import Store
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.uow import UnitOfWork

_IS_ADMIN = (Membership.account_id == Account.id) & (Membership.group == ADMIN_GROUP)
_SELECT_ADMINS = select(Account.id, Account.locale).join(Membership, _IS_ADMIN).where(Account.active)
_SELECT_AN_ADMIN = CompiledStatement(_SELECT_ADMINS.limit(1))


def list_admins(uow: UnitOfWork, *, except_id: str = "") -> Sequence[Any]:
    """Return id and language of each active admin, by id.

    :param except_id: an account that is left out.
    """
    return uow.session.execute(_SELECT_ADMINS.where(Account.id != except_id).order_by(Account.id)).all()


def has_admin(store: Store) -> bool:
    """Return whether there is an active admin, over a connection that is given back at once."""
    return bool(_SELECT_AN_ADMIN.fetch_all(store.engine))


def is_admin(account: Account) -> bool:
    """Return whether an account administers: it is in the group, and may be used."""
    return account.active and ADMIN_GROUP in account.groups
