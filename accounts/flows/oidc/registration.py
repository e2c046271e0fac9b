"""Register, change, disable and remove clients."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import delete, select

from accounts.core.clock import now
from accounts.core.errors import InvalidInput, NotFound
from accounts.core.ids import new_id
from accounts.core.messages import N_
from accounts.core.models.apps import NO_CLIENT_SECRET, App, Grant
from accounts.core.models.forward_auth import AppOrigin
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import registration_form
from accounts.flows.oidc.registration_form import (
    WRONG_NAME_MESSAGE,
    ChangeAppForm,
    RegisterAppForm,
    RemoveAppForm,
    RenewSecretForm,
)
from accounts.flows.shared import grants

CLIENT_SECRET_BYTES = 32
OLD_SECRET_TTL = timedelta(hours=24)
"""How long the secret before is good beside a new one."""
NO_SECRET_MESSAGE = N_("A public app has no client secret.")


@dataclass(frozen=True, slots=True)
class RegisteredApp:
    """An app, and its secret where it has just got one: shown this once, kept only as a hash."""

    app: App
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AppDetails:
    """An app as those see it who administer."""

    app: App
    forward_origins: tuple[str, ...]


class HasClientSecret(Protocol):
    """Whatever is known of an app that may have a secret."""

    @property
    def secret_hash(self) -> str | None:
        """The digest of the secret; None for a public client."""

    @property
    def old_secret_hash(self) -> str | None:
        """The digest of the secret before; None where there is none."""

    @property
    def old_secret_until(self) -> datetime | None:
        """Until when the secret before is valid; None where there is none."""


def register_app(uow: UnitOfWork, form: RegisterAppForm) -> RegisteredApp:
    """Register a client.

    :raises InvalidInput: an address that may not be registered.
    """
    values = registration_form.validate_app(uow, form.model_dump(include=set(RegisterAppForm.model_fields)))
    secret = None if form.token_endpoint_auth_method == NO_CLIENT_SECRET else make_client_secret()
    with uow:
        origins = values.pop("forward_origins")
        app = App(id=new_id(), **values, secret_hash=None if secret is None else hash_client_secret(secret))
        uow.session.add(app)
        uow.session.flush()
        _replace_origins(uow, app, origins)
        uow.record_event("app.registered", app_id=app.id, facts={"name": app.name})
    return RegisteredApp(app, secret)


def change_app(uow: UnitOfWork, app_id: str, form: ChangeAppForm) -> RegisteredApp:
    """Change the registration of a client. One that stops being public gets a secret.

    :raises InvalidInput: an address that may not be registered.
    :raises NotFound: there is no such client.
    """
    secret = make_client_secret()

    def work() -> RegisteredApp:
        app = get_app_row(uow, app_id)
        before = describe_app(app, list_forward_origins(uow, app_id))
        after = registration_form.validate_app(uow, before | form.model_dump(exclude_unset=True))
        changed = sorted(name for name in after if after[name] != before[name])
        was_public = app.public
        origins = after.pop("forward_origins")
        for name, value in after.items():
            setattr(app, name, value)
        _replace_origins(uow, app, origins)
        if app.public:
            app.secret_hash = app.old_secret_hash = app.old_secret_until = None
        elif was_public:
            app.secret_hash = hash_client_secret(secret)
        if changed:
            uow.record_event("app.changed", app_id=app.id, facts={"changed": changed})
        return RegisteredApp(app, secret if was_public and not app.public else None)

    return uow.attempt(work)


def rotate_client_secret(uow: UnitOfWork, app_id: str, form: RenewSecretForm | None = None) -> RegisteredApp:
    """Give an app a new secret. The one it had is good for a day more, so that the app need not be down meanwhile.

    :raises InvalidInput: it is public and has none.
    """
    secret = make_client_secret()
    overlap = timedelta() if form is not None and form.at_once else OLD_SECRET_TTL

    def work(app: App) -> None:
        if app.public:
            raise InvalidInput.for_field(
                "a public app", "token_endpoint_auth_method", "public_app", NO_SECRET_MESSAGE
            )
        _keep_old_secret(app, now() + overlap)
        app.secret_hash = hash_client_secret(secret)
        uow.record_event("app.secret-changed", app_id=app.id, facts={"overlap": int(overlap.total_seconds())})

    return RegisteredApp(attempt_on_app(uow, app_id, work), secret)


def end_old_client_secret(uow: UnitOfWork, app_id: str) -> App:
    """Have the secret before the one that is good now be worth nothing, at once.

    :raises NotFound: there is none that would be.
    """

    def work(app: App) -> None:
        if old_secret_valid_until(app) is None:
            raise NotFound("no old secret is good")
        app.old_secret_hash = app.old_secret_until = None
        uow.record_event("app.old-secret-ended", app_id=app.id)

    return attempt_on_app(uow, app_id, work)


def disable_app(uow: UnitOfWork, app_id: str) -> App:
    """Disable a client: nobody signs in to it, all that it holds is revoked, and it is told so."""

    def work(app: App) -> None:
        if app.disabled_at is None:
            app.disabled_at = now()
            uow.record_event(
                "app.disabled", app_id=app.id, facts={"grants": _revoke_app_grants(uow, app, deleted=False)}
            )

    return attempt_on_app(uow, app_id, work)


def enable_app(uow: UnitOfWork, app_id: str) -> App:
    """Switch an app on again. People sign in to it anew; what they have agreed to holds still."""

    def work(app: App) -> None:
        if app.disabled_at is not None:
            app.disabled_at = None
            uow.record_event("app.enabled", app_id=app.id)

    return attempt_on_app(uow, app_id, work)


def remove_app(uow: UnitOfWork, app_id: str, form: RemoveAppForm | None = None) -> App:
    """Remove a client with all consents to it, and have it told. Its id is never used again.

    :param form: the name as somebody has typed it; None where no page has asked.
    :raises InvalidInput: that is not its name.
    """

    def work(app: App) -> None:
        if form is not None and form.name.strip() != app.name.strip():
            raise InvalidInput.for_field("another name", "name", "other_name", WRONG_NAME_MESSAGE)
        facts = {"name": app.name, "grants": _revoke_app_grants(uow, app, deleted=True)}
        uow.session.delete(app)
        uow.record_event("app.removed", app_id=app.id, facts=facts)

    return attempt_on_app(uow, app_id, work)


def list_apps(uow: UnitOfWork) -> list[App]:
    """All apps, by name."""
    return sorted(uow.session.scalars(select(App)), key=lambda app: (app.name.casefold(), app.id))


def get_app(uow: UnitOfWork, app_id: str) -> AppDetails:
    """One app by its client id.

    :raises NotFound: there is none.
    """
    return AppDetails(get_app_row(uow, app_id), list_forward_origins(uow, app_id))


def describe_app(app: App, forward_origins: Iterable[str]) -> dict[str, Any]:
    """Return the registration of a client, by the names of the form."""
    values = {name: getattr(app, name) for name in ChangeAppForm.model_fields if name != "forward_origins"}
    return {**values, "forward_origins": list(forward_origins)}


def list_forward_origins(uow: UnitOfWork, app_id: str) -> tuple[str, ...]:
    """Return the origins at which a client stands behind a proxy."""
    statement = select(AppOrigin.origin).where(AppOrigin.app_id == app_id).order_by(AppOrigin.origin)
    return tuple(uow.session.scalars(statement))


def make_client_secret() -> str:
    """Return a client secret: 256 random bits."""
    return secrets.token_urlsafe(CLIENT_SECRET_BYTES)


def hash_client_secret(secret: str) -> str:
    """Return the form in which a client secret is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _NoClient:
    """A client that nobody knows the secret of, to compare with where there is none."""

    secret_hash: str = "0" * 64
    old_secret_hash: None = None
    old_secret_until: None = None


