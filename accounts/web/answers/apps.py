"""Answers about other apps: for their users, and for admins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field

from accounts.core.models.apps import App
from accounts.core.models.logout import CONFIRMED, WAITING
from accounts.flows.oidc import registration
from accounts.flows.oidc.backchannel import ClientLogout
from accounts.web.answers.base import Answer, Timestamp, is_none


class ConnectedAppOut(Answer):
    """One app that an account is connected to."""

    id: str
    name: str
    scopes: tuple[str, ...]
    since: Timestamp
    last_used_at: Timestamp | None
    opens_at: str | None


class ConnectedAppsOut(Answer):
    """The apps that an account is connected to."""

    apps: tuple[ConnectedAppOut, ...]


class AppLogoutStateOut(Answer):
    """What became of telling one app about a sign-out, for whoever signed out: not the app's answer."""

    name: str
    state: str


class LogoutStatusOut(Answer):
    """Which apps have confirmed a sign-out."""

    apps: int
    confirmed: int
    waiting: int
    logouts: tuple[AppLogoutStateOut, ...]

    @classmethod
    def from_logouts(cls, logouts: Sequence[ClientLogout]) -> LogoutStatusOut:
        """Return the answer about one sign-out."""
        return cls(
            apps=len(logouts),
            confirmed=sum(each.state == CONFIRMED for each in logouts),
            waiting=sum(each.state == WAITING for each in logouts),
            logouts=tuple(AppLogoutStateOut.model_validate(each) for each in logouts),
        )


class ClientLogoutOut(Answer):
    """What one app was told, and whether it has confirmed, for admins."""

    app: str
    name: str
    state: str
    at: Timestamp
    answered_at: Timestamp | None
    answer: str


class AppOut(Answer):
    """An app as admins see it: everything but its secret."""

    id: str
    issuer: str
    name: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    backchannel_logout_uri: str | None
    initiate_login_uri: str | None
    forward_origins: tuple[str, ...]
    allowed_groups: tuple[str, ...]
    allowed_email_domain: str | None
    invited_only: bool
    contact: str | None
    trusted: bool
    require_pkce: bool
    application_type: str
    token_endpoint_auth_method: str
    scopes: tuple[str, ...]
    claims_in_id_token: bool
    claims: tuple[str, ...]
    preferred_username: str
    id_token_signed_response_alg: str
    access_token_seconds: int
    id_token_seconds: int
    refresh_token_seconds: int
    created_at: Timestamp
    disabled_at: Timestamp | None
    old_secret_until: Timestamp | None
    sends_pkce: bool | None
    sends_nonce: bool | None
    observed_at: Timestamp | None
    logo: str | None

    @classmethod
    def from_app(cls, app: App, forward_origins: Iterable[str], issuer: str) -> AppOut:
        """Return the answer about a registered app."""
        return cls(**_app_fields(app, forward_origins, issuer))


class AppsOut(Answer):
    """The registered apps, by name."""

    apps: tuple[AppOut, ...]


class AppDetailsOut(AppOut):
    """One app, and how it took the last logouts."""

    logouts: tuple[ClientLogoutOut, ...]

    @classmethod
    def from_details(
        cls, app: App, forward_origins: Iterable[str], issuer: str, logouts: Iterable[ClientLogout]
    ) -> AppDetailsOut:
        """Return the answer about a registered app, with its last logouts."""
        told = tuple(ClientLogoutOut.model_validate(each) for each in logouts)
        return cls(**_app_fields(app, forward_origins, issuer), logouts=told)


class AppWithSecretOut(AppOut):
    """An app and its new secret, which is never shown again. Null for a public app, which has none."""

    secret: str | None

    @classmethod
    def from_secret(
        cls, app: App, forward_origins: Iterable[str], issuer: str, secret: str | None
    ) -> AppWithSecretOut:
        """Return the answer about an app that has just got a secret."""
        return cls(**_app_fields(app, forward_origins, issuer), secret=secret)


class ChangedAppOut(AppOut):
    """An app after a change. One that was public until then gets a secret, which is never shown again."""

    secret: str | None = Field(default=None, exclude_if=is_none)

    @classmethod
    def from_change(cls, app: App, forward_origins: Iterable[str], issuer: str, secret: str | None) -> ChangedAppOut:
        """Return the answer about an app that was changed."""
        return cls(**_app_fields(app, forward_origins, issuer), secret=secret)


def _app_fields(app: App, forward_origins: Iterable[str], issuer: str) -> dict[str, Any]:
    return {
        "id": app.id,
        "issuer": issuer,
        **registration.describe_app(app, forward_origins),
        "created_at": app.created_at,
        "disabled_at": app.disabled_at,
        "sends_pkce": app.sends_pkce,
        "sends_nonce": app.sends_nonce,
        "observed_at": app.observed_at,
        "logo": app.logo,
        "old_secret_until": registration.old_secret_valid_until(app),
    }
