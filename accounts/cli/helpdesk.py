"""More of ``accounts users`` and ``accounts mail``, and ``accounts limits``: what a helpdesk asks there."""

from __future__ import annotations

import click

from accounts.cli.context import unit_of_work
from accounts.cli.mail import mail
from accounts.cli.users import found, line, users
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.labels import HAPPENED
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk import dead_letters, mail_trace
from accounts.flows.helpdesk import limits as helpdesk_limits
from accounts.flows.helpdesk.accounts import AccountPage, DeleteAccount
from accounts.flows.helpdesk.mail_trace import Trace, TraceMail
from accounts.flows.sessions import session_list
from accounts.web.kit.forms import validate


@users.command()
@click.argument("text", default="")
@click.option("--group", default="", help="Only members of this group.")
@click.option("--state", default="", help="active, locked or disabled.")
@click.option("--after", default="", metavar="ID", help="Go on behind this account.")
def find(text: str, group: str, state: str, after: str) -> None:
    """Accounts whose address or name has TEXT in it: id, state, address, groups. At most 50."""
    said = validate(AccountPage, {"q": text, "group": group, "state": state, "after": after})
    rows, place = helpdesk_accounts.search(unit_of_work(), said)
    for each in rows:
        click.echo("\t".join(line(each)))
    if place:
        click.echo(f"accounts: there are more; go on with --after {place}", err=True)


@users.command()
@click.argument("who")
def history(who: str) -> None:
    """What happened to an account lately, newest first."""
    uow, account = found(who)
    for each in helpdesk_accounts.show(uow, account.id).history:
        did = f"by {each.actor}" if each.actor else "-"
        click.echo(f"{each.at:%Y-%m-%d %H:%M:%S}\t{HAPPENED.get(each.kind, each.kind)}\t{each.network or '-'}\t{did}")


@users.command()
@click.argument("who")
def sessions(who: str) -> None:
    """Where an account is signed in: id, since, until, network, device."""
    uow, account = found(who)
    for each in session_list.list_sessions(uow, account.id, account.auth_epoch):
        times = f"{each.began:%Y-%m-%d %H:%M}\t{each.ends:%Y-%m-%d %H:%M}"
        click.echo(f"{each.id}\t{times}\t{each.network or '-'}\t{each.agent or '-'}")


@users.command("end-session")
@click.argument("who")
@click.argument("session")
def end_session(who: str, session: str) -> None:
    """End the one SESSION of an account."""
    uow, account = found(who)
    helpdesk_accounts.end_session(uow, account.id, session)
    click.echo("that session is over")


@users.command()
@click.argument("who")
def reset(who: str) -> None:
    """Mail the owner a link to choose a new password."""
    uow, account = found(who)
    helpdesk_accounts.send_reset(uow, account.id)
    click.echo(f"a letter to {account.email} is due")


@users.command()
@click.argument("who")
def unlock(who: str) -> None:
    """Lift the lock that follows many wrong passwords."""
    uow, account = found(who)
    helpdesk_accounts.lift_lock(uow, account.id)
    click.echo(f"{account.email} can try passwords again")


@users.command()
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(who: str, yes: bool) -> None:
    """Delete an account for good, and tell its address so."""
    uow, account = found(who)
    id, email = account.id, account.email
    if not yes:
        click.confirm(f"Delete {email} and everything known about it?", abort=True)
    helpdesk_accounts.delete(uow, id, validate(DeleteAccount, {"email": email}))
    click.echo(f"{email} is deleted")


@mail.command()
@click.argument("address")
def trace(address: str) -> None:
    """What became of the mail to ADDRESS: asked, held back, waiting, sent, given up."""
    uow = unit_of_work()
    traced, _ = mail_trace.look(uow, validate(TraceMail, {"email": address}))
    if traced is not None:
        _print(traced)


@mail.command()
@click.argument("name", default="")
def retry(name: str) -> None:
    """Try the letters that were given up once more: all, or the one of this NAME."""
    uow = unit_of_work()
    if name:
        dead_letters.send_again(uow, name)
    click.echo(f"{1 if name else dead_letters.send_all_again(uow)} will be tried again")


@click.group()
def limits() -> None:
    """What holds somebody up who tried too often."""


@limits.command()
@click.argument("address", default="")
@click.option("--network", default="", help="An IP address.")
def show(address: str, network: str) -> None:
    """What has been counted of ADDRESS, and of a network: limit, of what, tries, allowed, until."""
    for each in helpdesk_limits.look(*_whose(address, network)):
        full = "\tfull" if each.full else ""
        told = f"{each.limit}\t{each.of}\t{each.tries}\t{each.allowed}\t{each.ends:%Y-%m-%d %H:%M:%S}"
        click.echo(told + full)


@limits.command()
@click.argument("address", default="")
@click.option("--network", default="", help="An IP address.")
def lift(address: str, network: str) -> None:
    """Have that counted from the beginning."""
    lifted = helpdesk_limits.lift(*_whose(address, network))
    click.echo(f"lifted: {', '.join(lifted) or 'nothing, as nothing was counted'}")


def _whose(address: str, network: str) -> tuple[UnitOfWork, helpdesk_limits.WhoseLimits]:
    return unit_of_work(), validate(helpdesk_limits.WhoseLimits, {"email": address, "network": network})


def _print(found: Trace) -> None:
    state = "active" if found.account and found.account.active else "disabled"
    click.echo(f"{found.email}: " + (f"account {found.account.id}, {state}" if found.account else "no account"))
    for each in found.held:
        until = f"{each.until:%Y-%m-%d %H:%M:%S}"
        click.echo(f"{each.at:%Y-%m-%d %H:%M:%S}  held back by the limit {each.limit} ({each.purpose}) until {until}")
    for letter in found.letters:
        why = f": {letter.why}" if letter.why else ""
        click.echo(f"{letter.at:%Y-%m-%d %H:%M:%S}  {letter.purpose}  {letter.state}{why}  {letter.mail}")
        for step in letter.steps:
            said = f": {step.said}" if step.said else ""
            click.echo(f"    {step.at:%Y-%m-%d %H:%M:%S}  {HAPPENED.get(step.kind, step.kind)}  {step.network}{said}")
    for invited in found.invitations:
        click.echo(f"{invited.created_at:%Y-%m-%d %H:%M:%S}  invite  {invited.state}  {invited.id}")
    for each in found.networks_held:
        click.echo(f"{each.at:%Y-%m-%d %H:%M:%S}  network {each.network} was held back")