NO_CLIENT: HasClientSecret = _NoClient()


def verify_client_secret(app: HasClientSecret, secret: str) -> bool:
    """Whether this is the secret of the app, or the one before for as long as that is good.

    In a time that tells nothing about either.
    """
    valid_hashes = [app.secret_hash, app.old_secret_hash if old_secret_valid_until(app) else None]
    presented_hash = hash_client_secret(secret)
    return any(hmac.compare_digest(presented_hash, each) for each in valid_hashes if each is not None)


def old_secret_valid_until(app: HasClientSecret) -> datetime | None:
    """Until when the secret before is good; None where it is not."""
    return app.old_secret_until if app.old_secret_until is not None and app.old_secret_until > now() else None


def _keep_old_secret(app: App, until: datetime) -> None:
    is_kept = until > now()
    app.old_secret_hash, app.old_secret_until = (app.secret_hash, until) if is_kept else (None, None)


def attempt_on_app(uow: UnitOfWork, app_id: str, work: Callable[[App], None]) -> App:
    """Return an app after some work on it, in a transaction of its own.

    :raises NotFound: there is none of that client id.
    """

    def once() -> App:
        app = get_app_row(uow, app_id)
        work(app)
        return app

    return uow.attempt(once)


def _revoke_app_grants(uow: UnitOfWork, app: App, *, deleted: bool) -> int:
    grants.lock_app(uow, app.id)
    revoked_ids = grants.revoke_grants(uow, Grant.app_id == app.id)
    uow.logout_events.app_disabled(uow.session, app.id, deleted=deleted)
    return len(revoked_ids)


def get_app_row(uow: UnitOfWork, app_id: str) -> App:
    """Return an app.

    :raises NotFound: there is none of that client id.
    """
    app = uow.session.get(App, app_id)
    if app is None:
        raise NotFound(f"no app {app_id}")
    return app


def _replace_origins(uow: UnitOfWork, app: App, origins: Iterable[str]) -> None:
    uow.session.execute(delete(AppOrigin).where(AppOrigin.app_id == app.id))
    uow.session.add_all(AppOrigin(origin=origin, app_id=app.id) for origin in origins)
