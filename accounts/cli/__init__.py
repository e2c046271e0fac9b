"""The command ``accounts``. What goes wrong is one clear line on stderr, and the exit status says so."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from sqlalchemy.exc import SQLAlchemyError

from accounts.cli.apps import apps
from accounts.cli.audit import audit
from accounts.cli.backup import backup, restored
from accounts.cli.config import config
from accounts.cli.copy import copy, export
from accounts.cli.helpdesk import limits
from accounts.cli.identities import identities
from accounts.cli.importing import import_
from accounts.cli.invites import invite, invites
from accounts.cli.keys import keys
from accounts.cli.links import link
from accounts.cli.mail import letters, mail
from accounts.cli.oidc_keys import oidc_keys
from accounts.cli.serve import first_admin, serve, upgrade, worker
from accounts.cli.users import users
from accounts.config import SettingsError
from accounts.core.errors import Problem
from accounts.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="accounts")
def cli() -> None:
    """A signed-token account service. Settings come from ACCOUNTS_* in the environment."""


COMMANDS = (
    *(serve, upgrade, first_admin, worker, config),
    *(invite, invites, users, apps),
    *(import_, export, copy, backup, restored),
    *(keys, oidc_keys, link, mail, letters, audit, limits),
)
EXPECTED_ERRORS = (SettingsError, Problem, SQLAlchemyError, OSError)
"""What goes wrong without a mistake in the program."""
users.add_command(identities)
for command in COMMANDS:
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 0, with 1 for what went wrong, with 2 for wrong usage."""
    try:
        cli(arguments, standalone_mode=True)
    except EXPECTED_ERRORS as error:
        click.echo(f"accounts: {describe_error(error)}", err=True)
        sys.exit(1)


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
