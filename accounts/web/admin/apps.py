"""What admins do about other apps: register, change, give a new secret, switch off, take away, try."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import request

from accounts.core.models.account import ADMIN_GROUP
from accounts.core.models.apps import App
from accounts.flows.oidc import backchannel, registration, registration_form
from accounts.flows.oidc.registration import RegisteredApp
from accounts.web.kit import context
from accounts.web.kit.context import house, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import BOTH, JSON, PAGE, Room, page_url

room: Room = Room()
FORM = "admin/app_form.html"


def shown(app: App, forward_origins: tuple[str, ...] | None = None) -> dict[str, Any]:
    """An app as admins see it: everything but its secret, which nobody sees."""
    origins = registration.list_forward_origins(uow(), app.id) if forward_origins is None else forward_origins
    return {
        "id": app.id,
        "issuer": house().link_signer.page_url(""),
        **registration.describe_app(app, origins),
        "created_at": app.created_at,
        "disabled_at": app.disabled_at,
        "old_secret_until": registration.old_secret_valid_until(app),
    }


@room.get("/admin/apps", needs=ADMIN_GROUP, speaks=BOTH)
def list_apps() -> Reply:
    """Other apps, by name."""
    return Reply(page="admin/apps.html", says={"apps": [shown(app) for app in registration.list_apps(uow())]})


@room.post(
    "/admin/apps", needs=ADMIN_GROUP, fresh=True, speaks=JSON, asks=registration_form.RegisterAppForm, statuses=(201,)
)
def add_app(said: registration_form.RegisterAppForm) -> Reply:
    """Register an app. The answer holds its secret, which is never shown again."""
    return _with_secret(registration.register_app(uow(), said), 201)


@room.post(
    "/admin/apps/new", needs=ADMIN_GROUP, fresh=True, speaks=PAGE, asks=registration_form.RegisterAppForm, page=FORM
)
def add_app_page(said: registration_form.RegisterAppForm) -> Reply:
    """Register an app."""
    return _with_secret(registration.register_app(uow(), said), 201)


@room.get("/admin/apps/<app_id>", needs=ADMIN_GROUP, speaks=BOTH)
def show_app(app_id: str) -> Reply:
    """One app, and how it took the last goodbyes."""
    found = registration.get_app(uow(), app_id)
    goodbyes = [asdict(each) for each in backchannel.list_logouts_of_app(uow(), app_id)]
    says = {**shown(found.app, found.forward_origins), "goodbyes": goodbyes}
    return Reply(page="admin/app.html", says=says, shows={"done": request.args.get("done", ""), "secret": None})


def _as_it_is(app_id: str) -> dict[str, Any]:
    found = registration.get_app(uow(), app_id)
    return {"given": registration.describe_app(found.app, found.forward_origins), "app_id": app_id}


@room.patch("/admin/apps/<app_id>", needs=ADMIN_GROUP, fresh=True, speaks=JSON, asks=registration_form.ChangeAppForm)
def change_app(app_id: str, said: registration_form.ChangeAppForm) -> Reply:
    """Change an app; what is not said stays."""
    return _changed(registration.change_app(uow(), app_id, said))


@room.post(
    "/admin/apps/<app_id>/change",
    needs=ADMIN_GROUP,
    fresh=True,
    speaks=PAGE,
    asks=registration_form.ChangeAppForm,
    page=FORM,
    fill=_as_it_is,
)
def change_app_page(app_id: str, said: registration_form.ChangeAppForm) -> Reply:
    """Change an app."""
    return _changed(registration.change_app(uow(), app_id, said))


@room.post(
    "/admin/apps/<app_id>/secret", needs=ADMIN_GROUP, fresh=True, speaks=BOTH, asks=registration_form.RenewSecretForm
)
def renew_app_secret(app_id: str, said: registration_form.RenewSecretForm) -> Reply:
    """Give an app a new secret, which is never shown again. The old one is good for a day more, or dead at once."""
    return _with_secret(registration.rotate_client_secret(uow(), app_id, said), 200)


@room.delete("/admin/apps/<app_id>/old-secret", needs=ADMIN_GROUP, fresh=True, speaks=JSON, statuses=(204,))
def end_old_app_secret(app_id: str) -> Reply:
    """Have the secret before the one that is good now be worth nothing."""
    registration.end_old_client_secret(uow(), app_id)
    return Reply(status=204)


@room.post("/admin/apps/<app_id>/old-secret/end", needs=ADMIN_GROUP, fresh=True, speaks=PAGE)
def end_old_app_secret_page(app_id: str) -> Reply:
    """Have the secret before the one that is good now be worth nothing."""
    return _settled(registration.end_old_client_secret(uow(), app_id), "old-secret-ended")


@room.post("/admin/apps/<app_id>/disable", needs=ADMIN_GROUP, speaks=BOTH)
def disable_app(app_id: str) -> Reply:
    """Switch an app off: nobody signs in to it, all that it holds is dead, and it is told so."""
    return _settled(registration.disable_app(uow(), app_id), "disabled")


@room.post("/admin/apps/<app_id>/enable", needs=ADMIN_GROUP, speaks=BOTH)
def enable_app(app_id: str) -> Reply:
    """Switch an app on again."""
    return _settled(registration.enable_app(uow(), app_id), "enabled")


@room.delete("/admin/apps/<app_id>", needs=ADMIN_GROUP, fresh=True, speaks=JSON, statuses=(204,))
def remove_app(app_id: str) -> Reply:
    """Take an app away, with all that people have agreed to about it."""
    registration.remove_app(uow(), app_id)
    return Reply(status=204)


@room.post("/admin/apps/<app_id>/remove", needs=ADMIN_GROUP, fresh=True, speaks=PAGE)
def remove_app_page(app_id: str) -> Reply:
    """Take an app away, with all that people have agreed to about it."""
    registration.remove_app(uow(), app_id)
    return Reply(then=page_url("list_apps"))


@room.post("/admin/apps/<app_id>/try", needs=ADMIN_GROUP, speaks=PAGE)
def try_app(app_id: str) -> Reply:
    """Sign in to an app, as its people would, to see what it would learn."""
    from accounts.flows.oidc import app_trial as flow

    return Reply(then=flow.start_app_trial(uow(), context.signed_in(), app_id))


@room.get("/admin/apps/tried", needs=ADMIN_GROUP, speaks=PAGE)
def app_tried() -> Reply:
    """What an app would have learned."""
    from accounts.flows.oidc import app_trial as flow

    found = flow.finish_app_trial(uow(), context.signed_in(), request.args)
    learned = [(part, sorted(getattr(found, part).items())) for part in ("header", "id_token", "userinfo")]
    return Reply(page="admin/app_tried.html", shows={"tried": found, "learned": learned})


def _changed(done: RegisteredApp) -> Reply:
    return _with_secret(done, 200) if done.secret is not None else _settled(done.app, "changed")


def _settled(app: App, done: str) -> Reply:
    return Reply(says=shown(app), then=page_url("show_app", app_id=app.id, done=done))


def _with_secret(done: RegisteredApp, status: int) -> Reply:
    # No redirect to the answer: the secret would have to stand in an address, or be kept somewhere.
    says = {**shown(done.app), "goodbyes": [], "secret": done.secret}
    if context.bound().speaks == "json":
        says = {name: value for name, value in says.items() if name != "goodbyes"}
    return Reply(page="admin/app.html", says=says, status=status, shows={"done": "secret"})
