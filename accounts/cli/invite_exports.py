"""Declare what is taken along of a batch: its links, letters to print, and a report of what became of each row."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import click

from accounts.cli.commands import Command, json_option
from accounts.cli.context import open_unit_of_work
from accounts.cli.output import print_table
from accounts.core import csv_files
from accounts.flows.invites import batches, export, report
from accounts.flows.invites.export import ORDERS, ExportInvitesForm
from accounts.flows.shared.validation import validate
from accounts.web.answers.invites import ExportedInviteOut, ReportLineOut


def _piles(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of which invitations of a batch, and in which order."""
    order = click.option(
        "--order", type=click.Choice(ORDERS), default=ORDERS[0], show_default=True, help="Sorted by."
    )
    return order(click.option("--group", default="", help="Only those who are invited into this group.")(command))


@click.command("report", cls=Command)
@click.argument("batch")
@json_option
def report_batch(batch: str, as_json: bool) -> None:
    """Print what became of each row of a batch, as CSV; with --json a line of JSON each. It holds no links."""
    uow = open_unit_of_work()
    batch_id = batches.find_batch(uow, batch).id
    uow.release()
    with closing(report.iter_report(uow.site, uow.request_info, batch_id)) as lines:
        if as_json:
            print_table(([ReportLineOut.model_validate(line)] for line in lines), {}, as_json=True)
            return
        for text in csv_files.format_csv(report.format_report(lines, str)):
            click.echo(text, nl=False)


@click.command("export-batch", cls=Command)
@click.argument("batch")
@_piles
@json_option
def export_batch(batch: str, order: str, group: str, as_json: bool) -> None:
    """Print the open invitations of a batch as CSV, each with a link. Anyone who holds a link can use it."""
    uow = open_unit_of_work()
    batch_id = batches.find_batch(uow, batch).id
    form = validate(ExportInvitesForm, {"order": order, "group": group})
    export.record_export(uow, batch_id, "links", form)
    with closing(export.iter_exported_invites(uow.site, uow.request_info, batch_id, form)) as links:
        if as_json:
            print_table(([ExportedInviteOut.model_validate(link)] for link in links), {}, as_json=True)
            return
        for text in csv_files.format_csv(export.format_mail_merge(links)):
            click.echo(text, nl=False)


@click.command("print-letters", cls=Command)
@click.argument("batch")
@_piles
@click.option("--cover/--no-cover", default=True, help="A sheet on top for whoever hands them out.")
def print_invite_letters(batch: str, order: str, group: str, cover: bool) -> None:
    """Print the open invitations of a batch as a page of letters, each with its link as a QR code."""
    # No other command of these needs the pages, which take a third of a start.
    from accounts.cli.app import open_app
    from accounts.web.admin.printing import PrintInvitesForm, render_letters

    uow = open_unit_of_work()
    form = validate(PrintInvitesForm, {"order": order, "group": group, "cover": cover})
    found = batches.find_batch(uow, batch)
    batch_id, summary = found.id, report.summarize_batch(uow, found, form) if cover else None
    export.record_export(uow, batch_id, "letters", form)
    with (
        open_app().test_request_context(),
        closing(export.iter_exported_invites(uow.site, uow.request_info, batch_id, form)) as links,
    ):
        for text in render_letters(links, form, summary, standalone=True):
            click.echo(text, nl=False)
