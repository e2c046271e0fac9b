"""More of ``accounts users``: the sign-ins of other services that are connected to an account."""

from __future__ import annotations

import click

from accounts.cli.context import open_unit_of_work
from accounts.cli.users import users
from accounts.flows.shared import accounts
from accounts.flows.upstream import identities as connected


@users.command()
@click.argument("who")
def identities(who: str) -> None:
    """The connected sign-ins of an account: id, service, account there, since, last used."""
    uow = open_unit_of_work()
    for identity in connected.list_identities(uow, accounts.find_account(uow, who).id):
        last_used = f"{identity.last_used_at:%Y-%m-%d %H:%M}" if identity.last_used_at else "-"
        created = f"{identity.created_at:%Y-%m-%d %H:%M}"
        click.echo(f"{identity.id}\t{identity.label}\t{identity.shown or '-'}\t{created}\t{last_used}")


@users.command()
@click.argument("who")
@click.argument("identity")
def disconnect(who: str, identity: str) -> None:
    """Take the connected sign-in IDENTITY from an account, and tell its owner so."""
    uow = open_unit_of_work()
    connected.disconnect_identity_as_admin(uow, accounts.find_account(uow, who).id, identity)
    click.echo("that sign-in is disconnected")
