"""What others may hold of an account that was not theirs: ways to get in, and what was done by its word.

Declared once: how much there is of each, and how it is taken away. Which recovery takes what: :mod:`.recovery`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field
from sqlalchemy import BindParameter, ColumnElement, String, bindparam, delete, func, select

from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement
from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.models.apps import App, Consent, Grant
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.models.shared_invites import SharedInvite
from accounts.core.models.upstream import Identity
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import admins
from accounts.flows.shared.fields import Checkbox, Form
from accounts.flows.shared.grants import revoke_grants
from accounts.flows.shared.open_invites import GRANTS_ADMIN, void_admin_invites, void_other_invites

APPS_TO_REVIEW_NOTICE = "apps-to-review"
_CHECKBOX: dict[str, Any] = {"input": "checkbox"}


class RecoveryForm(Form):
    """What else is taken away with a recovery that asks. In JSON a field that is missing means yes."""

    identities: Checkbox = Field(
        default=True, title=N_("Disconnect other sign-in services"), json_schema_extra=_CHECKBOX
    )
    consents: Checkbox = Field(
        default=True, title=N_("Disconnect apps (they must ask for access again)"), json_schema_extra=_CHECKBOX
    )
    invites: Checkbox = Field(default=True, title=N_("Revoke open invitations"), json_schema_extra=_CHECKBOX)
    apps: Checkbox = Field(
        default=True,
        title=N_("Ask other admins to review apps registered by this account"),
        json_schema_extra=_CHECKBOX,
    )

    @property
    def kept(self) -> frozenset[str]:
        """The names of credentials that shall stay."""
        return frozenset(name for name in RecoveryForm.model_fields if not getattr(self, name))


TAKE_ALL = RecoveryForm()
Loss = int | list[str]
"""What was taken away of one credential: how many, or by what name its owner knows each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """Something that others may hold of an account.

    :ivar name: stable; the field of :class:`RecoveryForm`, where a recovery asks about it.
    :ivar title: what it is, in the table of ``docs/security.md``.
    :ivar held_in: the tables and the purposes of the signed tokens by which it is held.
    :ivar count: SQL: how many of it the account ``:account`` has at ``:moment``.
    :ivar take: takes it away in the caller's transaction. It is told since when somebody else may have held the
        account (None where nobody can tell), and how many of it are stored. None for what ends by itself when
        ``auth_epoch`` rises, which it does with every recovery.
    """

    name: str
    title: str
    held_in: tuple[str, ...]
    count: ColumnElement[Any] | None = None
    take: Callable[[UnitOfWork, Account, datetime | None, int], Loss] | None = None


_OF_ACCOUNT: BindParameter[str] = bindparam("account", type_=String)
_REGISTERED_APPS = select(AuditRow.app).where(AuditRow.actor == _OF_ACCOUNT, AuditRow.kind == "app.registered")


def _disconnect_identities(uow: UnitOfWork, account: Account, since: datetime | None, count: int) -> list[str]:
    if not count:
        return []
    statement = delete(Identity).where(Identity.account_id == account.id).returning(Identity.issuer)
    issuers = list(uow.session.scalars(statement.execution_options(synchronize_session=False)))
    for issuer in issuers:
        uow.record_event("identity.disconnected", account_id=account.id, facts={"issuer": issuer})
    # Not what the issuer calls them: whoever connected it may have chosen that, and the letter is ours.
    labels = {each.issuer: each.label for each in uow.site.settings.upstreams.values()}
    return sorted(labels.get(each) or urlsplit(each).hostname or each for each in issuers)


def _delete_consents(uow: UnitOfWork, account: Account, since: datetime | None, count: int) -> list[str]:
    if not count:
        return []
    # Their grants have ended with ``auth_epoch``, and their clients are told; no list shall show them any more.
    revoke_grants(uow, Grant.account_id == account.id)
    statement = delete(Consent).where(Consent.account_id == account.id).returning(Consent.app_id)
    app_ids = list(uow.session.scalars(statement.execution_options(synchronize_session=False)))
    for app_id in app_ids:
        uow.record_event("app.disconnected", account_id=account.id, app_id=app_id)
    return sorted(uow.session.scalars(select(App.name).where(App.id.in_(app_ids))))


def _void_admin_invites(uow: UnitOfWork, account: Account, since: datetime | None, count: int) -> int:
    return void_admin_invites(uow, account, count)


