"""``accounts audit``: the log on the console. Reads and checks it without a server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from accounts.cli.context import open_site, open_unit_of_work
from accounts.config import SettingsError
from accounts.core import atomic_files
from accounts.core.audit import chain
from accounts.core.database.page import MAX_ROWS_PER_PAGE
from accounts.flows.audit import export as audit_export
from accounts.flows.audit import retention as audit_retention
from accounts.flows.audit import search as audit_search
from accounts.flows.audit import verify as audit_verify
from accounts.flows.audit.export import AuditExportForm
from accounts.flows.audit.search import AuditEvent, AuditSearchForm
from accounts.flows.audit.verify import ChainReport
from accounts.flows.shared.validation import validate

F = TypeVar("F", bound=Callable[..., Any])
FINDING_MESSAGES = {
    "changed": "was changed",
    "missing": "is missing",
    "inserted": "was slipped in: it is older than the end of the chain, and not sealed",
    "unlinked": "does not follow the one before: seals between are missing",
    "unproven": "no key of the ring vouches for the chain up to here",
    "other-head": "the chain does not lead through the head that was noted: its end was cut off or made anew",
}


def filter_options(command: F) -> F:
    """The options that say which lines."""
    for name, text in (
        ("until", "Before this day or time in UTC."),
        ("since", "From this day or time in UTC on."),
        ("network", "By address."),
        ("actor", "Who did it: id or address."),
        ("account", "To whom: id or address."),
        ("kind", "Such as sign-in, or mail for all that begin so."),
    ):
        command = click.option(f"--{name}", default="", help=text)(command)
    return command


@click.group()
def audit() -> None:
    """Read, check and keep the audit log."""


@audit.command("list")
@filter_options
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="At most so many lines.")
def list_audit(limit: int, **filters: str) -> None:
    """What happened, newest first."""
    uow, form = open_unit_of_work(), validate(AuditSearchForm, filters)
    cursor: str | None = ""
    while limit and cursor is not None:
        page_form = form.model_copy(update={"after": cursor, "limit": min(limit, MAX_ROWS_PER_PAGE)})
        page = audit_search.search_events(uow, page_form)
        for event in page.rows:
            click.echo("\t".join(_event_columns(event)))
        cursor, limit = page.next, limit - len(page.rows)


@audit.command()
@filter_options
@click.option("--format", default="ndjson", show_default=True, type=click.Choice(["csv", "ndjson"]))
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of standard output.")
def export(output: Path | None, **filters: str) -> None:
    """The lines as a file, oldest first. However many there are, it needs no more memory."""
    chunks = audit_export.start_export(open_unit_of_work(), validate(AuditExportForm, filters))
    with nullcontext(sys.stdout) if output is None else atomic_files.open_atomic(output) as out:
        out.writelines(chunks)


@audit.command()
def seal() -> None:
    """Seal what has settled, and print the head of the chain. Note it elsewhere: verify compares with it."""
    site = open_site()
    count = chain.close_chain(site)
    head = chain.describe_head(site)
    click.echo(f"{count} lines sealed; the head is {head or 'none yet'}")


@audit.command()
@click.option("--head", "noted", default="", metavar="NUMBER:DIGEST", help="A head that was printed before.")
def verify(noted: str) -> None:
    """Find lines that were changed, removed or slipped in since they were sealed. Needs no server."""
    report = audit_verify.verify_chain(open_unit_of_work(), noted)
    for finding in report.findings:
        location = f"line {finding.audit_id}" if finding.audit_id else "the log"
        click.echo(f"{location} (number {finding.number or '-'}) {FINDING_MESSAGES[finding.kind]}")
    click.echo(_format_summary(report))
    if report.finding_count:
        sys.exit(1)


@audit.command()
@click.option(
    "--older-than",
    type=click.IntRange(audit_retention.MIN_DAYS_WITH_PERSON),
    metavar="DAYS",
    help="At least 31.  [default: ACCOUNTS_AUDIT_PSEUDONYMS_AFTER]",
)
def prune(older_than: int | None) -> None:
    """Put pseudonyms in the place of accounts and networks in old lines. No line is deleted."""
    uow = open_unit_of_work()
    days = older_than or uow.site.settings.audit_pseudonyms_after
    if not days:
        raise SettingsError("say how old with --older-than DAYS, or set ACCOUNTS_AUDIT_PSEUDONYMS_AFTER")
    click.echo(f"{audit_retention.pseudonymize_events(uow, days)} lines say no more who it was")


def _format_summary(report: ChainReport) -> str:
    outcome = f"{report.finding_count} things are wrong" if report.finding_count else "nothing is wrong"
    return (
        f"{report.sealed} lines are sealed, {report.pseudonymized} of them pruned, {report.unsealed} not sealed yet;"
        f" {outcome}; the head is {report.head or 'none yet'}"
    )


def _event_columns(event: AuditEvent) -> tuple[str, ...]:
    facts = json.dumps(event.facts, ensure_ascii=False, sort_keys=True) if event.facts else ""
    values = (
        f"{event.at:%Y-%m-%d %H:%M:%S}",
        event.kind,
        event.account,
        event.actor,
        event.network,
        event.agent,
        facts,
    )
    return cast("tuple[str, ...]", tuple(value or "-" for value in values))
