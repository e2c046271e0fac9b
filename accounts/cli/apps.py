"""``accounts apps``: other apps that send their people here to sign in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from accounts.cli.context import open_unit_of_work
from accounts.core.models.apps import App
from accounts.flows.oidc import registration as other_apps
from accounts.flows.oidc.registration_form import ChangeAppForm, RegisterAppForm, RenewSecretForm
from accounts.flows.shared.validation import validate

F = Callable[..., None]
UNSET_VALUES = {None, ()}


@click.group()
def apps() -> None:
    """Look after other apps that send their people here to sign in."""


def _app_options(command: F) -> F:
    """The options that say what an app is; those that are not given say nothing."""
    for option in reversed(
        (
            click.option("--redirect", "redirect_uris", multiple=True, help="Where it gets its answers; repeatable."),
            click.option("--after-logout", "post_logout_redirect_uris", multiple=True, help="Repeatable."),
            click.option("--backchannel", "backchannel_logout_uri", help="Where it is told of sign-outs."),
            click.option("--opens-at", "initiate_login_uri", help="Where it begins a sign-in."),
            click.option("--origin", "forward_origins", multiple=True, help="Where it stands behind a proxy."),
            click.option("--group", "allowed_groups", multiple=True, help="Only for people in it; repeatable."),
            click.option("--trusted/--consent", "trusted", default=None, help="Whether people are asked."),
            click.option("--pkce/--no-pkce", "require_pkce", default=None, help="Whether it must use PKCE."),
            click.option("--kind", "application_type", type=click.Choice(["web", "native"])),
            click.option(
                "--auth",
                "token_endpoint_auth_method",
                type=click.Choice(["client_secret_basic", "client_secret_post", "none"]),
                help="How it shows its secret; none for a public app.",
            ),
            click.option("--scope", "scopes", multiple=True, help="What it may ask for; repeatable."),
            click.option("--claim", "claims", multiple=True, help="Claims in the ID token, too; repeatable."),
            click.option("--alg", "id_token_signed_response_alg", type=click.Choice(["RS256", "ES256", "EdDSA"])),
            click.option("--access-seconds", "access_token_seconds", type=int),
            click.option("--id-seconds", "id_token_seconds", type=int),
            click.option("--refresh-seconds", "refresh_token_seconds", type=int),
        )
    ):
        command = option(command)
    return command


@apps.command()
@click.argument("name")
@_app_options
def add(name: str, **options: Any) -> None:
    """Register an app called NAME. Prints its client id, and its secret this once."""
    registered = other_apps.register_app(
        open_unit_of_work(), validate(RegisterAppForm, {"name": name, **_given_options(options)})
    )
    click.echo(f"client id: {registered.app.id}")
    _print_secret(registered.secret)


@apps.command("list")
def list_apps() -> None:
    """All apps, by name: client id, state, name, groups."""
    for app in other_apps.list_apps(open_unit_of_work()):
        click.echo("\t".join((app.id, _format_state(app), app.name, ",".join(app.allowed_groups))))


@apps.command()
@click.argument("app")
def show(app: str) -> None:
    """One app by its client id; never its secret."""
    details = other_apps.get_app(open_unit_of_work(), app)
    rows = {"client_id": details.app.id, "state": _format_state(details.app)}
    rows |= other_apps.describe_app(details.app, details.forward_origins)
    width = max(map(len, rows))
    for name, value in rows.items():
        click.echo(f"{name:>{width}}  {_format_value(value)}")


@apps.command()
@click.argument("app")
@click.option("--name")
@_app_options
def change(app: str, **options: Any) -> None:
    """Change an app; what is not said stays. Repeatable options replace the whole list; an empty text empties it."""
    form = validate(ChangeAppForm, _given_options(options))
    result = other_apps.change_app(open_unit_of_work(), app, form)
    click.echo(f"{result.app.name} is changed")
    _print_secret(result.secret)


@apps.command()
@click.argument("app")
@click.option("--at-once", is_flag=True, help="The old one is worth nothing from now on.")
def secret(app: str, at_once: bool) -> None:
    """Give an app a new secret, and print it this once. The old one is good for a day more."""
    result = other_apps.rotate_client_secret(open_unit_of_work(), app, RenewSecretForm(at_once=at_once))
    _print_secret(result.secret)
    if (valid_until := other_apps.old_secret_valid_until(result.app)) is not None:
        click.echo(
            f"The old one is good until {valid_until:%Y-%m-%d %H:%M} UTC; accounts apps end-old-secret ends it.",
            err=True,
        )


@apps.command()
@click.argument("app")
def end_old_secret(app: str) -> None:
    """Have the secret before the one that is good now be worth nothing."""
    click.echo(f"the old secret of {other_apps.end_old_client_secret(open_unit_of_work(), app).name} is dead")


@apps.command()
@click.argument("app")
def disable(app: str) -> None:
    """Switch an app off: nobody signs in to it, all that it holds is dead, and it is told so."""
    click.echo(f"{other_apps.disable_app(open_unit_of_work(), app).name} is disabled")


@apps.command()
@click.argument("app")
def enable(app: str) -> None:
    """Switch an app on again."""
    click.echo(f"{other_apps.enable_app(open_unit_of_work(), app).name} is active")


@apps.command()
@click.argument("app")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(app: str, yes: bool) -> None:
    """Take an app away, with all that people have agreed to about it."""
    uow = open_unit_of_work()
    name = other_apps.get_app(uow, app).app.name
    if not yes:
        click.confirm(f"Remove {name}?", abort=True)
    other_apps.remove_app(uow, app)
    click.echo(f"{name} is removed")


def _given_options(options: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in options.items() if value not in UNSET_VALUES}
    return {
        name: [each for each in value if each] if isinstance(value, tuple) else value for name, value in given.items()
    }


def _print_secret(secret: str | None) -> None:
    if secret is not None:
        click.echo(f"client secret: {secret}")
        click.echo("It is shown this once; only a hash of it is kept.", err=True)


def _format_state(app: App) -> str:
    return "disabled" if app.disabled_at else "active"


def _format_value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
