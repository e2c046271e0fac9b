"""``accounts keys``: the ring, without its secrets."""

from __future__ import annotations

import click

from accounts.cli.work import make_house
from accounts.core.keys import new_key


@click.group(invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """Show the key ring, oldest first. The last key signs; all of them open."""
    if context.invoked_subcommand is not None:
        return
    ring = make_house().ring
    for number, key in enumerate(reversed(list(ring.newest_first())), 1):
        click.echo(f"{number}\t{key.name}\t{'signs' if key == ring.signing else 'opens'}")


@keys.command()
def new() -> None:
    """Print a fresh key, fit for ACCOUNTS_SECRET_KEYS."""
    click.echo(new_key())
