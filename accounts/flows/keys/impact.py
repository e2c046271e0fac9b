"""What dies with a key: which links, whose sessions, which invitations. At most these, never fewer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, literal, or_, select

from accounts.core.clock import LEEWAY, now
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.counters import Spent
from accounts.core.models.invites import SentInvite
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import link as invite_link
from accounts.flows.keys.report import KeyLife
from accounts.flows.sessions import session as sessions

SHOWN = 20
"""How many addresses are named."""


@dataclass(frozen=True, slots=True)
class Links:
    """Links of one purpose: how many at most are unused and young enough, and the end of the last of them."""

    purpose: str
    unused: int
    alive_until: datetime


@dataclass(frozen=True, slots=True)
class Toll:
    """What dies with a key.

    :ivar begun: accounts with a live session that began under it.
    :ivar older: further accounts with a live session from before, which it may have signed anew since.
    :ivar owners: addresses of all these accounts, the first of them.
    :ivar invited: open invitations that may have been signed by it; they can be sent again.
    :ivar invitees: the addresses of these, the first of them.
    """

    links: tuple[Links, ...] = ()
    begun: int = 0
    older: int = 0
    owners: tuple[str, ...] = ()
    invited: int = 0
    invitees: tuple[str, ...] = ()


def reckon(uow: UnitOfWork, life: KeyLife) -> Toll:
    """What would die if the key were dropped now, or has died when it was."""
    if life.state == "waits":
        return Toll()
    until = (life.ceased_at or now()) + LEEWAY
    # Sign-ins of older releases name no key; they count as begun under another one.
    begun = AuditRow.facts["key"].as_string() == life.name
    affected = or_(begun, AuditRow.at <= until)
    begun_count = _count(uow, _signed_in(begun))
    invited = _open_invitations(life, until)
    return Toll(
        links=_links(life),
        begun=begun_count,
        older=_count(uow, _signed_in(affected)) - begun_count,
        owners=_first(uow, _signed_in(affected)),
        invited=_count(uow, invited),
        invitees=_first(uow, invited),
    )


def _links(life: KeyLife) -> tuple[Links, ...]:
    return tuple(
        Links(use.purpose, max(0, use.signed - use.opened), use.alive_until)
        for use in life.uses
        if use.purpose != sessions.PURPOSE and use.alive_until + LEEWAY > now()
    )


def _signed_in(condition: ColumnElement[bool]) -> Select[Any]:
    """Addresses of accounts with a session that is alive, of those that fulfil a condition on its sign-in."""
    facts = AuditRow.facts
    mark = literal(sessions.mark("")) + facts["session"].as_string()
    return (
        select(Account.email)
        .distinct()
        .join(AuditRow, AuditRow.account_id == Account.id)
        .where(AuditRow.kind == sessions.SIGN_IN, AuditRow.at > now() - sessions.ABSOLUTE_REMEMBERED)
        .where(Account.status == "active", facts["epoch"].as_integer() == Account.auth_epoch)
        .where(facts["ends"].as_float() > now().timestamp(), ~exists().where(Spent.id == mark), condition)
    )


def _open_invitations(life: KeyLife, until: datetime) -> Select[Any]:
    signs_them = literal(any(use.purpose == invite_link.PURPOSE for use in life.uses))
    open_still = (SentInvite.accepted_at.is_(None), SentInvite.revoked_at.is_(None), SentInvite.expires_at > now())
    return select(SentInvite.email).where(signs_them, *open_still, SentInvite.created_at <= until)


def _count(uow: UnitOfWork, addresses: Select[Any]) -> int:
    return uow.session.scalar(select(func.count()).select_from(addresses.subquery())) or 0


def _first(uow: UnitOfWork, addresses: Select[Any]) -> tuple[str, ...]:
    return tuple(uow.session.scalars(addresses.order_by("email").limit(SHOWN)))
