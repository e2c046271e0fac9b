"""Who may use an app: the rules of its registration, each declared once.

What lets people in (:func:`may_use_app`) and what tells them or an admin why not go through the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from accounts.core.models.apps import App


class HasAdmission(Protocol):
    """Whatever says who may use an app. As the columns of the same name."""

    @property
    def allowed_groups(self) -> Sequence[str]:
        """The groups it is for; empty for everybody."""

    @property
    def allowed_email_domain(self) -> str | None:
        """The one domain it is for; None for every domain."""

    @property
    def invited_only(self) -> bool:
        """Whether it is for whoever was invited or let in."""


class HasStanding(Protocol):
    """Whatever says what an account is judged by."""

    @property
    def groups(self) -> Sequence[str]:
        """The groups that it is in."""

    @property
    def email(self) -> str:
        """Its address."""

    @property
    def email_verified(self) -> bool:
        """Whether its mailbox was proven."""

    @property
    def invited(self) -> bool:
        """Whether it was invited, or let in by an admin or an operator."""


@dataclass(frozen=True, slots=True)
class AppAdmission:
    """Who may use an app, read by itself. Its fields in order are :data:`ADMISSION_COLUMNS`."""

    allowed_groups: Sequence[str]
    allowed_email_domain: str | None
    invited_only: bool


ADMISSION_COLUMNS = (App.allowed_groups, App.allowed_email_domain, App.invited_only)


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account is judged by, read by itself."""

    groups: Sequence[str]
    email: str
    email_verified: bool
    invited: bool


@dataclass(frozen=True, slots=True)
class AdmissionRule:
    """One thing that an app may ask of those who use it.

    :ivar name: stable; answers and pages know it by this.
    :ivar applies: whether a registration asks for it at all.
    :ivar is_met: whether an account meets it, where it applies.
    """

    name: str
    applies: Callable[[HasAdmission], bool]
    is_met: Callable[[HasAdmission, HasStanding], bool]


GROUPS_RULE = AdmissionRule(
    "groups",
    applies=lambda app: bool(app.allowed_groups),
    is_met=lambda app, user: not set(app.allowed_groups).isdisjoint(user.groups),
)
DOMAIN_RULE = AdmissionRule(
    "email_domain",
    applies=lambda app: app.allowed_email_domain is not None,
    is_met=lambda app, user: user.email.rpartition("@")[2].lower() == app.allowed_email_domain,
)
PROVEN_RULE = AdmissionRule(
    "email_verified",
    # An address that was only typed says nothing about whose it is: it must not open what is for its domain.
    applies=lambda app: app.allowed_email_domain is not None,
    is_met=lambda app, user: user.email_verified,
)
INVITED_RULE = AdmissionRule("invited", applies=lambda app: app.invited_only, is_met=lambda app, user: user.invited)
ADMISSION_RULES = (INVITED_RULE, GROUPS_RULE, DOMAIN_RULE, PROVEN_RULE)
"""All of them, in the order in which the first that is not met is told."""


def find_unmet_rule(app: HasAdmission, user: HasStanding) -> AdmissionRule | None:
    """Return the first rule that keeps an account out of an app; None where it gets in."""
    return next((rule for rule in ADMISSION_RULES if rule.applies(app) and not rule.is_met(app, user)), None)


def may_use_app(app: HasAdmission, user: HasStanding) -> bool:
    """Return whether an account may use an app."""
    return find_unmet_rule(app, user) is None