def _void_other_invites(uow: UnitOfWork, account: Account, since: datetime | None, count: int) -> int:
    return void_other_invites(uow, account, since, count)


def _name_apps(uow: UnitOfWork, account: Account, since: datetime | None, count: int) -> list[str]:
    """Tell the other admins which apps were registered from an account: nobody else could tell its owner's apart."""
    if not count:
        return []
    registered = select(App.name).where(App.id.in_(_REGISTERED_APPS))
    names = sorted(uow.session.scalars(registered, {"account": account.id}))
    for admin_id, locale in admins.list_admins(uow, except_id=account.id):
        facts = {"account": account.id, "apps": names, "asked": {"network": "", "agent": ""}}
        uow.enqueue(APPS_TO_REVIEW_NOTICE, admin_id, facts, locale)
    return names


_OPEN_INVITES = (
    select(func.count())
    .select_from(SentInvite)
    .where(SentInvite.inviter_id == _OF_ACCOUNT, SentInvite.undecided, SentInvite.expires_at >= bindparam("moment"))
)

_OPEN_SHARED_INVITES = (
    select(func.count())
    .select_from(SharedInvite)
    .where(
        SharedInvite.inviter_id == _OF_ACCOUNT,
        SharedInvite.revoked_at.is_(None),
        SharedInvite.expires_at >= bindparam("moment"),
    )
)

CREDENTIALS: tuple[Credential, ...] = (
    Credential(
        name="sessions",
        title="Sessions, also at apps behind forward-auth",
        held_in=("session", "csrf", "forward-pass", "forward-visit", "signed-out"),
    ),
    Credential(name="devices", title="Known devices", held_in=("device",)),
    Credential(
        name="grants",
        title="Codes and tokens of apps, also for offline access",
        held_in=("grants", "app_logouts", "oauth-code", "oauth-access", "oauth-refresh"),
    ),
    Credential(
        name="links",
        title="Mailed links that sign in, change the address or close the account",
        held_in=("sign-in", "reset-password", "change-email", "close-account"),
    ),
    Credential(
        name="identities",
        title="Connected sign-ins of other services",
        held_in=("identities",),
        count=select(func.count()).select_from(Identity).where(Identity.account_id == _OF_ACCOUNT).scalar_subquery(),
        take=_disconnect_identities,
    ),
    Credential(
        name="consents",
        title="Consents given to apps",
        held_in=("consents",),
        count=select(func.count()).select_from(Consent).where(Consent.account_id == _OF_ACCOUNT).scalar_subquery(),
        take=_delete_consents,
    ),
    Credential(
        name="admin_invites",
        title="Open invitations into `admins` that it has issued",
        held_in=("sent_invites", "invite"),
        count=_OPEN_INVITES.where(GRANTS_ADMIN).scalar_subquery(),
        take=_void_admin_invites,
    ),
    Credential(
        name="invites",
        title="Other open invitations that it has issued, also those for several people",
        held_in=("sent_invites", "invite", "shared_invites", "shared-invite", "join-shared"),
        count=_OPEN_INVITES.where(~GRANTS_ADMIN).scalar_subquery() + _OPEN_SHARED_INVITES.scalar_subquery(),
        take=_void_other_invites,
    ),
    Credential(
        name="apps",
        title="Apps that it has registered",
        held_in=("apps", "app_origins"),
        count=select(func.count()).select_from(App).where(App.id.in_(_REGISTERED_APPS)).scalar_subquery(),
        take=_name_apps,
    ),
)
"""All of them. Each recovery says what becomes of each; one without a word for a new one does not start."""

_COUNTS = {each.name: each.count for each in CREDENTIALS if each.count is not None}
_SELECT_COUNTS = CompiledStatement(select(*(count.label(name) for name, count in _COUNTS.items())))


def count_credentials(uow: UnitOfWork, account_id: str) -> Mapping[str, int]:
    """Return how many there are of what does not end by itself, by the name of the credential, in one statement."""
    (row,) = uow.execute(_SELECT_COUNTS, {"account": account_id, "moment": now()})
    return dict(zip(_COUNTS, row, strict=True))


def count_asked(uow: UnitOfWork, account_id: str) -> Mapping[str, int]:
    """Return how many there are of what a recovery may ask about, by the name of the field."""
    counts = count_credentials(uow, account_id)
    return {name: counts[name] for name in RecoveryForm.model_fields}
