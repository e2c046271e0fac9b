"""Other apps: registering one that sends its people here to sign in."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from accounts.core.models_apps import BASIC, NONE, RS256, WEB, App
from accounts.core.uow import UnitOfWork
from accounts.flows.inputs import Asks

SECRET_BYTES = 32
SCOPES = ("profile", "email", "groups", "offline_access")
"""What an app may be allowed to ask for beside ``openid``."""


class AppInput(Asks):
    """What is said about an app when it is registered; the columns of :class:`App` say what each means."""

    name: str = Field(min_length=1, max_length=100)
    application_type: Literal["web", "native"] = WEB
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post", "none"] = BASIC
    redirect_uris: list[str] = Field(min_length=1)
    post_logout_redirect_uris: list[str] = Field(default_factory=list)
    backchannel_logout_uri: str | None = None
    initiate_login_uri: str | None = None
    allowed_groups: list[str] = Field(default_factory=list)
    trusted: bool = False
    require_pkce: bool = True
    scopes: list[str] = Field(default_factory=lambda: list(SCOPES))
    claims: list[str] = Field(default_factory=list)
    id_token_signed_response_alg: Literal["RS256", "ES256", "EdDSA"] = RS256
    access_token_seconds: int = Field(default=600, ge=60, le=86400)
    id_token_seconds: int = Field(default=3600, ge=60, le=86400)
    refresh_token_seconds: int = Field(default=30 * 86400, ge=3600, le=366 * 86400)


@dataclass(frozen=True, slots=True)
class Registered:
    """A new app, and its secret: shown this once, kept only as a hash. None for a public client."""

    app: App
    secret: str | None = field(repr=False)


def register(uow: UnitOfWork, said: AppInput) -> Registered:
    """Let an app send its people here."""
    public = said.token_endpoint_auth_method == NONE
    secret = None if public else secrets.token_urlsafe(SECRET_BYTES)
    with uow:
        app = App(**said.model_dump(), secret_hash=None if secret is None else hashed(secret))
        uow.session.add(app)
        uow.session.flush()
        uow.note("app.registered", facts={"app": app.id, "name": app.name})
    return Registered(app, secret)


def hashed(secret: str) -> str:
    """The form in which a client secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def knows_secret(app: App, secret: str) -> bool:
    """Whether this is the secret of the app, in a time that tells nothing about it."""
    return app.secret_hash is not None and hmac.compare_digest(hashed(secret), app.secret_hash)
