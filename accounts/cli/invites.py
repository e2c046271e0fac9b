"""``accounts invite`` and ``accounts invites``: inviting from the console, one by one and by lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from accounts.cli.context import open_unit_of_work
from accounts.core import csv_files
from accounts.core.models.invites import InviteBatch
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import batches, export, search, sending
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.batch_file import NewBatchForm
from accounts.flows.invites.batch_rows import REASON_MESSAGES
from accounts.flows.invites.batches import BatchRowsForm
from accounts.flows.invites.link import make_invite_url
from accounts.flows.invites.manage import ChangeInvitesForm, ExtendInviteForm, InviteAction
from accounts.flows.invites.preview import VERDICTS
from accounts.flows.invites.search import INVITE_STATES, InviteSearchForm
from accounts.flows.shared.validation import validate

MAX_PRINTED_ROWS = 20


@click.command()
@click.argument("email", required=False)
@click.option("--group", "groups", multiple=True, help="A group to join; may be given several times.")
@click.option("--days", type=int, help="How long the link works.  [default: ACCOUNTS_LIFETIME_INVITE, or 7]")
@click.option("--locale", default=None, help="Language of the letter.")
@click.option("--print", "printed", is_flag=True, help="Print the link instead of mailing it.")
@click.option("--csv", "file", type=click.File("rb", lazy=False), help="Invite everybody on this list.")
@click.option("--batch", "name", help="Name of the batch that the list becomes.")
@click.option("--dry-run", "dry", is_flag=True, help="Only say what would happen to each row of the list.")
def invite(
    email: str | None,
    groups: tuple[str, ...],
    days: int | None,
    locale: str | None,
    printed: bool,
    file: BinaryIO | None,
    name: str | None,
    dry: bool,
) -> None:
    """Invite EMAIL, or everybody on a list. Letters go out with the mail worker; --print shows the link instead."""
    if (email is None) == (file is None):
        raise click.UsageError("Name one address, or a list with --csv.")
    if file is not None and printed:
        raise click.UsageError("--print is for one address; links of a batch: accounts invites export.")
    uow = open_unit_of_work()
    data: dict[str, Any] = {"groups": list(groups), "locale": locale or uow.site.settings.locale}
    data |= {"days": days} if days is not None else {}
    if file is None:
        _invite_one(uow, {**data, "email": email}, printed)
        return
    batch = batches.create_batch(
        uow, validate(NewBatchForm, {**data, "name": name or Path(file.name).stem, "file": file})
    )
    _print_batch(uow, batch)
    if not dry:
        _send_batch(uow, batch)


@click.group()
def invites() -> None:
    """Look after invitations and batches. A BATCH is named by its name or its id."""


@invites.command("list")
@click.argument("text", default="")
@click.option("--state", type=click.Choice(INVITE_STATES), default=None)
@click.option("--batch", "name", help="Only those of this batch.")
def list_invites(text: str, state: str | None, name: str | None) -> None:
    """Invitations whose address or name has TEXT in it, newest first: id, state, end, address, groups."""
    uow = open_unit_of_work()
    batch = batches.find_batch(uow, name).id if name else ""
    form = validate(InviteSearchForm, {"q": text, "state": state or "", "batch": batch})
    while True:
        page = search.search_invites(uow, form)
        for row in page.rows:
            click.echo(
                "\t".join((row.id, row.state, _format_timestamp(row.expires_at), row.email, ",".join(row.groups)))
            )
        if page.next is None:
            return
        form = form.model_copy(update={"after": page.next})


@invites.command("batches")
def list_batches() -> None:
    """Batches, newest first: id, how many are still to send, how many invitations in which state, name."""
    uow = open_unit_of_work()
    for batch in batches.list_batches(uow).rows:
        counts = batches.count_batch(uow, batch.id)
        states = " ".join(f"{state}={counts.invites[state]}" for state in INVITE_STATES if state in counts.invites)
        click.echo("\t".join((batch.id, f"left={counts.left}", states or "-", batch.name)))


@invites.command()
@click.argument("batch")
def show(batch: str) -> None:
    """What would happen, or has happened, to each row of a list."""
    uow = open_unit_of_work()
    invite_batch = batches.find_batch(uow, batch)
    cursor: str | None = ""
    while cursor is not None:
        page = batches.list_batch_rows(uow, invite_batch.id, BatchRowsForm(after=cursor))
        for row in page.rows:
            reason = REASON_MESSAGES[row.reason] if row.reason else ",".join(row.adds)
            click.echo("\t".join((str(row.line), row.verdict, row.email, reason)).rstrip())
        cursor = page.next


@invites.command()
@click.argument("batch")
def send(batch: str) -> None:
    """Send what is left of a batch. May be broken off, and goes on when called again; nobody is invited twice."""
    uow = open_unit_of_work()
    _send_batch(uow, batches.find_batch(uow, batch))


@invites.command()
@click.argument("batch")
def discard(batch: str) -> None:
    """Forget a list; invitations that were sent from it stay."""
    uow = open_unit_of_work()
    invite_batch = batches.find_batch(uow, batch)
    click.echo(f"{batches.discard_batch(uow, invite_batch.id)} rows of {invite_batch.name} are gone")


@invites.command()
@click.argument("ids", nargs=-1)
@click.option("--batch", "name", help="All open ones of this batch.")
def resend(ids: tuple[str, ...], name: str | None) -> None:
    """Mail open invitations once more."""
    _change_invites("resend", ids, name)


@invites.command()
@click.argument("ids", nargs=-1)
@click.option("--batch", "name", help="All of this batch that were not accepted.")
@click.option("--days", type=int, default=ExtendInviteForm().days, show_default=True, help="How long from now.")
def extend(ids: tuple[str, ...], name: str | None, days: int) -> None:
    """Mail links that end later; those that are out stay alive until their own end."""
    _change_invites("extend", ids, name, days)


@invites.command()
@click.argument("ids", nargs=-1)
@click.option("--batch", "name", help="All open ones of this batch, and nothing more of it is sent.")
def revoke(ids: tuple[str, ...], name: str | None) -> None:
    """Take invitations back: every link of them is dead."""
    _change_invites("revoke", ids, name)


@invites.command("export")
@click.argument("batch")
@click.option("--json", "as_json", is_flag=True, help="Lines of JSON instead of CSV.")
def export_links(batch: str, as_json: bool) -> None:
    """Print the open invitations of a batch, each with a link. Whoever has a link can use it."""
    uow = open_unit_of_work()
    invite_batch = batches.find_batch(uow, batch)
    export.record_export(uow, invite_batch.id, "links")
    with closing(export.iter_exported_invites(uow.site, uow.request_info, invite_batch.id)) as links:
        for text in _format_json_lines(links) if as_json else csv_files.format_csv(export.format_mail_merge(links)):
            click.echo(text, nl=False)


@invites.command("letters")
@click.argument("batch")
def print_letters(batch: str) -> None:
    """Print the open invitations of a batch as a page of letters, each with its link as a QR code."""
    from accounts.app import create_app
    from accounts.web.admin.printing import render_letters

    uow = open_unit_of_work()
    invite_batch = batches.find_batch(uow, batch)
    export.record_export(uow, invite_batch.id, "letters")
    with (
        create_app(uow.site.settings).test_request_context(),
        closing(export.iter_exported_invites(uow.site, uow.request_info, invite_batch.id)) as links,
    ):
        for text in render_letters(links, standalone=True):
            click.echo(text, nl=False)


def _format_json_lines(links: Iterator[export.ExportedInvite]) -> Iterator[str]:
    return (json.dumps(asdict(each), default=_format_timestamp) + "\n" for each in links)


def _invite_one(uow: UnitOfWork, data: dict[str, Any], printed: bool) -> None:
    row = send_invites.send_invite(uow, validate(send_invites.InviteForm, data), send_letter=not printed)
    if printed:
        with uow:
            url = make_invite_url(uow, row)
        click.echo(url)
    else:
        click.echo(f"invitation {row.id} to {row.email} is due")


def _print_batch(uow: UnitOfWork, batch: InviteBatch) -> None:
    counts = batches.count_batch(uow, batch.id).rows
    summary = ", ".join(f"{each} {counts[each]}" for each in VERDICTS if each in counts)
    click.echo(f"batch {batch.id} {batch.name}: {summary}")
    for verdict in ("malformed", "refused", "duplicate"):
        form = BatchRowsForm(verdict=verdict, limit=MAX_PRINTED_ROWS)
        for row in batches.list_batch_rows(uow, batch.id, form).rows:
            click.echo(f"  line {row.line}: {row.email or '-'}: {REASON_MESSAGES[row.reason]}", err=True)
    if batch.unused:
        click.echo(f"  columns that are not used: {', '.join(batch.unused)}", err=True)


def _send_batch(uow: UnitOfWork, batch: InviteBatch) -> None:
    counts = batches.count_batch(uow, batch.id)
    uow.release()
    sent = counts.rows.get("sent", 0)
    with (
        closing(sending.send_batch(uow.site, uow.request_info, batch.id)) as steps,
        click.progressbar(length=sent + counts.left, label=batch.name) as bar,
    ):
        for step in steps:
            bar.length = step.sent + step.left
            bar.update(step.sent - bar.pos)
            sent = step.sent
    click.echo(f"{sent} of {batch.name} are invited; letters are due")


def _change_invites(action: InviteAction, ids: tuple[str, ...], name: str | None, days: int = 1) -> None:
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
    click.echo(f"{action}: {count}")


def _format_timestamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
