"""Explain to admins why somebody gets into an app or not: by the rules that decide it, each with what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import Field

from accounts.core.errors import InvalidInput, NotFound
from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.models.apps import App
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import registration
from accounts.flows.shared import accounts
from accounts.flows.shared.admission import ADMISSION_RULES, DOMAIN_RULE, GROUPS_RULE, AdmissionRule, Standing
from accounts.flows.shared.fields import Form, SearchText

APP_ENABLED, ACCOUNT_ENABLED = "app_enabled", "account_enabled"
STATE_RULES: Mapping[str, Callable[[App, Account], bool]] = {
    APP_ENABLED: lambda app, account: app.disabled_at is None,
    ACCOUNT_ENABLED: lambda app, account: account.active,
}
"""What holds for every app. It is decided where app and account are read, by conditions of SQL."""
NOBODY_MESSAGE = N_("No account has this email address or ID.")


class AppAccessForm(Form):
    """Whose access to an app is in question."""

    who: SearchText = Field(
        title=N_("Email address or ID of the account"),
        min_length=1,
        max_length=254,
        json_schema_extra={"maxlength": 254},
    )


@dataclass(frozen=True, slots=True)
class AccessFinding:
    """What one rule says about one account and one app.

    :ivar rule: its name.
    :ivar applies: whether the app asks for it. One that does not apply keeps nobody out.
    :ivar met: whether the account meets it.
    :ivar wanted: what the app asks for: groups, or a mail domain.
    :ivar found: what the account has of that kind.
    """

    rule: str
    applies: bool
    met: bool
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppAccess:
    """Whether one account gets into one app, rule by rule."""

    app_id: str
    app_name: str
    account_id: str
    email: str
    findings: tuple[AccessFinding, ...]

    @property
    def allowed(self) -> bool:
        """Whether it gets in."""
        return all(each.met or not each.applies for each in self.findings)


def explain_access(uow: UnitOfWork, app_id: str, form: AppAccessForm) -> AppAccess:
    """Return whether somebody gets into an app, and which rule keeps them out.

    :raises NotFound: there is no such app.
    :raises InvalidInput: nobody has this address or id.
    """
    app = registration.get_app(uow, app_id).app
    try:
        account = accounts.find_account(uow, form.who.strip())
    except NotFound:
        raise InvalidInput.for_field("no such account", "who", "nobody", NOBODY_MESSAGE) from None
    return _explain(app, account)


def list_access(uow: UnitOfWork, account_id: str) -> list[AppAccess]:
    """Return whether an account gets into each app, by the names of the apps.

    :raises NotFound: there is no such account.
    """
    account = accounts.get_account(uow, account_id)
    return [_explain(app, account) for app in registration.list_apps(uow)]


def _explain(app: App, account: Account) -> AppAccess:
    standing = Standing(account.groups, account.email, not account.email_unproven, account.invited)
    states = [AccessFinding(name, applies=True, met=is_met(app, account)) for name, is_met in STATE_RULES.items()]
    rules = [_apply_rule(rule, app, standing) for rule in ADMISSION_RULES]
    return AppAccess(app.id, app.name, account.id, account.email, (*states, *rules))


def _apply_rule(rule: AdmissionRule, app: App, standing: Standing) -> AccessFinding:
    wanted, found = _compare(rule, app, standing)
    applies = rule.applies(app)
    return AccessFinding(rule.name, applies, not applies or rule.is_met(app, standing), wanted, found)


def _compare(rule: AdmissionRule, app: App, standing: Standing) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if rule is GROUPS_RULE:
        return tuple(app.allowed_groups), tuple(standing.groups)
    if rule is DOMAIN_RULE and app.allowed_email_domain is not None:
        return (app.allowed_email_domain,), (standing.email.rpartition("@")[2],)
    return (), ()
