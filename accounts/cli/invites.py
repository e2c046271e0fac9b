"""Declare ``accounts invites``: send invitations one by one or by lists, and change the open ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import click

from accounts.cli import invite_exports
from accounts.cli.commands import Group, json_option
from accounts.cli.context import open_unit_of_work
from accounts.cli.invite_columns import BATCH_COLUMNS, BATCH_ROW_COLUMNS, INVITE_COLUMNS
from accounts.cli.output import print_done, print_json, print_table, show_progress
from accounts.cli.shared_invites import SHARED_INVITE_COMMANDS
from accounts.core.models.invites import InviteBatch
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import batches, search, sending
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.batch_entries import REASON_MESSAGES
from accounts.flows.invites.batch_file import NewBatchForm
from accounts.flows.invites.batches import BATCHES, BatchRowsForm
from accounts.flows.invites.link import make_invite_url
from accounts.flows.invites.manage import ChangeInvitesForm, ExtendInviteForm, InviteAction
from accounts.flows.invites.preview import VERDICTS
from accounts.flows.invites.search import INVITE_STATES, InviteSearchForm
from accounts.flows.shared.frozen_lists import ListPageForm
from accounts.flows.shared.pages import iter_pages
from accounts.flows.shared.validation import validate
from accounts.web.answers.base import CountOut
from accounts.web.answers.invites import (
    BatchOut,
    BatchRowOut,
    InviteOut,
    InvitePageOut,
    ListedInviteOut,
)

MAX_PRINTED_ROWS = 20


@click.group(cls=Group)
def invites() -> None:
    """Send and change invitations, one by one or by lists. BATCH is a name or an id."""


for command in SHARED_INVITE_COMMANDS:
    invites.add_command(command)


@invites.command("create")
@click.argument("email", required=False)
@click.option("--name", "person", default="", help="What the person is called, in the letter and in the account.")
@click.option("--message", default="", help="A few words of your own: text without links, at most 500 characters.")
@click.option("--app", default="", help="Id or name of the app that it leads to.")
@click.option("--group", "groups", multiple=True, help="A group to join; may be given several times.")
@click.option("--days", type=int, help="How long the link works.  [default: ACCOUNTS_LIFETIME_INVITE, or 7]")
@click.option("--locale", default=None, help="Language of the letter.")
@click.option("--print", "printed", is_flag=True, help="Print the link instead of mailing it.")
@click.option("--csv", "file", type=click.File("rb", lazy=False), help="Invite everybody on this list.")
@click.option("--batch", "name", help="Name of the batch that the list becomes.")
@click.option(
    "--group-column", "group_columns", multiple=True, help="A column of the list whose values become groups."
)
@click.option("--suspended", is_flag=True, help="Also invite people whom the list calls suspended, disabled or gone.")
@click.option("--dry-run", "dry", is_flag=True, help="Only say what would happen to each row of the list.")
@json_option
def create_invites(
    email: str | None,
    person: str,
    message: str,
    app: str,
    groups: tuple[str, ...],
    days: int | None,
    locale: str | None,
    printed: bool,
    file: BinaryIO | None,
    name: str | None,
    group_columns: tuple[str, ...],
    suspended: bool,
    dry: bool,
    as_json: bool,
) -> None:
    """Invite EMAIL, or every address on a list. The mail worker sends the letters; --print shows the link instead."""
    if (email is None) == (file is None):
        raise click.UsageError("Name one address, or a list with --csv.")
    if file is None and (group_columns or suspended):
        raise click.UsageError("--group-column and --suspended are for a list.")
    if file is not None and person:
        raise click.UsageError("--name is for one address; a list has a column for names.")
    if file is not None and printed:
        raise click.UsageError("--print is for one address; links of a batch: accounts invites export-batch.")
    uow = open_unit_of_work()
    data: dict[str, Any] = {"groups": list(groups), "locale": locale or uow.site.settings.locale}
    data |= {"app": app, "message": message, **({"days": days} if days is not None else {})}
    if file is None:
        _invite_one(uow, {**data, "email": email, "name": person}, printed, as_json=as_json)
        return
    data |= {"group_columns": list(group_columns), "suspended": suspended}
    form = validate(NewBatchForm, {**data, "name": name or Path(file.name).stem, "file": file})
    batch = batches.create_batch(uow, form)
    if not as_json:
        _print_batch(uow, batch)
    if not dry:
        _send_batch(uow, batch, as_json=as_json)
    elif as_json:
        print_json(BatchOut.from_batch(batch, batches.count_batch(uow, batch.id)))


@invites.command("list")
@click.argument("text", default="")
@click.option("--state", type=click.Choice(INVITE_STATES), default=None)
@click.option("--batch", "name", help="Only those of this batch.")
@json_option
def list_invites(text: str, state: str | None, name: str | None, as_json: bool) -> None:
    """List invitations, newest first: all, or those where a word of address or name begins with TEXT."""
    uow = open_unit_of_work()
    batch = batches.find_batch(uow, name).id if name else ""
    form = validate(InviteSearchForm, {"q": text, "state": state or "", "batch": batch})
    print_table(_iter_invite_pages(uow, form), INVITE_COLUMNS, as_json=as_json)


@invites.command("list-batches")
@json_option
def list_batches(as_json: bool) -> None:
    """List batches, newest first, and how many rows of each are left to send."""
    uow = open_unit_of_work()
    print_table(_iter_batch_pages(uow), BATCH_COLUMNS, as_json=as_json)


@invites.command("show-batch")
@click.argument("batch")
@json_option
def show_batch(batch: str, as_json: bool) -> None:
    """Show what would happen, or has happened, to each row of a batch."""
    uow = open_unit_of_work()
    batch_id = batches.find_batch(uow, batch).id
    print_table(_iter_row_pages(uow, batch_id), BATCH_ROW_COLUMNS, as_json=as_json)


@invites.command("send-batch")
@click.argument("batch")
@json_option
def send_batch(batch: str, as_json: bool) -> None:
    """Send the rest of a batch. It may be interrupted and called again; no address is invited twice."""
    uow = open_unit_of_work()
    _send_batch(uow, batches.find_batch(uow, batch), as_json=as_json)


@invites.command("discard-batch")
@click.argument("batch")
@json_option
def discard_batch(batch: str, as_json: bool) -> None:
    """Delete the list of a batch; invitations that were sent from it stay."""
    uow = open_unit_of_work()
    row = batches.find_batch(uow, batch)
    name = row.name
    count = batches.discard_batch(uow, row.id)
    print_done({"rows": count, "batch": name}, f"{count} rows of {name} are gone", as_json=as_json)


@invites.command("resend")
@click.argument("ids", nargs=-1)
@click.option("--batch", "name", help="All open ones of this batch.")
@json_option
def resend_invites(ids: tuple[str, ...], name: str | None, as_json: bool) -> None:
    """Mail open invitations again."""
    _change_invites("resend", ids, name, as_json=as_json)


@invites.command("extend")
@click.argument("ids", nargs=-1)
@click.option("--batch", "name", help="All of this batch that were not accepted.")
@click.option("--days", type=int, default=ExtendInviteForm().days, show_default=True, help="How long from now.")
@json_option
def extend_invites(ids: tuple[str, ...], name: str | None, days: int, as_json: bool) -> None:
    """Mail new links that expire later; links that were sent before stay valid until they expire."""
    _change_invites("extend", ids, name, days, as_json=as_json)


@invites.command("revoke")
@click.argument("ids", nargs=-1)
@click.option("--batch", "name", help="All open ones of this batch, and nothing more of it is sent.")
@json_option
def revoke_invites(ids: tuple[str, ...], name: str | None, as_json: bool) -> None:
    """Revoke invitations and every link of them."""
    _change_invites("revoke", ids, name, as_json=as_json)


def _iter_invite_pages(uow: UnitOfWork, form: InviteSearchForm) -> Iterator[Sequence[ListedInviteOut]]:
    for page in iter_pages(uow, form, partial(search.search_invites, uow)):
        yield InvitePageOut.from_page(page).invites


def _iter_batch_pages(uow: UnitOfWork) -> Iterator[list[BatchOut]]:
    for page in iter_pages(uow, ListPageForm(), partial(BATCHES.fetch_page, uow)):
        counts = batches.count_batches(uow, [row.id for row in page.rows])
        yield [BatchOut.from_batch(row, counts[row.id]) for row in page.rows]


def _iter_row_pages(uow: UnitOfWork, batch_id: str) -> Iterator[list[BatchRowOut]]:
    for page in iter_pages(uow, BatchRowsForm(), partial(batches.list_batch_rows, uow, batch_id)):
        yield [BatchRowOut.from_row(row, str) for row in page.rows]


def _invite_one(uow: UnitOfWork, data: dict[str, Any], printed: bool, *, as_json: bool) -> None:
    row = send_invites.send_invite(uow, validate(send_invites.InviteForm, data), send_letter=not printed)
    answer = InviteOut.from_invite(row)
    if not printed:
        print_done(answer, f"invitation {row.id} to {row.email} is due", as_json=as_json)
        return
    with uow:
        url = make_invite_url(uow, row)
    print_done({**answer.model_dump(), "url": url}, url, as_json=as_json)


def _print_batch(uow: UnitOfWork, batch: InviteBatch) -> None:
    counts = batches.count_batch(uow, batch.id).rows
    summary = ", ".join(f"{each} {counts[each]}" for each in VERDICTS if each in counts)
    click.echo(f"batch {batch.id} {batch.name}: {summary}")
    for verdict in ("malformed", "refused", "duplicate"):
        form = BatchRowsForm(verdict=verdict, limit=MAX_PRINTED_ROWS)
        for row in batches.list_batch_rows(uow, batch.id, form).rows:
            click.echo(f"  line {row.line}: {row.email or '-'}: {REASON_MESSAGES[row.reason]}")
    if batch.unused:
        click.echo(f"  columns that are not used: {', '.join(batch.unused)}")


def _send_batch(uow: UnitOfWork, batch: InviteBatch, *, as_json: bool) -> None:
    uow.release()
    end = show_progress(sending.send_batch(uow.site, uow.request_info, batch.id), batch.name)
    answer = BatchOut.from_batch(batch, batches.count_batch(uow, batch.id)) if as_json else None
    print_done(answer, f"{end.done} of {batch.name} are invited; letters are due", as_json=as_json)


def _change_invites(
    action: InviteAction, ids: tuple[str, ...], name: str | None, days: int = 1, *, as_json: bool
) -> None:
    if bool(ids) == (name is not None):
        raise click.UsageError("Name invitations by their ids, or one batch with --batch.")
    uow = open_unit_of_work()
    if name is not None:
        form = validate(ExtendInviteForm, {"days": days})
        count = manage_invites.change_batch_invites(uow, name, action, form.days)
    else:
        count = manage_invites.change_invites(
            uow, validate(ChangeInvitesForm, {"ids": list(ids), "act": action, "days": days})
        )
    print_done(CountOut(count=count), f"{action}: {count}", as_json=as_json)


for exporting in (invite_exports.report_batch, invite_exports.export_batch, invite_exports.print_invite_letters):
    invites.add_command(exporting)
