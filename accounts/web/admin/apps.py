"""What admins do about other apps: register, change, give a new secret, switch off, take away, try."""

from __future__ import annotations

from typing import Any

from accounts.core.models.apps import App
from accounts.flows.oidc import app_logo, backchannel, discovery, registration
from accounts.flows.oidc.app_kinds import (
    KIND_DEFAULTS,
    KIND_DESCRIPTIONS,
    KIND_LABELS,
    AppKindForm,
    RegisterAppPageForm,
    kind_of_app,
)
from accounts.flows.oidc.app_logo import MAX_LOGO_BYTES, AppLogoForm
from accounts.flows.oidc.app_use import count_app_use
from accounts.flows.oidc.registration import RegisteredApp
from accounts.flows.oidc.registration_form import ChangeAppForm, RegisterAppForm, RemoveAppForm, RenewSecretForm
from accounts.flows.sessions.notice import make_notice
from accounts.web.admin import notices
from accounts.web.answers.apps import AppDetailsOut, AppOut, AppsOut, AppWithSecretOut, ChangedAppOut
from accounts.web.kit.context import site, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.request_state import MAX_BODY_BYTES
from accounts.web.kit.routes import page_url

MAX_LOGO_REQUEST_BYTES = MAX_LOGO_BYTES * 4 // 3 + MAX_BODY_BYTES
"""As Base64 in JSON a file is a third longer."""
APP_PAGE = "admin/app.html"
LOGOUTS_SHOWN = 10
ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "end_session_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
)
"""Of the metadata, what the page of an app shows; by these names libraries ask for them."""


def list_apps() -> Reply:
    """Other apps, by name."""
    found = registration.list_apps(uow())
    body = AppsOut(apps=tuple(_app_body(app) for app in found))
    page_context = {
        "use": count_app_use(uow(), [app.id for app in found]),
        "kinds": {app.id: kind_of_app(app, row.forward_origins) for app, row in zip(found, body.apps, strict=True)},
        "kind_labels": KIND_LABELS,
    }
    return Reply(template="admin/apps.html", json=body, context=page_context)


def new_app_context(query: AppKindForm) -> dict[str, Any]:
    """Return what the page to register an app begins with: the choice of its kind, or what that kind needs."""
    given = {"kind": query.kind, **KIND_DEFAULTS.get(query.kind, {})}
    return {"given": given, "kind_labels": KIND_LABELS, "kind_descriptions": KIND_DESCRIPTIONS}


def add_app(form: RegisterAppForm) -> Reply:
    """Register an app. The answer holds its secret, which is never shown again."""
    if isinstance(form, RegisterAppPageForm):
        form.check()
    return _secret_reply(registration.register_app(uow(), form), 201)


def show_app(app_id: str) -> Reply:
    """One app, and how it took the last logouts."""
    details = registration.get_app(uow(), app_id)
    logouts = backchannel.list_logouts_of_app(uow(), app_id)
    body = AppDetailsOut.from_details(details.app, details.forward_origins, _issuer(), logouts)
    return Reply(template=APP_PAGE, json=body, context={**_page_context(details.app), "secret": None})


def app_context(app_id: str) -> dict[str, Any]:
    """Return the app that a form is about, and what it has now."""
    details = registration.get_app(uow(), app_id)
    return {
        "given": registration.describe_app(details.app, details.forward_origins),
        "app_id": app_id,
        "of": details.app.name,
        "kind_labels": KIND_LABELS,
        "shown_kind": kind_of_app(details.app, details.forward_origins),
    }


def change_app(app_id: str, form: ChangeAppForm) -> Reply:
    """Change an app; what is not said stays. One that was public until then gets a secret."""
    changed = registration.change_app(uow(), app_id, form)
    origins = registration.list_forward_origins(uow(), app_id)
    body = ChangedAppOut.from_change(changed.app, origins, _issuer(), changed.secret)
    if changed.secret is not None:
        # No redirect to the answer: the secret would have to stand in an address, or be kept somewhere.
        return Reply(template=APP_PAGE, json=body, context=_page_context(changed.app))
    return _noticed(Reply(json=body), changed.app, notices.APP_CHANGED)


def renew_app_secret(app_id: str, form: RenewSecretForm) -> Reply:
    """Give an app a new secret, which is shown once. The old one is valid for a day more, or revoked at once."""
    return _secret_reply(registration.rotate_client_secret(uow(), app_id, form), 200)


def end_old_app_secret(app_id: str) -> Reply:
    """End the secret before the current one."""
    app = registration.end_old_client_secret(uow(), app_id)
    return _noticed(Reply(status=204), app, notices.OLD_SECRET_ENDED)


def disable_app(app_id: str) -> Reply:
    """Disable an app: nobody signs in to it, all that it holds is revoked, and it is told so."""
    app = registration.disable_app(uow(), app_id)
    return _noticed(Reply(json=_app_body(app)), app, notices.APP_DISABLED)


def enable_app(app_id: str) -> Reply:
    """Switch an app on again."""
    app = registration.enable_app(uow(), app_id)
    return _noticed(Reply(json=_app_body(app)), app, notices.APP_ENABLED)


def remove_app(app_id: str, form: RemoveAppForm | None = None) -> Reply:
    """Remove an app with all consents to it."""
    name = registration.remove_app(uow(), app_id, form).name
    notice = make_notice(notices.APP_REMOVED, name=name)
    return Reply(status=204, location=page_url("list_apps"), notice=notice)


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


def _app_reply(app: App) -> Reply:
    return Reply(json=_app_body(app), location=page_url("show_app", app_id=app.id))


def _noticed(reply: Reply, app: App, text: str) -> Reply:
    reply.location = page_url("show_app", app_id=app.id)
    reply.notice = make_notice(text, name=app.name)
    return reply


def _secret_reply(registered: RegisteredApp, status: int) -> Reply:
    # No redirect to the answer: the secret would have to stand in an address, or be kept somewhere.
    app = registered.app
    origins = registration.list_forward_origins(uow(), app.id)
    body = AppWithSecretOut.from_secret(app, origins, _issuer(), registered.secret)
    return Reply(template=APP_PAGE, json=body, status=status, context=_page_context(app))


def _page_context(app: App) -> dict[str, Any]:
    """Return what the page of an app shows beside what JSON says of it."""
    metadata = discovery.build_metadata(site())
    return {
        "kind": kind_of_app(app, registration.list_forward_origins(uow(), app.id)),
        "kind_labels": KIND_LABELS,
        "use": count_app_use(uow(), [app.id])[app.id],
        "logouts": backchannel.list_logouts_of_app(uow(), app.id)[:LOGOUTS_SHOWN],
        "discovery_url": f"{metadata['issuer']}/.well-known/openid-configuration",
        "endpoints": {name: metadata[name] for name in ENDPOINTS},
    }
