"""What dies with a key: which links, whose sessions, which invitations. At most these, never fewer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, or_, select

from accounts.core.clock import LEEWAY, now
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import link as invite_link
from accounts.flows.keys.report import KeyReport
from accounts.flows.sessions.session import SESSION
from accounts.flows.sessions.session_list import sign_in_is_live

MAX_ADDRESSES = 20
"""How many addresses are named."""


@dataclass(frozen=True, slots=True)
class LinkImpact:
    """Links of one purpose: how many at most are unused and young enough, and the end of the last of them."""

    purpose: str
    unused: int
    alive_until: datetime


@dataclass(frozen=True, slots=True)
class KeyImpact:
    """What dies with a key.

    :ivar sign_ins_begun: accounts with a live session that began under it.
    :ivar sign_ins_older: further accounts with a live session from before, which it may have signed anew since.
    :ivar owners: addresses of all these accounts, the first of them.
    :ivar invited: open invitations that may have been signed by it; they can be sent again.
    :ivar invitees: the addresses of these, the first of them.
    """

    links: tuple[LinkImpact, ...] = ()
    sign_ins_begun: int = 0
    sign_ins_older: int = 0
    owners: tuple[str, ...] = ()
    invited: int = 0
    invitees: tuple[str, ...] = ()


def impact_of(uow: UnitOfWork, report: KeyReport) -> KeyImpact:
    """Return what would become invalid if the key were dropped now, or became so when it was."""
    if report.state == "waits":
        return KeyImpact()
    until = (report.ceased_at or now()) + LEEWAY
    # Sign-ins of older releases name no key; they count as begun under another one.
    began_under_key = AuditRow.facts["key"].as_string() == report.name
    may_be_affected = or_(began_under_key, AuditRow.at <= until)
    sign_ins_begun = _count_addresses(uow, _select_signed_in(began_under_key))
    open_invitations = _select_open_invitations(report, until)
    return KeyImpact(
        links=_link_impacts(report),
        sign_ins_begun=sign_ins_begun,
        sign_ins_older=_count_addresses(uow, _select_signed_in(may_be_affected)) - sign_ins_begun,
        owners=_first_addresses(uow, _select_signed_in(may_be_affected)),
        invited=_count_addresses(uow, open_invitations),
        invitees=_first_addresses(uow, open_invitations),
    )


def _link_impacts(report: KeyReport) -> tuple[LinkImpact, ...]:
    return tuple(
        LinkImpact(use.purpose, max(0, use.signed - use.opened), use.alive_until)
        for use in report.uses
        if use.purpose != SESSION.purpose and use.alive_until + LEEWAY > now()
    )


def _select_signed_in(condition: ColumnElement[bool]) -> Select[Any]:
    """Select addresses of accounts with a live session whose sign-in fulfils a condition."""
    return (
        select(Account.email)
        .distinct()
        .join(AuditRow, AuditRow.account_id == Account.id)
        .where(sign_in_is_live(), condition)
    )


def _select_open_invitations(report: KeyReport, until: datetime) -> Select[Any]:
    signs_invitations = literal(any(use.purpose == invite_link.INVITE_PURPOSE for use in report.uses))
    return select(SentInvite.email).where(
        signs_invitations, SentInvite.state == "pending", SentInvite.created_at <= until
    )


def _count_addresses(uow: UnitOfWork, addresses: Select[Any]) -> int:
    return uow.session.scalar(select(func.count()).select_from(addresses.subquery())) or 0


def _first_addresses(uow: UnitOfWork, addresses: Select[Any]) -> tuple[str, ...]:
    return tuple(uow.session.scalars(addresses.order_by("email").limit(MAX_ADDRESSES)))
