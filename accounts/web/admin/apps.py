"""What admins do about other apps: register, change, give a new secret, switch off, take away, try."""

from __future__ import annotations

from typing import Any

from flask import request

from accounts.core.models.apps import App
from accounts.flows.oidc import app_logo, backchannel, registration
from accounts.flows.oidc.app_logo import MAX_LOGO_BYTES, AppLogoForm
from accounts.flows.oidc.registration import RegisteredApp
from accounts.flows.oidc.registration_form import ChangeAppForm, RegisterAppForm, RenewSecretForm
from accounts.web.answers.apps import AppDetailsOut, AppOut, AppsOut, AppWithSecretOut, ChangedAppOut
from accounts.web.kit.context import site, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.request_state import MAX_BODY_BYTES
from accounts.web.kit.routes import page_url

MAX_LOGO_REQUEST_BYTES = MAX_LOGO_BYTES * 4 // 3 + MAX_BODY_BYTES
"""As Base64 in JSON a file is a third longer."""
PAGE_WITHOUT_LOGOUTS = {"done": "secret", "logouts": ()}


def list_apps() -> Reply:
    """Other apps, by name."""
    body = AppsOut(apps=tuple(_app_body(app) for app in registration.list_apps(uow())))
    return Reply(template="admin/apps.html", json=body)


def add_app(form: RegisterAppForm) -> Reply:
    """Register an app. The answer holds its secret, which is never shown again."""
    return _secret_reply(registration.register_app(uow(), form), 201)


def show_app(app_id: str) -> Reply:
    """One app, and how it took the last logouts."""
    details = registration.get_app(uow(), app_id)
    logouts = backchannel.list_logouts_of_app(uow(), app_id)
    body = AppDetailsOut.from_details(details.app, details.forward_origins, _issuer(), logouts)
    return Reply(template="admin/app.html", json=body, context={"done": request.args.get("done", ""), "secret": None})


def app_context(app_id: str) -> dict[str, Any]:
    """Return the app that a form is about, and what it has now."""
    details = registration.get_app(uow(), app_id)
    return {"given": registration.describe_app(details.app, details.forward_origins), "app_id": app_id}


def change_app(app_id: str, form: ChangeAppForm) -> Reply:
    """Change an app; what is not said stays. One that was public until then gets a secret."""
    changed = registration.change_app(uow(), app_id, form)
    origins = registration.list_forward_origins(uow(), app_id)
    body = ChangedAppOut.from_change(changed.app, origins, _issuer(), changed.secret)
    if changed.secret is not None:
        # No redirect to the answer: the secret would have to stand in an address, or be kept somewhere.
        return Reply(template="admin/app.html", json=body, context=PAGE_WITHOUT_LOGOUTS)
    return Reply(json=body, location=page_url("show_app", app_id=app_id, done="changed"))


def renew_app_secret(app_id: str, form: RenewSecretForm) -> Reply:
    """Give an app a new secret, which is shown once. The old one is valid for a day more, or revoked at once."""
    return _secret_reply(registration.rotate_client_secret(uow(), app_id, form), 200)


def end_old_app_secret(app_id: str) -> Reply:
    """End the secret before the current one."""
    registration.end_old_client_secret(uow(), app_id)
    return Reply(status=204, location=page_url("show_app", app_id=app_id, done="old-secret-ended"))


def disable_app(app_id: str) -> Reply:
    """Disable an app: nobody signs in to it, all that it holds is revoked, and it is told so."""
    return _app_reply(registration.disable_app(uow(), app_id), "disabled")


def enable_app(app_id: str) -> Reply:
    """Switch an app on again."""
    return _app_reply(registration.enable_app(uow(), app_id), "enabled")


def remove_app(app_id: str) -> Reply:
    """Remove an app with all consents to it."""
    registration.remove_app(uow(), app_id)
    return Reply(status=204, location=page_url("list_apps"))


def app_logo_context(app_id: str) -> dict[str, Any]:
    """Return the app whose picture a form is about."""
    return {"app": registration.get_app_row(uow(), app_id)}


def set_app_logo(app_id: str, form: AppLogoForm) -> Reply:
    """Show a picture where people sign in to an app: PNG, WebP or SVG, of up to 100 kB."""
    return _app_reply(app_logo.set_app_logo(uow(), app_id, form))


def remove_app_logo(app_id: str) -> Reply:
    """Show the name of an app alone again."""
    return _app_reply(app_logo.remove_app_logo(uow(), app_id))


def _issuer() -> str:
    return site().link_signer.page_url("")


def _app_body(app: App) -> AppOut:
    return AppOut.from_app(app, registration.list_forward_origins(uow(), app.id), _issuer())


def _app_reply(app: App, done: str = "") -> Reply:
    query = {"done": done} if done else {}
    return Reply(json=_app_body(app), location=page_url("show_app", app_id=app.id, **query))


def _secret_reply(registered: RegisteredApp, status: int) -> Reply:
    # No redirect to the answer: the secret would have to stand in an address, or be kept somewhere.
    app = registered.app
    origins = registration.list_forward_origins(uow(), app.id)
    body = AppWithSecretOut.from_secret(app, origins, _issuer(), registered.secret)
    return Reply(template="admin/app.html", json=body, status=status, context=PAGE_WITHOUT_LOGOUTS)
