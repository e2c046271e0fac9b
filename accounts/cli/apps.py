"""Declare ``accounts apps``: register and change the clients (other apps that send their users here to sign in)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import click

from accounts.cli.commands import Group, confirm, json_option
from accounts.cli.context import open_unit_of_work
from accounts.cli.output import Columns, format_cell, format_timestamp, print_done, print_fields, print_table
from accounts.core.models.apps import App
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk import app_access
from accounts.flows.helpdesk.app_access import AccessFinding, AppAccessForm
from accounts.flows.oidc import app_logo, registration
from accounts.flows.oidc.app_logo import AppLogoForm
from accounts.flows.oidc.registration import RegisteredApp
from accounts.flows.oidc.registration_form import ChangeAppForm, RegisterAppForm, RenewSecretForm
from accounts.flows.shared.validation import validate
from accounts.web.answers.app_access import AppAccessOut
from accounts.web.answers.apps import ChangedAppOut

F = Callable[..., None]
UNSET_VALUES = {None, ()}
SHOWN_ONCE_NOTE = "It is shown this once; only a hash of it is kept."
APP_COLUMNS: Columns[ChangedAppOut] = {
    "client id": lambda row: row.id,
    "state": lambda row: "disabled" if row.disabled_at else "active",
    "name": lambda row: row.name,
    "groups": lambda row: row.allowed_groups,
}


@click.group(cls=Group)
def apps() -> None:
    """Register and change other apps that send their users here to sign in. APP is a client id."""


def _app_options(command: F) -> F:
    """Add the options that describe a client. An option that is not given is None or ()."""
    for option in reversed(
        (
            click.option("--redirect", "redirect_uris", multiple=True, help="Where it gets its answers; repeatable."),
            click.option("--after-logout", "post_logout_redirect_uris", multiple=True, help="Repeatable."),
            click.option("--backchannel", "backchannel_logout_uri", help="Where it is told of sign-outs."),
            click.option("--opens-at", "initiate_login_uri", help="Where it begins a sign-in."),
            click.option("--origin", "forward_origins", multiple=True, help="Where it stands behind a proxy."),
            click.option("--group", "allowed_groups", multiple=True, help="Only for its members; repeatable."),
            click.option("--domain", "allowed_email_domain", help="Only for addresses of this mail domain."),
            click.option(
                "--invited-only/--everybody",
                "invited_only",
                default=None,
                help="Whether it is only for people who were invited or let in.",
            ),
            click.option("--contact", help="Contact for people without access: an email or https address."),
            click.option("--trusted/--consent", "trusted", default=None, help="Whether users are asked."),
            click.option(
                "--pkce/--no-pkce", "require_pkce", default=None, help="Whether it must; native and public apps must."
            ),
            click.option("--kind", "application_type", type=click.Choice(["web", "native"])),
            click.option(
                "--auth",
                "token_endpoint_auth_method",
                type=click.Choice(["client_secret_basic", "client_secret_post", "none"]),
                help="none for a public app; one with a secret may show it either way.",
            ),
            click.option("--scope", "scopes", multiple=True, help="What it may ask for; repeatable."),
            click.option("--claim", "claims", multiple=True, help="Claims in the ID token, too; repeatable."),
            click.option(
                "--claims-in-id-token/--thin-id-token",
                "claims_in_id_token",
                default=None,
                help="Whether all claims of its scopes are in the ID token, too.",
            ),
            click.option(
                "--username",
                "preferred_username",
                type=click.Choice(["none", "sub", "email", "local_part"]),
                help="What preferred_username is made of; local_part needs --domain.",
            ),
            click.option("--alg", "id_token_signed_response_alg", type=click.Choice(["RS256", "ES256", "EdDSA"])),
            click.option("--access-seconds", "access_token_seconds", type=int),
            click.option("--id-seconds", "id_token_seconds", type=int),
            click.option("--refresh-seconds", "refresh_token_seconds", type=int),
        )
    ):
        command = option(command)
    return command


@apps.command("add")
@click.argument("name")
@_app_options
@json_option
def add_app(name: str, as_json: bool, **options: Any) -> None:
    """Register an app called NAME, and print its client id and secret. The secret is shown only this once."""
    uow = open_unit_of_work()
    registered = registration.register_app(uow, validate(RegisterAppForm, {"name": name, **_given_options(options)}))
    app = registered.app
    facts = [f"client id: {app.id}", f"issuer: {uow.site.link_signer.page_url('')}"]
    facts.append(f"PKCE: {'required' if app.require_pkce else 'taken, not required'}")
    _print_registered(uow, registered, *facts, as_json=as_json)


@apps.command("list")
@json_option
def list_apps(as_json: bool) -> None:
    """List all apps by name."""
    uow = open_unit_of_work()
    rows = [_app_answer(uow, app) for app in registration.list_apps(uow)]
    print_table([rows], APP_COLUMNS, as_json=as_json)


@apps.command("show")
@click.argument("app")
@json_option
def show_app(app: str, as_json: bool) -> None:
    """Show one app by its client id, without its secret."""
    uow = open_unit_of_work()
    answer = _app_answer(uow, registration.get_app(uow, app).app)
    fields = [("client_id", app), ("state", "disabled" if answer.disabled_at else "active")]
    shown = {name: value for name, value in answer if name not in ("id", "disabled_at", "secret")}
    print_fields(answer, [*fields, *shown.items()], as_json=as_json)


@apps.command("change")
@click.argument("app")
@click.option("--name")
@_app_options
@json_option
def change_app(app: str, as_json: bool, **options: Any) -> None:
    """Change an app. What is not given stays. Repeatable options replace the whole list; an empty text empties it."""
    form = validate(ChangeAppForm, _given_options(options))
    uow = open_unit_of_work()
    changed = registration.change_app(uow, app, form)
    _print_registered(uow, changed, f"{changed.app.name} is changed", as_json=as_json)


@apps.command("why")
@click.argument("app")
@click.argument("who")
@json_option
def explain_access(app: str, who: str, as_json: bool) -> None:
    """Show why WHO gets into an app or not. WHO is the id or the address of an account."""
    access = app_access.explain_access(open_unit_of_work(), app, validate(AppAccessForm, {"who": who}))
    verdict = "has access" if access.allowed else "no access"
    rules = ((each.rule, _describe_finding(each)) for each in access.findings)
    print_fields(
        AppAccessOut.from_access(access),
        [("app", access.app_name), ("account", access.email), ("verdict", verdict), *rules],
        as_json=as_json,
    )


@apps.command("rotate-secret")
@click.argument("app")
@click.option("--at-once", is_flag=True, help="The old one is worth nothing from now on.")
@json_option
def rotate_app_secret(app: str, at_once: bool, as_json: bool) -> None:
    """Give an app a new secret, and print it this once. The old one stays valid for a day, or ends with --at-once."""
    uow = open_unit_of_work()
    changed = registration.rotate_client_secret(uow, app, RenewSecretForm(at_once=at_once))
    valid_until = registration.old_secret_valid_until(changed.app)
    note = f"The old one is good until {format_timestamp(valid_until)} UTC; accounts apps end-old-secret ends it."
    _print_registered(uow, changed, *([note] if valid_until else []), as_json=as_json)


@apps.command("end-old-secret")
@click.argument("app")
@json_option
def end_old_app_secret(app: str, as_json: bool) -> None:
    """Revoke the previous secret of an app at once; the current one stays valid."""
    uow = open_unit_of_work()
    row = registration.end_old_client_secret(uow, app)
    print_done(_app_answer(uow, row), f"the old secret of {row.name} is dead", as_json=as_json)


@apps.command("disable")
@click.argument("app")
@json_option
def disable_app(app: str, as_json: bool) -> None:
    """Disable an app and revoke all that it holds. No user can sign in to it, and it is notified."""
    uow = open_unit_of_work()
    row = registration.disable_app(uow, app)
    print_done(_app_answer(uow, row), f"{row.name} is disabled", as_json=as_json)


@apps.command("enable")
@click.argument("app")
@json_option
def enable_app(app: str, as_json: bool) -> None:
    """Enable a disabled app again."""
    uow = open_unit_of_work()
    row = registration.enable_app(uow, app)
    print_done(_app_answer(uow, row), f"{row.name} is active", as_json=as_json)


@apps.command("logo")
@click.argument("app")
@click.argument("file", type=click.File("rb"), required=False)
@json_option
def set_app_logo(app: str, file: BinaryIO | None, as_json: bool) -> None:
    """Show the picture in FILE where people sign in to an app: PNG, WebP or SVG. Without FILE, show none."""
    uow = open_unit_of_work()
    if file is not None:
        row, words = app_logo.set_app_logo(uow, app, AppLogoForm(image=file)), "has a new logo"
    else:
        row, words = app_logo.remove_app_logo(uow, app), "has no logo"
    print_done(_app_answer(uow, row), f"{row.name} {words}", as_json=as_json)


@apps.command("remove")
@click.argument("app")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def remove_app(app: str, yes: bool, as_json: bool) -> None:
    """Remove an app and every consent that users have given to it."""
    uow = open_unit_of_work()
    name = registration.get_app(uow, app).app.name
    confirm(f"Remove {name}?", yes=yes)
    registration.remove_app(uow, app)
    print_done({"removed": True, "id": app, "name": name}, f"{name} is removed", as_json=as_json)


def _given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given. An empty text in a repeatable one is left out, which empties its list."""
    given = {name: value for name, value in options.items() if value not in UNSET_VALUES}
    return {
        name: [each for each in value if each] if isinstance(value, tuple) else value for name, value in given.items()
    }


def _describe_finding(finding: AccessFinding) -> str:
    if not finding.applies:
        return "not asked for"
    words = "yes" if finding.met else "no"
    return (
        f"{words}: wants {format_cell(finding.wanted)}; has {format_cell(finding.found)}" if finding.wanted else words
    )


def _app_answer(uow: UnitOfWork, app: App, secret: str | None = None) -> ChangedAppOut:
    """Return the answer about a client.

    :param secret: the new client secret, which is shown once; None where it has not changed.
    """
    origins = registration.list_forward_origins(uow, app.id)
    return ChangedAppOut.from_change(app, origins, uow.site.link_signer.page_url(""), secret)


def _print_registered(uow: UnitOfWork, registered: RegisteredApp, *sentences: str, as_json: bool) -> None:
    if registered.secret is not None:
        sentences = (*sentences, f"client secret: {registered.secret}", SHOWN_ONCE_NOTE)
    print_done(_app_answer(uow, registered.app, registered.secret), *sentences, as_json=as_json)
