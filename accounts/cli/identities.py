"""More of ``accounts users``: the sign-ins of other services that are connected to an account."""

from __future__ import annotations

import click

from accounts.cli.context import unit_of_work
from accounts.cli.users import users
from accounts.flows.shared import accounts
from accounts.flows.upstream import identities as connected


@users.command()
@click.argument("who")
def identities(who: str) -> None:
    """The connected sign-ins of an account: id, service, account there, since, last used."""
    uow = unit_of_work()
    for each in connected.list_identities(uow, accounts.find_account(uow, who).id):
        used = f"{each.last_used_at:%Y-%m-%d %H:%M}" if each.last_used_at else "-"
        click.echo(f"{each.id}\t{each.label}\t{each.shown or '-'}\t{each.created_at:%Y-%m-%d %H:%M}\t{used}")


@users.command()
@click.argument("who")
@click.argument("identity")
def disconnect(who: str, identity: str) -> None:
    """Take the connected sign-in IDENTITY from an account, and tell its owner so."""
    uow = unit_of_work()
    connected.disconnect_identity_as_admin(uow, accounts.find_account(uow, who).id, identity)
    click.echo("that sign-in is disconnected")
