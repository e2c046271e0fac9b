"""What the views and templates of a host app get, beside all that is its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, current_app
from markupsafe import Markup

from accounts.core.errors import Problem
from accounts.core.messages import N_
from accounts.core.security.redirects import local_path
from accounts.web.kit import context, csrf, errors
from accounts.web.kit.forms import CSRF_FIELD
from accounts.web.kit.routes import MAIN_BLUEPRINT, page_url

PAGES: Mapping[str, str] = {
    "home": "home",
    "sign-in": "sign_in_form",
    "sign-in-by-mail": "sign_in_mail_form",
    "sign-up": "sign_up_form",
    "sign-out": "sign_out",
    "forgot-password": "forgot_password_form",
    "account": "change_account_form",
    "change-email": "change_email_form",
    "change-password": "change_password_form",
    "close-account": "close_account_form",
    "sessions": "list_sessions",
    "apps": "list_connected_apps",
    "admin": "administration",
    "accounts": "list_accounts",
    "invite": "send_invite_form",
}
"""Pages that a host's templates lead to, with the views that show them."""


def add_to_host(app: Flask, *, template_globals: bool) -> None:
    """Tell problems in the host's views, and put our names into its templates, where the host has none of its own."""
    if Problem not in app.error_handler_spec[None][None]:
        app.register_error_handler(Problem, errors.problem_response)
    if not exempt_from_csrf_protection(app):
        # It may come after us; its own check does then, too.
        app.before_request(_exempt_on_first_request(app))
    if template_globals:
        # Before the host's own, which win: whatever it has under these names stays.
        app.template_context_processors[None].insert(0, _template_context)


def accounts_url(page: str, **values: Any) -> str:
    """Return the address of one of :data:`PAGES`.

    :param values: what goes into its query, such as ``next``: the path to come back to.
    :raises ValueError: there is no such page.
    """
    if page not in PAGES:
        raise ValueError(f"there is no page {page!r}; pages are: {', '.join(PAGES)}")
    return page_url(PAGES[page], **values)


def accounts_sign_out_form(next: str = "/", label: str = "") -> Markup:
    """Return a form with a button that signs this browser out; nothing where nobody is signed in.

    :param next: the path to go to afterwards.
    :param label: what stands on the button, instead of "Sign out" in the language of the answer.
    """
    if context.load_account() is None:
        return Markup()
    return Markup(
        '<form method="post" action="{}"><input type="hidden" name="{}" value="{}">'
        '<input type="hidden" name="next" value="{}"><button>{}</button></form>'
    ).format(
        accounts_url("sign-out"),
        CSRF_FIELD,
        csrf.csrf_token(),
        local_path(next) or "/",
        label or errors.translate(N_("Sign out")),
    )


def _template_context() -> dict[str, Any]:
    names: dict[str, Any] = {
        "current_account": context.current_account,
        "accounts_url": accounts_url,
        "accounts_sign_out_form": accounts_sign_out_form,
    }
    own = current_app.jinja_env.globals
    return {name: value for name, value in names.items() if name not in own}


def exempt_from_csrf_protection(app: Flask) -> bool:
    """Have Flask-WTF's ``CSRFProtect`` leave our views alone, which check tokens of their own; False without it."""
    protection: Any = app.extensions.get("csrf")
    if not type(protection).__module__.startswith("flask_wtf"):
        return False
    for name, blueprint in app.blueprints.items():
        if name.startswith(MAIN_BLUEPRINT):
            protection.exempt(blueprint)
    return True


def _exempt_on_first_request(app: Flask) -> Callable[[], None]:
    looked = False

    def look() -> None:
        nonlocal looked
        if not looked:
            looked = True
            exempt_from_csrf_protection(app)

    return look
