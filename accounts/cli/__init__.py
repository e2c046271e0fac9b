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
from accounts.cli.serve import serve, upgrade, worker
from accounts.cli.users import users
from accounts.config import SettingsError
from accounts.core.errors import Problem
from accounts.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="accounts")
def cli() -> None:
    """A signed-token account service. Settings come from ACCOUNTS_* in the environment."""


COMMANDS = (
    *(serve, upgrade, worker, config),
    *(invite, invites, users, apps),
    *(import_, export, copy, backup, restored),
    *(keys, oidc_keys, link, mail, letters, audit, limits),
)
users.add_command(identities)
for command in COMMANDS:
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 0, with 1 for what went wrong, with 2 for wrong usage."""
    try:
        cli(arguments, standalone_mode=True)
    except SettingsError as error:
        _exit_with_error(str(error))
    except Problem as problem:
        details = [f"{each.field}: {each.message % each.values}" for each in problem.fields]
        _exit_with_error("; ".join(details) or problem.reason or problem.message)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
        _exit_with_error(f"the store does not answer as it should: {reason}")
    except OSError as error:
        _exit_with_error(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _exit_with_error(reason: str) -> None:
    click.echo(f"accounts: {reason}", err=True)
    sys.exit(1)
