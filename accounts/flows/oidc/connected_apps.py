"""The apps that somebody is connected to: what each may know, since when, and how to be rid of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.models.apps import App, Consent, Grant
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc.registration_form import GRANTABLE_SCOPES
from accounts.flows.shared import grants


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """One client as its user sees it.

    :ivar scopes: what it may know or do, by scopes, in the order in which users are asked.
    :ivar last_used_at: when its user last signed in to it; None when they only consented.
    :ivar opens_at: where it begins a sign-in, if it has registered that.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    since: datetime
    last_used_at: datetime | None
    opens_at: str | None


def list_connected_apps(uow: UnitOfWork, account_id: str) -> list[ConnectedApp]:
    """Return the clients that a user has consented to or signed in to, by name. Disabled ones are left out."""
    consents_query = select(Consent.app_id, Consent.scope, Consent.given_at).where(Consent.account_id == account_id)
    grants_query = select(Grant.app_id, Grant.scope, Grant.created_at).where(
        Grant.account_id == account_id, Grant.revoked_at.is_(None), Grant.expires_at > now()
    )
    consents, grants = uow.fetch_all(consents_query), uow.fetch_all(grants_query)
    ids = {row[0] for row in (*consents, *grants)}
    if not ids:
        return []
    columns = (App.id, App.name, App.initiate_login_uri)
    apps = uow.fetch_all(select(*columns).where(App.id.in_(ids), App.disabled_at.is_(None)))
    connected_apps = [
        ConnectedApp(
            app_id,
            name,
            scopes=_ordered_scopes(row[1] for row in (*consents, *grants) if row[0] == app_id),
            since=min(row[2] for row in (*consents, *grants) if row[0] == app_id),
            last_used_at=max((row[2] for row in grants if row[0] == app_id), default=None),
            opens_at=opens_at,
        )
        for app_id, name, opens_at in apps
    ]
    return sorted(connected_apps, key=lambda app: (app.name.casefold(), app.id))


def get_connected_app(uow: UnitOfWork, account_id: str, app_id: str) -> ConnectedApp:
    """Return one client that a user is connected to.

    :raises NotFound: they are not.
    """
    app = next((each for each in list_connected_apps(uow, account_id) if each.id == app_id), None)
    if app is None:
        raise NotFound("not connected to that app")
    return app


def disconnect_app(uow: UnitOfWork, account_id: str, app_id: str) -> None:
    """Revoke consent and grants of a client, and have it told.

    :raises NotFound: the user is not connected to it.
    """

    def work() -> None:
        consent = uow.session.get(Consent, (account_id, app_id))
        revoked_ids = grants.revoke_consent_and_grants(uow, account_id, app_id)
        if consent is None and not revoked_ids:
            raise NotFound("not connected to that app")
        uow.logout_events.app_disconnected(uow.session, account_id, app_id)
        uow.record_event("app.disconnected", account_id=account_id, app_id=app_id, facts={"grants": len(revoked_ids)})

    uow.attempt(work)


def _ordered_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    words = {word for scope in scopes for word in scope.split()}
    return tuple(word for word in GRANTABLE_SCOPES if word in words)
