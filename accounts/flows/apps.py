"""Other apps: registering one that sends its people here to sign in, changing it, and taking it away."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import delete, select

from accounts.core.clock import now
from accounts.core.errors import FieldError, InvalidInput, NotFound, sentence
from accounts.core.ids import new_id
from accounts.core.models_apps import NONE, App
from accounts.core.models_forward import AppOrigin
from accounts.core.uow import UnitOfWork
from accounts.flows import app_input
from accounts.flows.app_input import SCOPES, AppChange, AppInput

__all__ = ["SCOPES", "AppChange", "AppInput"]

SECRET_BYTES = 32
NO_SECRET = sentence("A public app has no secret.")


@dataclass(frozen=True, slots=True)
class Registered:
    """An app, and its secret where it has just got one: shown this once, kept only as a hash."""

    app: App
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """An app as those see it who administer."""

    app: App
    forward_origins: tuple[str, ...]


class KeepsSecret(Protocol):
    """Whatever is known of an app that may have a secret."""

    @property
    def secret_hash(self) -> str | None: ...


def register(uow: UnitOfWork, said: AppInput) -> Registered:
    """Let an app send its people here.

    :raises InvalidInput: an address that may not be registered.
    """
    kept = app_input.checked(uow, said.model_dump())
    secret = None if said.token_endpoint_auth_method == NONE else new_secret()
    with uow:
        origins = kept.pop("forward_origins")
        app = App(id=_client_id(), **kept, secret_hash=None if secret is None else hashed(secret))
        uow.session.add(app)
        uow.session.flush()
        _set_origins(uow, app, origins)
        uow.note("app.registered", app_id=app.id, facts={"name": app.name})
    return Registered(app, secret)


def change(uow: UnitOfWork, app_id: str, said: AppChange) -> Registered:
    """Change what is said about an app. One that stops being public gets a secret.

    :raises InvalidInput: an address that may not be registered.
    :raises NotFound: there is no such app.
    """
    secret = new_secret()

    def work() -> Registered:
        app = _get(uow, app_id)
        before = described(app, origins_of(uow, app_id))
        after = app_input.checked(uow, before | said.model_dump(exclude_unset=True))
        changed = sorted(name for name in after if after[name] != before[name])
        was_public = app.public
        origins = after.pop("forward_origins")
        for name, value in after.items():
            setattr(app, name, value)
        _set_origins(uow, app, origins)
        if app.public:
            app.secret_hash = None
        elif was_public:
            app.secret_hash = hashed(secret)
        if changed:
            uow.note("app.changed", app_id=app.id, facts={"changed": changed})
        return Registered(app, secret if was_public and not app.public else None)

    return uow.attempt(work)


def rotate_secret(uow: UnitOfWork, app_id: str) -> Registered:
    """Give an app a new secret; the old one is worth nothing from now on.

    :raises InvalidInput: it is public and has none.
    """
    secret = new_secret()

    def work(app: App) -> None:
        if app.public:
            error = FieldError("token_endpoint_auth_method", "public_app", NO_SECRET, {})
            raise InvalidInput("a public app", fields=[error])
        app.secret_hash = hashed(secret)
        uow.note("app.secret-changed", app_id=app.id)

    return Registered(_with(uow, app_id, work), secret)


def disable(uow: UnitOfWork, app_id: str) -> App:
    """Switch an app off: nobody signs in to it, and nothing that it holds is worth anything."""

    def work(app: App) -> None:
        if app.disabled_at is None:
            app.disabled_at = now()
            uow.note("app.disabled", app_id=app.id)

    return _with(uow, app_id, work)


def enable(uow: UnitOfWork, app_id: str) -> App:
    """Switch an app on again."""

    def work(app: App) -> None:
        if app.disabled_at is not None:
            app.disabled_at = None
            uow.note("app.enabled", app_id=app.id)

    return _with(uow, app_id, work)


def remove(uow: UnitOfWork, app_id: str) -> App:
    """Take an app away, with all that people have agreed to about it. Its id is never given to another."""

    def work(app: App) -> None:
        uow.session.delete(app)
        uow.note("app.removed", app_id=app.id, facts={"name": app.name})

    return _with(uow, app_id, work)


def listing(uow: UnitOfWork) -> list[App]:
    """All apps, by name."""
    return sorted(uow.session.scalars(select(App)), key=lambda app: (app.name.casefold(), app.id))


def find(uow: UnitOfWork, app_id: str) -> Shown:
    """One app by its client id.

    :raises NotFound: there is none.
    """
    return Shown(_get(uow, app_id), origins_of(uow, app_id))


def described(app: App, forward_origins: Iterable[str]) -> dict[str, Any]:
    """What was said about an app, in the words in which it is said."""
    said = {name: getattr(app, name) for name in AppChange.model_fields if name != "forward_origins"}
    return {**said, "forward_origins": list(forward_origins)}


def origins_of(uow: UnitOfWork, app_id: str) -> tuple[str, ...]:
    """The origins at which an app stands behind a proxy."""
    statement = select(AppOrigin.origin).where(AppOrigin.app_id == app_id).order_by(AppOrigin.origin)
    return tuple(uow.session.scalars(statement))


def new_secret() -> str:
    """A client secret: 256 random bits."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hashed(secret: str) -> str:
    """The form in which a client secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def knows_secret(app: KeepsSecret, secret: str) -> bool:
    """Whether this is the secret of the app, in a time that tells nothing about it."""
    return app.secret_hash is not None and hmac.compare_digest(hashed(secret), app.secret_hash)


def _client_id() -> str:
    # Not with a "-" in front, which a command line would take for an option.
    return next(found for found in iter(new_id, "") if found[0].isalnum())


def _with(uow: UnitOfWork, app_id: str, work: Callable[[App], None]) -> App:
    def once() -> App:
        app = _get(uow, app_id)
        work(app)
        return app

    return uow.attempt(once)


def _get(uow: UnitOfWork, app_id: str) -> App:
    found = uow.session.get(App, app_id)
    if found is None:
        raise NotFound(f"no app {app_id}")
    return found


def _set_origins(uow: UnitOfWork, app: App, origins: Iterable[str]) -> None:
    uow.session.execute(delete(AppOrigin).where(AppOrigin.app_id == app.id))
    uow.session.add_all(AppOrigin(origin=origin, app_id=app.id) for origin in origins)
