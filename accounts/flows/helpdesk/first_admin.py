"""The first admin: an empty installation prints an invitation for whoever reads its console. No default password."""

from __future__ import annotations

from sqlalchemy import exists, select

from accounts.core.clock import now
from accounts.core.link_kinds.parts import Subject
from accounts.core.models.account import ADMIN_GROUP, Membership
from accounts.core.models.counters import Spent
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.inviters import OPERATOR
from accounts.flows.invites.link import FIRST_ADMIN_INVITE_ID, INVITE, InvitePayload
from accounts.flows.shared.accounts import FIRST_ADMIN_SPENT_ID


def first_admin_url(uow: UnitOfWork) -> str | None:
    """Return the invitation for the first admin of a new installation; None once anybody has administered."""
    is_spent = exists().where(Spent.id == FIRST_ADMIN_SPENT_ID)
    has_admin = exists().where(Membership.group == ADMIN_GROUP)
    if any(uow.fetch_all(select(is_spent, has_admin))[0]):
        return None
    lifetime = uow.site.link_signer.lifetime(INVITE)
    carried = InvitePayload(
        id=FIRST_ADMIN_INVITE_ID,
        expires=int((now() + lifetime).timestamp()),
        groups=[ADMIN_GROUP],
        inviter=OPERATOR,
        locale=uow.site.settings.locale,
        next=f"{uow.site.url_prefix}/admin",
    )
    with uow:
        return uow.link_url(INVITE, Subject("", None), carried)
