"""Answers about what an admin looks at first."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from accounts.flows.helpdesk.overview import Overview
from accounts.web.answers.base import Answer, Timestamp
from accounts.web.answers.mail import MailCountsOut


class AccountFiguresOut(Answer):
    """How many accounts there are; those of ``locked`` are active, too. ``new``: of the last 7 days."""

    total: int
    active: int
    disabled: int
    locked: int
    new: int


class SignInFiguresOut(Answer):
    """What happened on one day in UTC. ``failed``: wrong passwords."""

    day: date
    count: int
    failed: int

    @property
    def total(self) -> int:
        """All attempts, for the height of the plot."""
        return self.count + self.failed


class InvitationFiguresOut(Answer):
    """How many invitations are in each state."""

    open: int
    accepted: int
    expired: int


class MailFiguresOut(MailCountsOut):
    """How many emails wait and were given up, and since when the oldest of each does; null where there is none."""

    oldest_waiting: Timestamp | None
    oldest_failed: Timestamp | None


class HealthOut(Answer):
    """How the installation is, as ``/health/ready`` says it."""

    status: Literal["ok", "degraded", "not ready"]
    reasons: tuple[str, ...] = Field(description="codes")


class OverviewOut(Answer):
    """What an admin looks at first. Large figures are counted up to a bound."""

    accounts: AccountFiguresOut
    sign_ins: tuple[SignInFiguresOut, ...] = Field(description="by day, oldest first; the last is today")
    invitations: InvitationFiguresOut
    mail: MailFiguresOut
    health: HealthOut

    @classmethod
    def from_overview(cls, overview: Overview) -> OverviewOut:
        """Return the answer about an overview."""
        health = overview.health
        reasons = tuple(dict.fromkeys(each["code"] for each in health.list_reasons()))
        return cls(
            accounts=AccountFiguresOut.model_validate(overview.accounts),
            sign_ins=tuple(map(SignInFiguresOut.model_validate, overview.sign_ins)),
            invitations=InvitationFiguresOut.model_validate(overview.invitations),
            mail=MailFiguresOut.model_validate(overview.mail),
            health=HealthOut(status=health.status, reasons=reasons),
        )
