"""``accounts users``: what an operator does about accounts, on the console."""

from __future__ import annotations

import click

from accounts.cli.context import open_unit_of_work
from accounts.core.database.page import MAX_ROWS_PER_PAGE
from accounts.core.models.account import Account
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk.accounts import AccountRow, AccountSearchForm
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import GroupsForm
from accounts.flows.shared.validation import validate


@click.group()
def users() -> None:
    """Look after accounts."""


@users.command("list")
def list_users() -> None:
    """All accounts by address: id, state, address, groups."""
    uow = open_unit_of_work()
    cursor: str | None = ""
    while cursor is not None:
        page = helpdesk_accounts.search_accounts(uow, AccountSearchForm(after=cursor, limit=MAX_ROWS_PER_PAGE))
        for row in page.rows:
            click.echo("\t".join(format_account_row(row)))
        uow.release()
        cursor = page.next


@users.command()
@click.argument("who")
def show(who: str) -> None:
    """One account, by id or address."""
    _, account = find_account(who)
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
    uow, account = find_account(who)
    accounts.disable_account(uow, account.id)
    click.echo(f"{account.email} is disabled")


@users.command()
@click.argument("who")
def enable(who: str) -> None:
    """Switch an account on again."""
    uow, account = find_account(who)
    accounts.enable_account(uow, account.id)
    click.echo(f"{account.email} is active")


@users.command()
@click.argument("who")
@click.argument("groups", nargs=-1)
def groups(who: str, groups: tuple[str, ...]) -> None:
    """Make GROUPS the groups of an account; none at all takes it out of every group."""
    uow, account = find_account(who)
    new_groups = validate(GroupsForm, {"groups": list(groups)}).groups
    account = accounts.set_groups(uow, account.id, new_groups)
    click.echo(f"{account.email} is in: {', '.join(account.groups) or 'no group'}")


@users.command("sign-out")
@click.argument("who")
def sign_out(who: str) -> None:
    """End all sessions of an account."""
    uow, account = find_account(who)
    sessions.sign_out_everywhere(uow, account.id)
    click.echo(f"{account.email} is signed out everywhere")


def find_account(who: str) -> tuple[UnitOfWork, Account]:
    """A unit of work of the operator, and the account of an id or an address in it.

    :raises NotFound: there is none.
    """
    uow = open_unit_of_work()
    return uow, accounts.find_account(uow, who)


def format_account_row(row: AccountRow) -> tuple[str, ...]:
    """What lists say of an account."""
    return row.id, row.state, row.email, ",".join(row.groups)
