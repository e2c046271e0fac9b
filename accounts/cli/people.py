"""``accounts users``: what an operator does about accounts, on the console."""

from __future__ import annotations

import click

from accounts.cli.work import unit_of_work
from accounts.core.models import Account
from accounts.flows import accounts as people
from accounts.flows import sessions
from accounts.flows.inputs import GroupNames
from accounts.web.forms import checked


@click.group()
def users() -> None:
    """Look after accounts."""


@users.command("list")
def list_users() -> None:
    """All accounts, oldest first: id, state, address, groups."""
    for account in people.listing(unit_of_work()):
        click.echo("\t".join(_line(account)))


@users.command()
@click.argument("who")
def show(who: str) -> None:
    """One account, by id or address."""
    account = people.find(unit_of_work(), who)
    for label, value in (
        ("id", account.id),
        ("address", account.email),
        ("name", account.name or "-"),
        ("state", account.status),
        ("groups", ", ".join(account.groups) or "-"),
        ("language", account.locale),
        ("since", f"{account.created_at:%Y-%m-%d %H:%M} UTC"),
        ("last sign-in", f"{account.last_sign_in_at:%Y-%m-%d %H:%M} UTC" if account.last_sign_in_at else "-"),
    ):
        click.echo(f"{label:>12}  {value}")


@users.command()
@click.argument("who")
def disable(who: str) -> None:
    """Switch an account off; its sessions and links are dead at once."""
    uow = unit_of_work()
    account = people.disable(uow, people.find(uow, who).id)
    click.echo(f"{account.email} is disabled")


@users.command()
@click.argument("who")
def enable(who: str) -> None:
    """Switch an account on again."""
    uow = unit_of_work()
    account = people.enable(uow, people.find(uow, who).id)
    click.echo(f"{account.email} is active")


@users.command()
@click.argument("who")
@click.argument("groups", nargs=-1)
def groups(who: str, groups: tuple[str, ...]) -> None:
    """Make GROUPS the groups of an account; none at all takes it out of every group."""
    uow = unit_of_work()
    wanted = checked(GroupNames, {"groups": list(groups)}).groups
    account = people.set_groups(uow, people.find(uow, who).id, wanted)
    click.echo(f"{account.email} is in: {', '.join(account.groups) or 'no group'}")


@users.command("sign-out")
@click.argument("who")
def sign_out(who: str) -> None:
    """End all sessions of an account."""
    uow = unit_of_work()
    account = people.find(uow, who)
    sessions.end_everywhere(uow, account.id)
    click.echo(f"{account.email} is signed out everywhere")


def _line(account: Account) -> tuple[str, ...]:
    return account.id, account.status, account.email, ",".join(account.groups)
