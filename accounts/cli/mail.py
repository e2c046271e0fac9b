"""Declare ``accounts mail``: count waiting letters, trace and retry letters, take in bounces, preview letters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from accounts.cli.commands import Group, json_option
from accounts.cli.context import load_settings, open_site, open_unit_of_work
from accounts.cli.output import Columns, format_timestamp, print_done, print_table
from accounts.config import LOCALES
from accounts.core import outbox
from accounts.core.uow import UnitOfWork
from accounts.delivery.letters import Letters, emails_folder
from accounts.delivery.samples import SAMPLE_ORIGIN, SAMPLE_TIME, SAMPLES, sample_letter
from accounts.flows.audit.labels import EVENT_LABELS
from accounts.flows.helpdesk import dead_letters, mail_lanes, mail_trace, unreachable_addresses
from accounts.flows.helpdesk.mail_trace import MailTrace, TracedLetter, TraceMailForm
from accounts.flows.helpdesk.unreachable_addresses import ReachableForm, UnreachableSearchForm
from accounts.flows.mail_bounces import record
from accounts.flows.mail_bounces.reports import MAX_REPORT_BYTES
from accounts.flows.shared.fields import PageForm
from accounts.flows.shared.pages import iter_pages
from accounts.flows.shared.validation import validate
from accounts.web.answers.mail import (
    CancelledMailOut,
    DeadLetterOut,
    MailCountsOut,
    MailTraceOut,
    ReportsOut,
    UnreachableOut,
    WaitingMailOut,
)

DEAD_LETTER_COLUMNS: Columns[DeadLetterOut] = {
    "name": lambda letter: letter.mail,
    "letter": lambda letter: letter.purpose,
    "to": lambda letter: letter.to,
    "asked": lambda letter: letter.created_at,
    "given up": lambda letter: letter.dead_at,
    "tries": lambda letter: letter.tries,
    "error": lambda letter: letter.error,
}

UNREACHABLE_COLUMNS: Columns[UnreachableOut] = {
    "address": lambda row: row.email,
    "of": lambda row: "account" if row.account else "invitation",
    "since": lambda row: row.since,
    "letter": lambda row: row.purpose,
    "status": lambda row: row.status,
    "why": lambda row: row.said,
}


@click.group(cls=Group)
def mail() -> None:
    """Count, trace, pause, retry and preview letters."""


@mail.command("count")
@json_option
def count_mail(as_json: bool) -> None:
    """Count the letters that wait and the letters that were given up."""
    waiting, dead = outbox.count_items(open_site().store.engine)
    print_done(MailCountsOut(waiting=waiting, dead=dead), f"{waiting} waiting, {dead} given up", as_json=as_json)


@mail.command("lanes")
@json_option
def show_lanes(as_json: bool) -> None:
    """Show what waits in each lane and of each batch, what stands still and why, and how long it takes."""
    overview = _waiting_mail(open_unit_of_work())
    print_done(overview, *_lane_lines(overview), as_json=as_json)


@mail.command("pause")
@click.argument("name", metavar="BATCH|LANE")
@json_option
def pause_mail(name: str, as_json: bool) -> None:
    """Send nothing more of BATCH, or of a LANE (direct, bulk, slow), until it is resumed."""
    uow = open_unit_of_work()
    mail_lanes.pause_mail(uow, name)
    print_done(_waiting_mail(uow), f"{name} is paused", as_json=as_json)


@mail.command("resume")
@click.argument("name", metavar="BATCH|LANE")
@json_option
def resume_mail(name: str, as_json: bool) -> None:
    """Go on with BATCH, or with a LANE (direct, bulk, slow), at once."""
    uow = open_unit_of_work()
    mail_lanes.resume_mail(uow, name)
    print_done(_waiting_mail(uow), f"{name} goes on", as_json=as_json)


@mail.command("cancel")
@click.argument("batch")
@json_option
def cancel_mail(batch: str, as_json: bool) -> None:
    """Drop the letters of BATCH that have not gone out. Its invitations stay open, to be sent or revoked."""
    count = mail_lanes.cancel_mail(open_unit_of_work(), batch)
    print_done(CancelledMailOut(letters=count), f"{count} letters are not sent", as_json=as_json)


@mail.command("list")
@json_option
def list_dead_mail(as_json: bool) -> None:
    """List the letters that were given up, with the reason."""
    uow = open_unit_of_work()
    pages = iter_pages(uow, PageForm(), partial(dead_letters.list_dead_letters, uow))
    rows = ([DeadLetterOut.model_validate(row) for row in page.rows] for page in pages)
    print_table(rows, DEAD_LETTER_COLUMNS, as_json=as_json)


@mail.command("trace")
@click.argument("address")
@json_option
def trace_mail(address: str, as_json: bool) -> None:
    """Show the history of the mail to ADDRESS: requested, held back by a limit, waiting, sent or given up."""
    traced, _ = mail_trace.trace_mail(open_unit_of_work(), validate(TraceMailForm, {"email": address}))
    if traced is None:
        raise click.ClickException("email: name an address")
    print_done(MailTraceOut.model_validate(traced), *_trace_lines(traced), as_json=as_json)


@mail.command("retry")
@click.argument("name", default="")
@json_option
def retry_mail(name: str, as_json: bool) -> None:
    """Retry the letters that were given up: all of them, or the one called NAME."""
    uow = open_unit_of_work()
    if name:
        dead_letters.retry_dead_letter(uow, name)
    count = 1 if name else dead_letters.retry_all_dead_letters(uow)
    print_done({"retried": count}, f"{count} will be tried again", as_json=as_json)


@mail.command("bounces")
@click.argument("file", type=click.File("rb"), default="-")
@json_option
def take_bounces(file: BinaryIO, as_json: bool) -> None:
    """Take in a report about a letter that came back: a mail, or JSON of a provider, from FILE or standard input."""
    uow = open_unit_of_work()
    raw = file.read(MAX_REPORT_BYTES + 1)
    if len(raw) > MAX_REPORT_BYTES:
        raise click.ClickException(f"the report is larger than {MAX_REPORT_BYTES} bytes")
    is_json = raw.lstrip()[:1] in (b"{", b"[")
    reports = record.parse_reports("application/json" if is_json else "message/rfc822", raw)
    taken = ReportsOut.model_validate(record.take_reports(uow, reports))
    text = f"{taken.recorded} recorded, {taken.known} known before, {taken.foreign} about no letter of this service"
    print_done(taken, text, as_json=as_json)


@mail.command("bounced")
@json_option
def list_bounced(as_json: bool) -> None:
    """List the addresses of accounts and open invitations from which mail came back."""
    uow = open_unit_of_work()
    pages = iter_pages(uow, UnreachableSearchForm(), partial(unreachable_addresses.list_unreachable, uow))
    rows = ([UnreachableOut.model_validate(row) for row in page.rows] for page in pages)
    print_table(rows, UNREACHABLE_COLUMNS, as_json=as_json)


@mail.command("reachable")
@click.argument("address")
@json_option
def count_as_reachable(address: str, as_json: bool) -> None:
    """Count ADDRESS as reachable again."""
    form = validate(ReachableForm, {"email": address})
    count = unreachable_addresses.count_as_reachable(open_unit_of_work(), form)
    words = f"{address} counts as reachable again" if count else f"{address} counted as reachable already"
    print_done({"count": count}, words, as_json=as_json)


@mail.command("preview")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--language", type=click.Choice(LOCALES), multiple=True, help="Only in this language. May be repeated.")
@json_option
def preview_letters(folder: Path, language: tuple[str, ...], as_json: bool) -> None:
    """Write every letter in every language into FOLDER, with sample data."""
    composer = Letters([emails_folder()], load_settings().service_name, SAMPLE_ORIGIN)
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name in SAMPLES:
        for locale in set(composer.languages(name)) & set(language or LOCALES):
            message = composer.compose(
                sample_letter(name, locale),
                sender="accounts@example.org",
                message_id=f"<{name}@example.org>",
                at=SAMPLE_TIME,
            )
            for part, text in (("txt", f"{message.subject}\n\n{message.body}"), ("html", str(message.html))):
                (folder / f"{name}.{locale}.{part}").write_text(text, encoding="utf-8")
                count += 1
    print_done({"files": count, "folder": folder}, f"{count} files in {folder}", as_json=as_json)


def _waiting_mail(uow: UnitOfWork) -> WaitingMailOut:
    return WaitingMailOut.model_validate(mail_lanes.get_overview(uow))


def _lane_lines(overview: WaitingMailOut) -> Iterator[str]:
    for lane in overview.lanes:
        oldest = f", the oldest since {format_timestamp(lane.oldest)}" if lane.oldest else ""
        yield f"{lane.lane}: {lane.waiting} waiting{oldest}"
        if lane.paused:
            retry = lane.paused.next_try_at
            then = f"one is tried at {format_timestamp(retry)}" if retry else f"go on with: mail resume {lane.lane}"
            yield f"    PAUSED since {format_timestamp(lane.paused.paused_at)}: {lane.paused.reason}; {then}"
    for batch in overview.batches:
        left = "" if batch.seconds_left is None else f", about {max(1, round(batch.seconds_left / 60))} min"
        state = f", paused since {format_timestamp(batch.paused_at)}" if batch.paused_at else left
        name = batch.name or batch.act or "of a list that was discarded"
        yield f"batch {batch.batch} {name}: {batch.waiting} waiting{state}"
    limit = f", lists at most {overview.bulk_per_minute}" if overview.bulk_per_minute else ""
    yield f"sent lately: {overview.per_minute} a minute{limit}"


def _trace_lines(traced: MailTrace) -> Iterator[str]:
    state = "active" if traced.account and traced.account.active else "disabled"
    yield f"{traced.email}: " + (f"account {traced.account.id}, {state}" if traced.account else "no account")
    for held in traced.held:
        at, until = format_timestamp(held.at), format_timestamp(held.until)
        yield f"{at}  held back by the limit {held.limit} ({held.purpose}) until {until}"
    for letter in traced.letters:
        yield from _letter_lines(letter)
    for invite in traced.invitations:
        yield f"{format_timestamp(invite.created_at)}  invite  {invite.state}  {invite.id}"
    for held in traced.networks_held:
        yield f"{format_timestamp(held.at)}  network {held.network} was held back"


def _letter_lines(letter: TracedLetter) -> Iterator[str]:
    reason = f": {letter.why}" if letter.why else ""
    yield f"{format_timestamp(letter.at)}  {letter.purpose}  {letter.state}{reason}  {letter.mail}"
    for step in letter.steps:
        reply = f": {step.said}" if step.said else ""
        event = EVENT_LABELS.get(step.kind, step.kind)
        yield f"    {format_timestamp(step.at)}  {event}  {step.network or '-'}{reply}"
