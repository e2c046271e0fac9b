"""Find which groups there are: nothing is stored of a group but who is in it."""

from __future__ import annotations

from sqlalchemy import func, select

from accounts.core.models.account import Membership
from accounts.core.uow import UnitOfWork

MAX_KNOWN_GROUPS = 100


def list_known_groups(uow: UnitOfWork) -> list[str]:
    """Return the groups that somebody is in, in alphabetical order, at most :data:`MAX_KNOWN_GROUPS` of them."""
    # From one to the next by the index: DISTINCT would read all memberships.
    groups = select(func.min(Membership.group).label("name")).cte(recursive=True)
    following = select(func.min(Membership.group)).where(Membership.group > groups.c.name).scalar_subquery()
    groups = groups.union_all(select(following).where(groups.c.name.is_not(None)))
    names = select(groups.c.name).where(groups.c.name.is_not(None)).limit(MAX_KNOWN_GROUPS)
    return list(uow.session.scalars(names))
