"""What admins do about other apps: register, change, give a new secret, switch off, take away, try."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import request

from accounts.core.models.apps import App
from accounts.flows.oidc import backchannel, registration, registration_form
from accounts.flows.oidc.registration import RegisteredApp
from accounts.web.kit import context
from accounts.web.kit.context import site, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import ADMINS, BOTH, HTML, JSON, Routes, page_url

routes: Routes = Routes()
FORM_TEMPLATE = "admin/app_form.html"


def app_json(app: App, forward_origins: tuple[str, ...] | None = None) -> dict[str, Any]:
    """An app as admins see it: everything but its secret, which nobody sees."""
    origins = registration.list_forward_origins(uow(), app.id) if forward_origins is None else forward_origins
    return {
        "id": app.id,
        "issuer": site().link_signer.page_url(""),
        **registration.describe_app(app, origins),
        "created_at": app.created_at,
        "disabled_at": app.disabled_at,
        "old_secret_until": registration.old_secret_valid_until(app),
    }


@routes.get("/admin/apps", access=ADMINS, formats=BOTH)
def list_apps() -> Reply:
    """Other apps, by name."""
    return Reply(template="admin/apps.html", json={"apps": [app_json(app) for app in registration.list_apps(uow())]})


@routes.post(
    "/admin/apps",
    access=ADMINS,
    step_up=True,
    formats=JSON,
    form=registration_form.RegisterAppForm,
    statuses=(201,),
)
def add_app(form: registration_form.RegisterAppForm) -> Reply:
    """Register an app. The answer holds its secret, which is never shown again."""
    return _secret_reply(registration.register_app(uow(), form), 201)


@routes.post(
    "/admin/apps/new",
    access=ADMINS,
    step_up=True,
    formats=HTML,
    form=registration_form.RegisterAppForm,
    template=FORM_TEMPLATE,
)
def add_app_page(form: registration_form.RegisterAppForm) -> Reply:
    """Register an app."""
    return _secret_reply(registration.register_app(uow(), form), 201)


@routes.get("/admin/apps/<app_id>", access=ADMINS, formats=BOTH)
def show_app(app_id: str) -> Reply:
    """One app, and how it took the last goodbyes."""
    details = registration.get_app(uow(), app_id)
    logouts = [asdict(each) for each in backchannel.list_logouts_of_app(uow(), app_id)]
    body = {**app_json(details.app, details.forward_origins), "goodbyes": logouts}
    return Reply(template="admin/app.html", json=body, context={"done": request.args.get("done", ""), "secret": None})


def _app_context(app_id: str) -> dict[str, Any]:
    details = registration.get_app(uow(), app_id)
    return {"given": registration.describe_app(details.app, details.forward_origins), "app_id": app_id}


@routes.patch("/admin/apps/<app_id>", access=ADMINS, step_up=True, formats=JSON, form=registration_form.ChangeAppForm)
def change_app(app_id: str, form: registration_form.ChangeAppForm) -> Reply:
    """Change an app; what is not said stays."""
    return _change_reply(registration.change_app(uow(), app_id, form))


@routes.post(
    "/admin/apps/<app_id>/change",
    access=ADMINS,
    step_up=True,
    formats=HTML,
    form=registration_form.ChangeAppForm,
    template=FORM_TEMPLATE,
    context=_app_context,
)
def change_app_page(app_id: str, form: registration_form.ChangeAppForm) -> Reply:
    """Change an app."""
    return _change_reply(registration.change_app(uow(), app_id, form))


@routes.post(
    "/admin/apps/<app_id>/secret",
    access=ADMINS,
    step_up=True,
    formats=BOTH,
    form=registration_form.RenewSecretForm,
)
def renew_app_secret(app_id: str, form: registration_form.RenewSecretForm) -> Reply:
    """Give an app a new secret, which is never shown again. The old one is good for a day more, or dead at once."""
    return _secret_reply(registration.rotate_client_secret(uow(), app_id, form), 200)


@routes.delete("/admin/apps/<app_id>/old-secret", access=ADMINS, step_up=True, formats=JSON, statuses=(204,))
def end_old_app_secret(app_id: str) -> Reply:
    """Have the secret before the one that is good now be worth nothing."""
    registration.end_old_client_secret(uow(), app_id)
    return Reply(status=204)


@routes.post("/admin/apps/<app_id>/old-secret/end", access=ADMINS, step_up=True, formats=HTML)
def end_old_app_secret_page(app_id: str) -> Reply:
    """Have the secret before the one that is good now be worth nothing."""
    return _app_reply(registration.end_old_client_secret(uow(), app_id), "old-secret-ended")


@routes.post("/admin/apps/<app_id>/disable", access=ADMINS, formats=BOTH)
def disable_app(app_id: str) -> Reply:
    """Switch an app off: nobody signs in to it, all that it holds is dead, and it is told so."""
    return _app_reply(registration.disable_app(uow(), app_id), "disabled")


@routes.post("/admin/apps/<app_id>/enable", access=ADMINS, formats=BOTH)
def enable_app(app_id: str) -> Reply:
    """Switch an app on again."""
    return _app_reply(registration.enable_app(uow(), app_id), "enabled")


@routes.delete("/admin/apps/<app_id>", access=ADMINS, step_up=True, formats=JSON, statuses=(204,))
def remove_app(app_id: str) -> Reply:
    """Take an app away, with all that people have agreed to about it."""
    registration.remove_app(uow(), app_id)
    return Reply(status=204)


@routes.post("/admin/apps/<app_id>/remove", access=ADMINS, step_up=True, formats=HTML)
def remove_app_page(app_id: str) -> Reply:
    """Take an app away, with all that people have agreed to about it."""
    registration.remove_app(uow(), app_id)
    return Reply(location=page_url("list_apps"))


@routes.post("/admin/apps/<app_id>/try", access=ADMINS, formats=HTML)
def try_app(app_id: str) -> Reply:
    """Sign in to an app, as its people would, to see what it would learn."""
    from accounts.flows.oidc import app_trial as flow

    return Reply(location=flow.start_app_trial(uow(), context.require_account(), app_id))


@routes.get("/admin/apps/tried", access=ADMINS, formats=HTML)
def app_tried() -> Reply:
    """What an app would have learned."""
    from accounts.flows.oidc import app_trial as flow

    trial = flow.finish_app_trial(uow(), context.require_account(), request.args)
    claim_groups = [(part, sorted(getattr(trial, part).items())) for part in ("header", "id_token", "userinfo")]
    return Reply(template="admin/app_tried.html", context={"tried": trial, "learned": claim_groups})


def _change_reply(registered: RegisteredApp) -> Reply:
    return _secret_reply(registered, 200) if registered.secret is not None else _app_reply(registered.app, "changed")


def _app_reply(app: App, done: str) -> Reply:
    return Reply(json=app_json(app), location=page_url("show_app", app_id=app.id, done=done))


def _secret_reply(registered: RegisteredApp, status: int) -> Reply:
    # No redirect to the answer: the secret would have to stand in an address, or be kept somewhere.
    body = {**app_json(registered.app), "goodbyes": [], "secret": registered.secret}
    if context.state().format == "json":
        body = {name: value for name, value in body.items() if name != "goodbyes"}
    return Reply(template="admin/app.html", json=body, status=status, context={"done": "secret"})
