"""Run the command ``accounts``: an error is one clear line on stderr, and the exit status tells of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

import click

from accounts.cli.commands import CONTEXT_SETTINGS, HOST_SITE_KEY, LazyCommand, LazyGroup
from accounts.version import __version__

__all__ = ["COMMANDS", "HOST_SITE_KEY", "cli", "describe_error", "expected_errors", "main"]

COMMANDS = {
    "serve": LazyCommand(
        "accounts.cli.serve:serve", "Migrate the database, print the address, serve pages and JSON, and deliver mail."
    ),
    "upgrade": LazyCommand("accounts.cli.setup:upgrade", "Migrate the database to the version of this code."),
    "first-admin": LazyCommand(
        "accounts.cli.setup:first_admin",
        "Print the link that makes the first admin, as long as there has never been an admin.",
    ),
    "worker": LazyCommand(
        "accounts.cli.serve:worker",
        "Deliver mail and callbacks to other apps, and nothing else, until SIGTERM or SIGINT.",
    ),
    "config": LazyCommand("accounts.cli.config:config", "Check the settings."),
    "users": LazyCommand("accounts.cli.users:users", "List, show and change accounts."),
    "invites": LazyCommand("accounts.cli.invites:invites", "Send and change invitations, one by one or by lists."),
    "approvals": LazyCommand("accounts.cli.approvals:approvals", "Decide about requests for accounts."),
    "apps": LazyCommand(
        "accounts.cli.apps:apps", "Register and change other apps that send their users here to sign in."
    ),
    "keys": LazyCommand(
        "accounts.cli.keys:keys", "Manage the keys that sign links and sessions, and those of OpenID Connect."
    ),
    "data": LazyCommand("accounts.cli.data:data", "Import and export accounts, and write backups."),
    "import": LazyCommand(
        "accounts.cli.data_import:import_users", "Import the accounts in FILE from another system."
    ),
    "restored": LazyCommand(
        "accounts.cli.data:confirm_restore",
        "Revoke all sessions and mailed links after the database was restored from a backup.",
    ),
    "passwords": LazyCommand("accounts.cli.passwords:passwords", "Find what hashing a password should cost."),
    "audit": LazyCommand("accounts.cli.audit:audit", "Read, check and keep the audit log."),
    "mail": LazyCommand("accounts.cli.mail:mail", "Count, trace, pause, retry and preview letters."),
    "links": LazyCommand("accounts.cli.links:links", "Explain links from mails."),
    "limits": LazyCommand("accounts.cli.limits:limits", "Show and lift limits on attempts."),
}
"""The commands, with the first sentence of the help of each, so that help imports none of them."""


@click.group(cls=LazyGroup, lazy_commands=COMMANDS, context_settings=CONTEXT_SETTINGS)
@click.version_option(__version__, prog_name="accounts")
def cli() -> None:
    """Run and manage the account service. Its settings come from ACCOUNTS_* in the environment."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    :param arguments: words after the name of the program; by default those of the process.
    :raises SystemExit: always: 0 when it is done, 1 after an error, 2 for wrong usage.
    """
    status: object = None
    try:
        status = cli.main(arguments, prog_name="accounts", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _exit_with_error(error.format_message())
    except click.Abort:
        _exit_with_error("interrupted")
    except expected_errors() as error:
        _exit_with_error(describe_error(error))
    sys.exit(status if isinstance(status, int) else 0)


def expected_errors() -> tuple[type[Exception], ...]:
    """Return the errors that are no bug of the program. Imports them: only what has failed asks for them."""
    from sqlalchemy.exc import SQLAlchemyError

    from accounts.config_sources import SettingsError
    from accounts.core.errors import Problem

    return (SettingsError, Problem, SQLAlchemyError, OSError)


def describe_error(error: Exception) -> str:
    """Return one line about one of :func:`expected_errors`, for the operator."""
    from sqlalchemy.exc import SQLAlchemyError

    from accounts.core.clock import format_timestamp
    from accounts.core.errors import Problem

    if isinstance(error, Problem):
        details = [f"{each.field}: {each.message % each.values}" for each in error.fields]
        if error.detail is not None:
            values = error.detail.values
            moments = {name: format_timestamp(at) for name, at in values.items() if isinstance(at, datetime)}
            return error.detail.message % {**values, **moments}
        return "; ".join(details) or error.reason or error.message
    if isinstance(error, SQLAlchemyError):
        reason = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
        return f"the store does not answer as it should: {reason}"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _exit_with_error(reason: str) -> None:
    click.echo(f"accounts: {reason}", err=True)
    sys.exit(1)
