"""Say whose invitations hold: of admins whose accounts are active."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, select

from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.invites import SentInvite
from accounts.core.uow import UnitOfWork

OPERATOR = ""
"""The inviter of invitations made on the console: whoever holds the key ring vouches for them."""


def may_invite(uow: UnitOfWork, account_id: str) -> bool:
    """Whether invitations of this account hold: it is active, and administers."""
    return uow.session.scalar(select_inviters().where(Account.id == account_id)) is not None


def select_inviters() -> Select[Any]:
    """Return a SELECT of the accounts that may invite."""
    is_admin = (Membership.account_id == Account.id) & (Membership.group == ADMIN_GROUP)
    return select(Account.id).join(Membership, is_admin).where(Account.active)


def choose_inviter_ids(uow: UnitOfWork, rows: Iterable[SentInvite]) -> dict[str, str]:
    """Return who vouches for links that are handed out now, by the id of the first inviter.

    An inviter who may not invite any more is replaced by the account that hands the links out.
    """
    return {
        inviter: inviter
        if inviter == OPERATOR or may_invite(uow, inviter)
        else uow.request_info.account_id or OPERATOR
        for inviter in {row.inviter_id for row in rows}
    }
