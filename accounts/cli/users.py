"""Declare ``accounts users``: manage accounts as an operator, who never sees or chooses a password."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

import click

from accounts.cli.bulk import bulk_acts
from accounts.cli.commands import Group, confirm, json_option
from accounts.cli.context import open_account, open_unit_of_work
from accounts.cli.output import Columns, format_timestamp, print_done, print_fields, print_problem, print_table
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.labels import EVENT_LABELS
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk.accounts import AccountSearchForm, DeleteAccountForm
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions import session_list
from accounts.flows.shared import accounts
from accounts.flows.shared.credentials import RecoveryForm
from accounts.flows.shared.fields import GroupsForm
from accounts.flows.shared.pages import iter_pages
from accounts.flows.shared.validation import validate
from accounts.flows.upstream import identities
from accounts.web.answers.account import SessionOut
from accounts.web.answers.accounts import AccountDetailsOut, AccountRowOut
from accounts.web.answers.audit import AuditEventOut
from accounts.web.answers.base import MAIL_REQUESTED
from accounts.web.answers.upstream import IdentityOut

ACCOUNT_COLUMNS: Columns[AccountRowOut] = {
    "id": lambda row: row.id,
    "state": lambda row: f"{row.state}, unreachable" if row.unreachable else row.state,
    "address": lambda row: row.email,
    "groups": lambda row: row.groups,
}
EVENT_COLUMNS: Columns[AuditEventOut] = {
    "at": lambda event: event.at,
    "event": lambda event: EVENT_LABELS.get(event.kind, event.kind),
    "network": lambda event: event.network,
    "by": lambda event: event.actor,
}
SESSION_COLUMNS: Columns[SessionOut] = {
    "id": lambda row: row.id,
    "since": lambda row: row.began,
    "until": lambda row: row.ends,
    "network": lambda row: row.network,
    "active": lambda row: row.last_active,
    "device": lambda row: row.name or row.agent,
}
IDENTITY_COLUMNS: Columns[IdentityOut] = {
    "id": lambda row: row.id,
    "service": lambda row: row.label,
    "account there": lambda row: row.shown,
    "since": lambda row: row.created_at,
    "last used": lambda row: row.last_used_at,
}


@click.group(cls=Group)
def users() -> None:
    """List, show and change accounts. WHO is the id or the address of an account."""


users.add_command(bulk_acts)


@users.command("list")
@click.argument("text", default="")
@click.option("--group", default="", help="Only members of this group.")
@click.option("--state", default="", help="active, locked or disabled.")
@click.option("--after", default="", metavar="ID", help="Go on behind this account.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.  [default: all]")
@json_option
def list_users(text: str, group: str, state: str, after: str, limit: int | None, as_json: bool) -> None:
    """List accounts by address: all, or those where a word of address or name begins with TEXT."""
    form = validate(AccountSearchForm, {"q": text, "group": group, "state": state, "after": after})
    uow = open_unit_of_work()
    if limit is None:
        print_table(_iter_account_pages(uow, form), ACCOUNT_COLUMNS, as_json=as_json)
        return
    rows = list(islice((row for page in _iter_account_pages(uow, form) for row in page), limit + 1))
    print_table([rows[:limit]], ACCOUNT_COLUMNS, as_json=as_json)
    if len(rows) > limit:
        print_problem(f"there are more; go on with --after {rows[limit - 1].id}")


@users.command("show")
@click.argument("who")
@json_option
def show_user(who: str, as_json: bool) -> None:
    """Show one account."""
    uow, account = open_account(who)
    details = _get_details(uow, account.id)
    row, terms_at = details.account, details.terms_accepted_at
    fields = (
        ("id", row.id),
        ("address", row.email),
        ("proven", "yes" if row.email_verified else "no"),
        ("invited", "yes" if row.invited else "no"),
        ("unreachable", f"since {format_timestamp(row.unreachable.since)}" if row.unreachable else ""),
        ("name", row.name),
        ("state", row.state),
        ("groups", row.groups),
        ("language", details.locale),
        ("terms", f"{details.terms_version}, {terms_at}" if terms_at else ""),
        ("since", row.created_at),
        ("last sign-in", row.last_sign_in_at),
    )
    print_fields(details, fields, as_json=as_json)


@users.command("show-history")
@click.argument("who")
@json_option
def show_user_history(who: str, as_json: bool) -> None:
    """Show the latest audit events of an account, newest first."""
    uow, account = open_account(who)
    print_table([_get_details(uow, account.id).history], EVENT_COLUMNS, as_json=as_json)


@users.command("list-sessions")
@click.argument("who")
@json_option
def list_user_sessions(who: str, as_json: bool) -> None:
    """List the sessions of an account, newest first."""
    uow, account = open_account(who)
    rows = session_list.list_sessions(uow, account.id)
    print_table([[SessionOut.model_validate(row) for row in rows]], SESSION_COLUMNS, as_json=as_json)


@users.command("list-identities")
@click.argument("who")
@json_option
def list_user_identities(who: str, as_json: bool) -> None:
    """List the sign-ins of other services that are connected to an account."""
    uow, account = open_account(who)
    rows = [IdentityOut.model_validate(row) for row in identities.list_identities(uow, account.id)]
    print_table([rows], IDENTITY_COLUMNS, as_json=as_json)


@users.command("disable")
@click.argument("who")
@json_option
def disable_user(who: str, as_json: bool) -> None:
    """Disable an account; its sessions and links are revoked at once."""
    uow, account = open_account(who)
    accounts.disable_account(uow, account.id)
    _print_changed(uow, account.id, f"{account.email} is disabled", as_json=as_json)


@users.command("enable")
@click.argument("who")
@click.option(
    "--keep",
    multiple=True,
    type=click.Choice(tuple(RecoveryForm.model_fields)),
    help="What shall stay as it was; can be given several times.",
)
@json_option
def enable_user(who: str, keep: tuple[str, ...], as_json: bool) -> None:
    """Enable a disabled account again; old sessions and links stay revoked, and what is not kept is taken away."""
    uow, account = open_account(who)
    accounts.enable_account(uow, account.id, RecoveryForm(**dict.fromkeys(keep, False)))
    _print_changed(uow, account.id, f"{account.email} is active", as_json=as_json)


@users.command("set-groups")
@click.argument("who")
@click.argument("groups", nargs=-1)
@json_option
def set_user_groups(who: str, groups: tuple[str, ...], as_json: bool) -> None:
    """Replace the groups of an account by GROUPS, or by none. Losing a group ends its sessions."""
    uow, account = open_account(who)
    new_groups = validate(GroupsForm, {"groups": list(groups)}).groups
    account = accounts.set_groups(uow, account.id, new_groups)
    sentence = f"{account.email} is in: {', '.join(account.groups) or 'no group'}"
    _print_changed(uow, account.id, sentence, as_json=as_json)


@users.command("let-in")
@click.argument("who")
@click.option("--take-back", is_flag=True, help="Count it as not invited again.")
@json_option
def let_user_in(who: str, take_back: bool, as_json: bool) -> None:
    """Count an account as invited: it gets into apps that are only for people who were."""
    uow, account = open_account(who)
    accounts.set_invited(uow, account.id, invited=not take_back)
    sentence = f"{account.email} {'does not count' if take_back else 'counts'} as invited"
    _print_changed(uow, account.id, sentence, as_json=as_json)


@users.command("sign-out")
@click.argument("who")
@json_option
def sign_out_user(who: str, as_json: bool) -> None:
    """End all sessions of an account."""
    uow, account = open_account(who)
    sessions.sign_out_everywhere(uow, account.id)
    _print_changed(uow, account.id, f"{account.email} is signed out everywhere", as_json=as_json)


@users.command("end-session")
@click.argument("who")
@click.argument("session")
@json_option
def end_user_session(who: str, session: str, as_json: bool) -> None:
    """End one SESSION of an account."""
    uow, account = open_account(who)
    helpdesk_accounts.end_account_session(uow, account.id, session)
    _print_changed(uow, account.id, "that session is over", as_json=as_json)


@users.command("disconnect")
@click.argument("who")
@click.argument("identity")
@json_option
def disconnect_user_identity(who: str, identity: str, as_json: bool) -> None:
    """Disconnect the sign-in IDENTITY from an account, end all its sessions, and mail its owner a notice."""
    uow, account = open_account(who)
    identities.disconnect_identity_as_admin(uow, account.id, identity)
    _print_changed(uow, account.id, "that sign-in is disconnected", as_json=as_json)


@users.command("unlock")
@click.argument("who")
@json_option
def unlock_user(who: str, as_json: bool) -> None:
    """Unlock an account that many wrong passwords have locked."""
    uow, account = open_account(who)
    helpdesk_accounts.clear_account_lock(uow, account.id)
    _print_changed(uow, account.id, f"{account.email} can try passwords again", as_json=as_json)


@users.command("send-reset")
@click.argument("who")
@json_option
def send_password_reset(who: str, as_json: bool) -> None:
    """Mail the owner of an account a link to choose a new password."""
    uow, account = open_account(who)
    email = account.email
    helpdesk_accounts.send_password_reset(uow, account.id)
    print_done(MAIL_REQUESTED, f"a letter to {email} is due", as_json=as_json)


@users.command("delete")
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete_user(who: str, yes: bool, as_json: bool) -> None:
    """Delete an account for good, and mail a notice to its address."""
    uow, account = open_account(who)
    id, email = account.id, account.email
    confirm(f"Delete {email} and everything known about it?", yes=yes)
    helpdesk_accounts.delete_account_as_admin(uow, id, validate(DeleteAccountForm, {"email": email}))
    print_done({"deleted": True, "id": id, "email": email}, f"{email} is deleted", as_json=as_json)


def _iter_account_pages(uow: UnitOfWork, form: AccountSearchForm) -> Iterator[list[AccountRowOut]]:
    for page in iter_pages(uow, form, partial(helpdesk_accounts.search_accounts, uow)):
        yield [AccountRowOut.model_validate(row) for row in page.rows]


def _get_details(uow: UnitOfWork, account_id: str) -> AccountDetailsOut:
    return AccountDetailsOut.model_validate(helpdesk_accounts.get_account_details(uow, account_id))


def _print_changed(uow: UnitOfWork, account_id: str, sentence: str, *, as_json: bool) -> None:
    print_done(_get_details(uow, account_id) if as_json else None, sentence, as_json=as_json)
