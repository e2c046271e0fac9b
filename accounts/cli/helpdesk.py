"""More of ``accounts users`` and ``accounts mail``, and ``accounts limits``: what a helpdesk asks there."""

from __future__ import annotations

import click

from accounts.cli.context import open_unit_of_work
from accounts.cli.mail import mail
from accounts.cli.users import find_account, format_account_row, users
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.labels import EVENT_LABELS
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk import dead_letters, mail_trace
from accounts.flows.helpdesk import limits as helpdesk_limits
from accounts.flows.helpdesk.accounts import AccountSearchForm, DeleteAccountForm
from accounts.flows.helpdesk.mail_trace import MailTrace, TraceMailForm
from accounts.flows.sessions import session_list
from accounts.flows.shared.validation import validate


@users.command()
@click.argument("text", default="")
@click.option("--group", default="", help="Only members of this group.")
@click.option("--state", default="", help="active, locked or disabled.")
@click.option("--after", default="", metavar="ID", help="Go on behind this account.")
def find(text: str, group: str, state: str, after: str) -> None:
    """Accounts whose address or name has TEXT in it: id, state, address, groups. At most 50."""
    form = validate(AccountSearchForm, {"q": text, "group": group, "state": state, "after": after})
    page = helpdesk_accounts.search_accounts(open_unit_of_work(), form)
    for row in page.rows:
        click.echo("\t".join(format_account_row(row)))
    if page.next:
        click.echo(f"accounts: there are more; go on with --after {page.next}", err=True)


@users.command()
@click.argument("who")
def history(who: str) -> None:
    """What happened to an account lately, newest first."""
    uow, account = find_account(who)
    for event in helpdesk_accounts.get_account_details(uow, account.id).history:
        actor = f"by {event.actor}" if event.actor else "-"
        label = EVENT_LABELS.get(event.kind, event.kind)
        click.echo(f"{event.at:%Y-%m-%d %H:%M:%S}\t{label}\t{event.network or '-'}\t{actor}")


@users.command()
@click.argument("who")
def sessions(who: str) -> None:
    """Where an account is signed in: id, since, until, network, device."""
    uow, account = find_account(who)
    for session in session_list.list_sessions(uow, account.id):
        times = f"{session.began:%Y-%m-%d %H:%M}\t{session.ends:%Y-%m-%d %H:%M}"
        click.echo(f"{session.id}\t{times}\t{session.network or '-'}\t{session.agent or '-'}")


@users.command("end-session")
@click.argument("who")
@click.argument("session")
def end_session(who: str, session: str) -> None:
    """End the one SESSION of an account."""
    uow, account = find_account(who)
    helpdesk_accounts.end_account_session(uow, account.id, session)
    click.echo("that session is over")


@users.command()
@click.argument("who")
def reset(who: str) -> None:
    """Mail the owner a link to choose a new password."""
    uow, account = find_account(who)
    helpdesk_accounts.send_password_reset(uow, account.id)
    click.echo(f"a letter to {account.email} is due")


@users.command()
@click.argument("who")
def unlock(who: str) -> None:
    """Lift the lock that follows many wrong passwords."""
    uow, account = find_account(who)
    helpdesk_accounts.clear_account_lock(uow, account.id)
    click.echo(f"{account.email} can try passwords again")


@users.command()
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(who: str, yes: bool) -> None:
    """Delete an account for good, and tell its address so."""
    uow, account = find_account(who)
    id, email = account.id, account.email
    if not yes:
        click.confirm(f"Delete {email} and everything known about it?", abort=True)
    helpdesk_accounts.delete_account_as_admin(uow, id, validate(DeleteAccountForm, {"email": email}))
    click.echo(f"{email} is deleted")


@mail.command()
@click.argument("address")
def trace(address: str) -> None:
    """What became of the mail to ADDRESS: asked, held back, waiting, sent, given up."""
    uow = open_unit_of_work()
    traced, _ = mail_trace.trace_mail(uow, validate(TraceMailForm, {"email": address}))
    if traced is not None:
        _print_trace(traced)


@mail.command()
@click.argument("name", default="")
def retry(name: str) -> None:
    """Try the letters that were given up once more: all, or the one of this NAME."""
    uow = open_unit_of_work()
    if name:
        dead_letters.retry_dead_letter(uow, name)
    click.echo(f"{1 if name else dead_letters.retry_all_dead_letters(uow)} will be tried again")


@click.group()
def limits() -> None:
    """What holds somebody up who tried too often."""


@limits.command()
@click.argument("address", default="")
@click.option("--network", default="", help="An IP address.")
def show(address: str, network: str) -> None:
    """What has been counted of ADDRESS, and of a network: limit, of what, tries, allowed, until."""
    for usage in helpdesk_limits.list_limits(*_prepare_limits(address, network)):
        full = "\tfull" if usage.full else ""
        columns = f"{usage.limit}\t{usage.of}\t{usage.tries}\t{usage.allowed}\t{usage.ends:%Y-%m-%d %H:%M:%S}"
        click.echo(columns + full)


@limits.command()
@click.argument("address", default="")
@click.option("--network", default="", help="An IP address.")
def lift(address: str, network: str) -> None:
    """Have that counted from the beginning."""
    cleared = helpdesk_limits.clear_limits(*_prepare_limits(address, network))
    click.echo(f"lifted: {', '.join(cleared) or 'nothing, as nothing was counted'}")


def _prepare_limits(address: str, network: str) -> tuple[UnitOfWork, helpdesk_limits.LimitsForm]:
    return open_unit_of_work(), validate(helpdesk_limits.LimitsForm, {"email": address, "network": network})


def _print_trace(traced: MailTrace) -> None:
    state = "active" if traced.account and traced.account.active else "disabled"
    click.echo(f"{traced.email}: " + (f"account {traced.account.id}, {state}" if traced.account else "no account"))
    for held in traced.held:
        until = f"{held.until:%Y-%m-%d %H:%M:%S}"
        click.echo(f"{held.at:%Y-%m-%d %H:%M:%S}  held back by the limit {held.limit} ({held.purpose}) until {until}")
    for letter in traced.letters:
        reason = f": {letter.why}" if letter.why else ""
        click.echo(f"{letter.at:%Y-%m-%d %H:%M:%S}  {letter.purpose}  {letter.state}{reason}  {letter.mail}")
        for step in letter.steps:
            reply = f": {step.said}" if step.said else ""
            click.echo(
                f"    {step.at:%Y-%m-%d %H:%M:%S}  {EVENT_LABELS.get(step.kind, step.kind)}  {step.network}{reply}"
            )
    for invite in traced.invitations:
        click.echo(f"{invite.created_at:%Y-%m-%d %H:%M:%S}  invite  {invite.state}  {invite.id}")
    for held in traced.networks_held:
        click.echo(f"{held.at:%Y-%m-%d %H:%M:%S}  network {held.network} was held back")
