"""The audit log of an account as its owner reads it: only what concerns them, in words, and nobody else in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, and_, select

from accounts.core.database.page import Keyset, Page
from accounts.core.messages import N_
from accounts.core.models.apps import App
from accounts.core.models.audit import AuditRow
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.labels import EVENT_LABELS
from accounts.flows.sessions.session import SIGN_IN_EVENT
from accounts.flows.shared.fields import PageForm

SIGN_INS, SECURITY, APPS, PROFILE = "sign-ins", "security", "apps", "profile"
ActivityGroup = Literal["", "sign-ins", "security", "apps", "profile"]
GROUP_LABELS: Mapping[str, str] = {
    "": N_("All activity"),
    SIGN_INS: N_("Sign-ins"),
    SECURITY: N_("Security"),
    APPS: N_("Apps"),
    PROFILE: N_("Profile"),
}
KINDS_OF_GROUP: Mapping[str, tuple[str, ...]] = {
    SIGN_INS: (
        SIGN_IN_EVENT, "sign-in.by-mail", "sign-in.failed", "sign-in.mail-asked", "sign-out", "sign-out.everywhere",
        "sign-out.others", "session.ended",
    ),
    SECURITY: (
        "account.disabled", "account.enabled", "account.locked", "account.recovered", "account.reset-sent",
        "account.unlocked", "confirm.refused", "email.change-asked", "email.changed", "email.restored",
        "identity.connected", "identity.disconnected", "identity.refused", "not-me", "password.changed",
        "password.refused", "password.reset", "password.reset-asked", "account.close-asked", "account.close-refused",
    ),
    APPS: (
        "app.code-replayed", "app.consent", "app.disconnected", "app.entered", "app.refresh-replayed", "app.refused",
        "app.revoked", "app.sign-in",
    ),
    PROFILE: (
        "account.activated", "account.exported", "account.groups", "account.imported", "account.let-in",
        "account.profile", "invite.accepted", "shared-invite.used",
    ),
}  # fmt: skip
"""What is about an account, and not about what its owner does to others as an admin."""
OWN_KINDS = tuple(kind for kinds in KINDS_OF_GROUP.values() for kind in kinds)
OWN_LABELS: Mapping[str, str] = {
    SIGN_IN_EVENT: N_("You signed in"),
    "sign-in.by-mail": N_("You used a sign-in link"),
    "sign-out": N_("You signed out"),
    "password.changed": N_("You changed your password"),
    "password.reset": N_("You reset your password by email"),
    "app.consent": N_("You gave an app access"),
    "app.disconnected": N_("You disconnected an app"),
    "account.profile": N_("You changed your profile"),
    "account.exported": N_("You viewed your data"),
    "account.activated": N_("You created this account"),
}
"""Where the words for the owner are others than those for admins."""
NEWEST_FIRST = Keyset((AuditRow.at, AuditRow.id), descending=True)


class ActivityForm(PageForm):
    """Which kinds, and which page."""

    group: ActivityGroup = Field(default="", title=N_("Show"))


@dataclass(frozen=True, slots=True)
class ActivityEvent:
    """One line as the owner reads it.

    :ivar text: to be translated.
    :ivar by: ``you``; ``admin``, who is not named; or "" for whom nobody knows: a visitor, a mailed link, the worker.
    :ivar network, agent: "" where an admin acted: from where is the admin's own data.
    :ivar app: name of the app that it is about; "" for none, or one that is gone.
    """

    at: datetime
    id: str
    kind: str
    group: str
    text: str
    by: str
    network: str
    agent: str
    app: str


def is_own_activity() -> ColumnElement[bool]:
    """Return the condition that a line is shown to the owner of its account."""
    is_renewal = and_(AuditRow.kind == SIGN_IN_EVENT, AuditRow.facts["renewed"].as_boolean().is_not(None))
    return and_(AuditRow.kind.in_(OWN_KINDS), ~is_renewal)


def list_activity(uow: UnitOfWork, account_id: str, form: ActivityForm) -> Page[ActivityEvent]:
    """Return one page of what happened to an account, newest first. Reads only, in one SQL statement."""
    columns: tuple[Any, ...] = (
        AuditRow.at,
        AuditRow.id,
        AuditRow.kind,
        AuditRow.actor,
        AuditRow.network,
        AuditRow.agent,
        App.name,
    )
    conditions = [AuditRow.account_id == account_id, is_own_activity()]
    if form.group:
        conditions.append(AuditRow.kind.in_(KINDS_OF_GROUP[form.group]))
    statement = select(*columns).outerjoin(App, App.id == AuditRow.app).where(*conditions)
    page = NEWEST_FIRST.fetch_page(
        uow.fetch_all,
        statement,
        limit=form.limit,
        after=NEWEST_FIRST.parse_cursor(form.after),
    )
    return Page([_build_event(account_id, *row) for row in page.rows], page.next)


def _build_event(
    account_id: str, at: datetime, id: str, kind: str, actor: str | None, network: str, agent: str, app: str | None
) -> ActivityEvent:
    by = "you" if actor == account_id else "admin" if actor else ""
    place = ("", "") if by == "admin" else (network, agent)
    text = EVENT_LABELS[kind] if by == "admin" else OWN_LABELS.get(kind, EVENT_LABELS[kind])
    return ActivityEvent(at, id, kind, _GROUP_OF_KIND[kind], text, by, *place, app or "")


_GROUP_OF_KIND = {kind: group for group, kinds in KINDS_OF_GROUP.items() for kind in kinds}
