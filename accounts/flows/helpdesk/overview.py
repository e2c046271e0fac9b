"""Count what an admin looks at first: accounts, sign-ins by day, invitations, emails, and how the installation is.

Each figure reads a stretch of an index, and no more of it than is counted: the page is as fast with a million lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import (
    ColumnElement,
    SelectBase,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement
from accounts.core.mail_lanes import MAIL_LANES, Lane
from accounts.core.messages import N_
from accounts.core.models.account import LOCKOUT_DURATION, Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.health import Health, measure_health
from accounts.flows.helpdesk.outbox_counts import count_outbox
from accounts.flows.sessions.session import SIGN_IN_EVENT
from accounts.flows.shared.fields import Form
from accounts.flows.sign_in.password import SIGN_IN_FAILED_EVENT

MAX_ACCOUNTS_COUNTED = 500_000
"""In each state. Of more it is told that there are so many."""
MAX_COUNTED = 50_000
"""The same, of invitations in each state, and of accounts that came this week by each way."""
MAX_COUNTED_PER_DAY = 20_000
"""The same, of sign-ins, and of failed ones, on one day."""
NEW_WITHIN = timedelta(days=7)
SETTLED_AFTER = timedelta(hours=1)
"""How long after its end a day may get further lines: of slow transactions, and of clocks that are behind."""
CREATION_EVENTS = ("account.activated", "invite.accepted", "shared-invite.used", "account.imported")
"""Lines that are written when an account is created; the second and third also where one has joined more groups."""


class OverviewForm(Form):
    """Over how many days sign-ins are counted, today included."""

    days: Literal["14", "30"] = Field(default="14", title=N_("Days"))


@dataclass(frozen=True, slots=True)
class AccountFigures:
    """How many accounts there are. ``locked`` ones are active, too; ``new`` ones are of the last 7 days."""

    total: int
    active: int
    disabled: int
    locked: int
    new: int


@dataclass(frozen=True, slots=True)
class SignInFigures:
    """What happened on one day in UTC: sessions that began, and passwords that were wrong."""

    day: date
    count: int
    failed: int


@dataclass(frozen=True, slots=True)
class InvitationFigures:
    """How many invitations are in each state."""

    open: int
    accepted: int
    expired: int


@dataclass(frozen=True, slots=True)
class MailFigures:
    """How many emails wait and have failed, and since when the oldest of each does.

    :ivar oldest_waiting: since when it could have gone out.
    """

    waiting: int
    dead: int
    oldest_waiting: datetime | None
    oldest_failed: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """What an admin looks at first.

    :ivar health: the measurement of ``/health/ready`` and ``/metrics``.
    """

    accounts: AccountFigures
    sign_ins: Sequence[SignInFigures]
    invitations: InvitationFigures
    mail: MailFigures
    health: Health


def get_overview(uow: UnitOfWork, form: OverviewForm) -> Overview:
    """Return the figures of this moment."""
    site = uow.site
    return Overview(
        accounts=_count_accounts(uow),
        sign_ins=_count_sign_ins(uow, int(form.days)),
        invitations=InvitationFigures(*uow.fetch_all(_COUNT_INVITATIONS, {"moment": now()})[0]),
        mail=_count_mail(uow),
        health=measure_health(site),
    )


def _count(*conditions: ColumnElement[bool], limit: int) -> Any:
    # Of no column: an index is all that is read.
    rows = select(literal_column("1")).where(*conditions).limit(limit).subquery()
    return select(func.count()).select_from(rows).scalar_subquery()


_LOCKED_SINCE = bindparam("locked_since", type_=Account.created_at.type)
_NEW_SINCE = bindparam("new_since", type_=Account.created_at.type)
_CREATIONS = union_all(
    *(
        select(
            select(AuditRow.account_id.label("account"))
            .where(AuditRow.kind == kind, AuditRow.at >= _NEW_SINCE)
            .order_by(AuditRow.at.desc())
            .limit(MAX_COUNTED)
            .subquery()
        )
        for kind in CREATION_EVENTS
    )
).subquery()
_COUNT_ACCOUNTS = CompiledStatement(
    select(
        _count(Account.status == "active", limit=MAX_ACCOUNTS_COUNTED),
        _count(Account.status == "disabled", limit=MAX_ACCOUNTS_COUNTED),
        _count(Account.locked_at > _LOCKED_SINCE, Account.status == "active", limit=MAX_COUNTED),
        # Who came and left again is not among them, nor who had an account before.
        select(func.count(Account.id.distinct()))
        .select_from(_CREATIONS)
        .join(Account, Account.id == _CREATIONS.c.account)
        .where(Account.created_at >= _NEW_SINCE)
        .scalar_subquery(),
    )
)


def _count_accounts(uow: UnitOfWork) -> AccountFigures:
    moment = now()
    values = {"locked_since": moment - LOCKOUT_DURATION, "new_since": moment - NEW_WITHIN}
    ((active, disabled, locked, new),) = uow.fetch_all(_COUNT_ACCOUNTS, values)
    return AccountFigures(active + disabled, active, disabled, locked, new)


class _EndedDays(dict[date, tuple[int, int]]):
    """Sign-ins and failed ones of days that are over: lines are only ever added, and with the time of their day."""

    def __init__(self, site: Site) -> None:
        super().__init__()


@lru_cache(maxsize=32)
def _select_sign_ins(days: int) -> CompiledStatement:
    # A stretch of the index by kind and time for each day, not GROUP BY: a busy day costs no more than is counted.
    def count(kind: str, number: int) -> Any:
        begins, ends = (bindparam(f"{name}{number}", type_=AuditRow.at.type) for name in ("begins", "ends"))
        conditions = AuditRow.kind == kind, AuditRow.at >= begins, AuditRow.at < ends
        return _count(*conditions, limit=MAX_COUNTED_PER_DAY)

    kinds = (SIGN_IN_EVENT, SIGN_IN_FAILED_EVENT)
    rows = (select(literal(number), *(count(kind, number) for kind in kinds)) for number in range(days))
    return CompiledStatement(union_all(*rows))


def _count_sign_ins(uow: UnitOfWork, days: int) -> list[SignInFigures]:
    moment = now().astimezone(UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = [midnight - timedelta(days=number) for number in reversed(range(days))]
    ended = uow.site.get(_EndedDays)
    missing = [each for each in begins if each.date() not in ended]
    values = {f"begins{number}": each for number, each in enumerate(missing)}
    values |= {f"ends{number}": each + timedelta(days=1) for number, each in enumerate(missing)}
    rows = uow.fetch_all(_select_sign_ins(len(missing)), values)
    counts = ended | {missing[number].date(): (count, failed) for number, count, failed in rows}
    last_ended = (moment - SETTLED_AFTER).date()
    ended.update({day: each for day, each in counts.items() if day < last_ended})
    return [SignInFigures(each.date(), *counts[each.date()]) for each in begins]


_UNDECIDED = select(SentInvite.expires_at).where(SentInvite.undecided).limit(2 * MAX_COUNTED).subquery()
_MOMENT = bindparam("moment", type_=SentInvite.expires_at.type)


def _count_undecided(is_expired: bool) -> Any:
    condition = _UNDECIDED.c.expires_at < _MOMENT if is_expired else _UNDECIDED.c.expires_at >= _MOMENT
    return select(func.count(case((condition, 1)))).select_from(_UNDECIDED).scalar_subquery()


_COUNT_INVITATIONS = CompiledStatement(
    select(
        _count_undecided(is_expired=False),
        _count(SentInvite.accepted_at.is_not(None), limit=MAX_COUNTED),
        _count_undecided(is_expired=True),
    )
)


def _select_oldest(lane: Lane) -> SelectBase:
    def oldest(column: Any, *conditions: Any) -> Any:
        # The first of a stretch of one index, not min(), for which PostgreSQL may read all of it.
        rows = select(column).where(OutboxRow.lane == lane, *conditions)
        return rows.order_by(OutboxRow.dead_at, OutboxRow.not_before).limit(1).scalar_subquery()

    waiting = oldest(OutboxRow.not_before, OutboxRow.dead_at.is_(None), OutboxRow.not_before <= _DUE_MOMENT)
    return select(waiting, oldest(OutboxRow.dead_at, OutboxRow.dead_at.is_not(None)))


_DUE_MOMENT = bindparam("moment", type_=OutboxRow.not_before.type)
_FIND_OLDEST = CompiledStatement(union_all(*map(_select_oldest, MAIL_LANES)))


def _count_mail(uow: UnitOfWork) -> MailFigures:
    counts = count_outbox(uow.site.store.engine)
    oldest = uow.fetch_all(_FIND_OLDEST, {"moment": now()})
    waiting, failed = ([moment for moment in moments if moment is not None] for moments in zip(*oldest, strict=True))
    return MailFigures(
        waiting=sum(counts[lane, state] for lane in MAIL_LANES for state in ("due", "later")),
        dead=sum(counts[lane, "failed"] for lane in MAIL_LANES),
        oldest_waiting=min(waiting, default=None),
        oldest_failed=min(failed, default=None),
    )
