"""Run the command ``accounts``: an error is one clear line on stderr, and the exit status tells of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from sqlalchemy.exc import SQLAlchemyError

from accounts.cli.commands import CONTEXT_SETTINGS, LazyGroup
from accounts.config import SettingsError
from accounts.core.errors import Problem
from accounts.version import __version__

COMMANDS = {
    "serve": "accounts.cli.serve:serve",
    "upgrade": "accounts.cli.serve:upgrade",
    "first-admin": "accounts.cli.serve:first_admin",
    "worker": "accounts.cli.serve:worker",
    "config": "accounts.cli.config:config",
    "users": "accounts.cli.users:users",
    "invites": "accounts.cli.invites:invites",
    "apps": "accounts.cli.apps:apps",
    "keys": "accounts.cli.keys:keys",
    "data": "accounts.cli.data:data",
    "import": "accounts.cli.data_import:import_users",
    "restored": "accounts.cli.data:confirm_restore",
    "passwords": "accounts.cli.passwords:passwords",
    "audit": "accounts.cli.audit:audit",
    "mail": "accounts.cli.mail:mail",
    "links": "accounts.cli.links:links",
    "limits": "accounts.cli.limits:limits",
}
EXPECTED_ERRORS = (SettingsError, Problem, SQLAlchemyError, OSError)
"""Errors that are no bug of the program."""


@click.group(cls=LazyGroup, imports=COMMANDS, context_settings=CONTEXT_SETTINGS)
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
    except EXPECTED_ERRORS as error:
        _exit_with_error(describe_error(error))
    sys.exit(status if isinstance(status, int) else 0)


def describe_error(error: Exception) -> str:
    """Return one line about one of :data:`EXPECTED_ERRORS`, for the operator."""
    if isinstance(error, Problem):
        details = [f"{each.field}: {each.message % each.values}" for each in error.fields]
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
