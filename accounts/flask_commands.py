"""``flask accounts ...``: every command of the console, for the installation in a host app.

Flask loads this module with each of its own commands, so nothing of the service is imported before one is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click
from flask.cli import ScriptInfo

NOT_UNDER_FLASK = frozenset({"serve"})


class HostConsole(click.Group):
    """The commands of the console, each with the host app's context around it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands that make sense here."""
        commands: list[str] = _console().cli.list_commands(ctx)
        return [name for name in commands if name not in NOT_UNDER_FLASK]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of the console, or None.

        :raises click.UsageError: one that makes no sense here.
        """
        if cmd_name in NOT_UNDER_FLASK:
            raise click.UsageError(
                f"'flask accounts {cmd_name}' does not exist: the host app serves the pages. Start it with"
                " 'flask run' or your WSGI server; 'flask accounts worker' delivers mail."
            )
        command: click.Command | None = _console().cli.get_command(ctx, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command in the context of the host app.

        :raises click.ClickException: one line about what went wrong.
        """
        app = ctx.ensure_object(ScriptInfo).load_app()
        if "accounts" not in app.extensions:
            raise click.ClickException("Accounts is not set up on this app. Did you forget to call 'init_app'?")
        ctx.with_resource(app.app_context())
        console = _console()
        ctx.meta[console.HOST_SITE_KEY] = app.extensions["accounts"].site
        try:
            return super().invoke(ctx)
        except console.expected_errors() as error:
            raise click.ClickException(console.describe_error(error)) from error


def _console() -> Any:
    return import_module("accounts.cli")


accounts = HostConsole(
    "accounts",
    help="Manage accounts, invitations, keys and mail of this app.",
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None},
)
