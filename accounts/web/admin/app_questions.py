"""Ask before an app loses something: what will happen, and to how many of its users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from accounts.core.database.page import FEW_ROWS
from accounts.core.messages import N_, Message, make_message, nN_
from accounts.core.models.apps import App
from accounts.flows.oidc import registration
from accounts.flows.oidc.app_use import AppUse, count_app_use
from accounts.web.kit.context import uow
from accounts.web.kit.questions import ask
from accounts.web.kit.routes import page_url

USERS_LOSE = nN_("%(count)s user loses access.", "%(count)s users lose access.")
MANY_USERS_LOSE = N_("More than %(count)s users lose access.")
NO_USERS = N_("Nobody uses it right now.")
SIGN_INS_END = nN_("%(count)s sign-in to it ends.", "%(count)s sign-ins to it end.")
MANY_SIGN_INS_END = N_("More than %(count)s sign-ins to it end.")
AFFECTED = nN_("%(count)s user could be affected.", "%(count)s users could be affected.")
MANY_AFFECTED = N_("More than %(count)s users could be affected.")


def ask_remove_app(app_id: str) -> Mapping[str, Any]:
    """Ask before an app is removed for good; its name has to be typed."""
    app, use = _find(app_id)
    return _ask(
        app,
        "remove_app_form",
        make_message(N_("Remove %(name)s for good?"), name=app.name),
        *_tell_use(use),
        make_message(
            N_("Its registration, its client secret and what its users agreed to are deleted. This can't be undone.")
        ),
        make_message(N_("If you only want to stop sign-ins, disable the app instead.")),
        make_message(N_("To confirm, enter the app's name: %(name)s"), name=app.name),
        button=N_("Remove app"),
    )


def ask_disable_app(app_id: str) -> Mapping[str, Any]:
    """Ask before an app is disabled."""
    app, use = _find(app_id)
    return _ask(
        app,
        "disable_app_form",
        make_message(N_("Disable %(name)s?"), name=app.name),
        *_tell_use(use),
        make_message(N_("Nothing is deleted. You can enable the app again; users then sign in to it anew.")),
        button=N_("Disable app"),
    )


def ask_enable_app(app_id: str) -> Mapping[str, Any]:
    """Ask before an app is enabled again."""
    app = registration.get_app(uow(), app_id).app
    return _ask(
        app,
        "enable_app_form",
        make_message(N_("Enable %(name)s?"), name=app.name),
        make_message(N_("Users can sign in to it again. What they agreed to before still holds.")),
        button=N_("Enable app"),
        is_danger=False,
    )


def ask_renew_secret(app_id: str) -> Mapping[str, Any]:
    """Ask before an app gets a new secret."""
    app = registration.get_app(uow(), app_id).app
    return _ask(
        app,
        "renew_app_secret_form",
        make_message(N_("Create a new client secret for %(name)s?"), name=app.name),
        make_message(N_("The new secret is shown once, on the next page. Enter it in the app.")),
        make_message(
            N_(
                "The current secret works for another 24 hours, so that nobody is locked out meanwhile. "
                "A secret before that stops working now."
            )
        ),
        button=N_("Create new secret"),
        is_danger=False,
    )


def ask_end_old_secret(app_id: str) -> Mapping[str, Any]:
    """Ask before the secret before the current one ends."""
    app, use = _find(app_id)
    return _ask(
        app,
        "end_old_app_secret_form",
        make_message(N_("Revoke the old secret of %(name)s?"), name=app.name),
        make_message(
            N_(
                "Wherever the app still uses the old secret, nobody can sign in any more. "
                "Enter the new one there first."
            )
        ),
        *([_tell(use.users, AFFECTED, MANY_AFFECTED)] if use.users else ()),
        button=N_("Revoke old secret now"),
    )


def _find(app_id: str) -> tuple[App, AppUse]:
    app = registration.get_app(uow(), app_id).app
    return app, count_app_use(uow(), [app.id])[app.id]


def _tell_use(use: AppUse) -> Iterator[Message]:
    yield _tell(use.users, USERS_LOSE, MANY_USERS_LOSE) if use.users else make_message(NO_USERS)
    if use.sign_ins:
        yield _tell(use.sign_ins, SIGN_INS_END, MANY_SIGN_INS_END)


def _tell(count: int, text: Any, many: str) -> Message:
    return make_message(many, count=FEW_ROWS) if count > FEW_ROWS else make_message(text, count=count)


def _ask(
    app: App, form_name: str, title: Message, *effects: Message, button: str, is_danger: bool = True
) -> dict[str, Any]:
    return ask(
        title,
        *effects,
        button=make_message(button),
        action=page_url(form_name, app_id=app.id),
        back=page_url("show_app", app_id=app.id),
        is_danger=is_danger,
    )
