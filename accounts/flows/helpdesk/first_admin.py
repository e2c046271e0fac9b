"""The first admin: an empty installation prints an invitation for whoever reads its console. No default password."""

from __future__ import annotations

from sqlalchemy import exists, select

from accounts.core.clock import now
from accounts.core.link_kinds.parts import Subject
from accounts.core.models.account import ADMIN_GROUP, Membership
from accounts.core.models.counters import Spent
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.link import FIRST_ADMIN_ID, INVITE, OPERATOR, Carried
from accounts.flows.shared.accounts import FIRST_ADMIN


def first_admin_url(uow: UnitOfWork) -> str | None:
    """The invitation for the first admin of an empty installation; None as soon as anybody ever administered."""
    shut = exists().where(Spent.id == FIRST_ADMIN)
    administered = exists().where(Membership.group == ADMIN_GROUP)
    if any(uow.fetch_all(select(shut, administered))[0]):
        return None
    lives = uow.site.link_signer.lifetime(INVITE)
    carried = Carried(
        id=FIRST_ADMIN_ID,
        expires=int((now() + lives).timestamp()),
        groups=[ADMIN_GROUP],
        inviter=OPERATOR,
        locale=uow.site.settings.locale,
    )
    with uow:
        return uow.link_url(INVITE, Subject("", None), carried)
