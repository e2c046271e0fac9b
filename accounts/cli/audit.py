"""Declare ``accounts audit``: read and verify the audit log on the console, without a server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import click

from accounts.cli.commands import Group, json_option
from accounts.cli.context import open_site, open_unit_of_work
from accounts.cli.output import Columns, print_done, print_problem, print_table
from accounts.core import atomic_files
from accounts.core.audit import chain
from accounts.flows.audit import export as audit_export
from accounts.flows.audit import retention as audit_retention
from accounts.flows.audit import search as audit_search
from accounts.flows.audit import verify as audit_verify
from accounts.flows.audit.export import AuditExportForm
from accounts.flows.audit.search import AuditSearchForm
from accounts.flows.audit.verify import ChainFinding, ChainReport
from accounts.flows.shared.pages import iter_pages
from accounts.flows.shared.validation import validate
from accounts.web.answers.audit import AuditEventOut

F = TypeVar("F", bound=Callable[..., Any])
FINDING_MESSAGES = {
    "changed": "was changed",
    "missing": "is missing",
    "inserted": "was inserted: it is older than the end of the chain, and not sealed",
    "unlinked": "does not follow the one before: seals between are missing",
    "unproven": "no key of the ring vouches for the chain up to here",
    "other-head": "the chain does not lead through the head that was noted: its end was cut off or made anew",
}
EVENT_COLUMNS: Columns[AuditEventOut] = {
    "at": lambda event: event.at,
    "kind": lambda event: event.kind,
    "account": lambda event: event.account,
    "actor": lambda event: event.actor,
    "network": lambda event: event.network,
    "device": lambda event: event.agent,
    "facts": lambda event: json.dumps(event.facts, ensure_ascii=False, sort_keys=True) if event.facts else "",
}


def filter_options(command: F) -> F:
    """Add the options that filter the lines of the log."""
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


@click.group(cls=Group)
def audit() -> None:
    """Read, check and keep the audit log."""


@audit.command("list")
@filter_options
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="At most so many lines.")
@json_option
def list_audit_events(limit: int, as_json: bool, **filters: str) -> None:
    """List the lines of the audit log, newest first."""
    uow = open_unit_of_work()
    pages = iter_pages(uow, validate(AuditSearchForm, filters), partial(audit_search.search_events, uow))
    rows = list(islice((AuditEventOut.model_validate(row) for page in pages for row in page.rows), limit + 1))
    print_table([rows[:limit]], EVENT_COLUMNS, as_json=as_json)
    if len(rows) > limit:
        print_problem("there are more; --until goes on before the last of these, accounts audit export takes all")


@audit.command("export")
@filter_options
@click.option("--format", default="ndjson", show_default=True, type=click.Choice(["csv", "ndjson"]))
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of standard output.")
def export_audit(output: Path | None, **filters: str) -> None:
    """Write the lines of the audit log as CSV or lines of JSON, oldest first. A long log needs no more memory."""
    chunks = audit_export.start_export(open_unit_of_work(), validate(AuditExportForm, filters))
    with nullcontext(sys.stdout) if output is None else atomic_files.open_atomic(output) as out:
        out.writelines(chunks)


@audit.command("seal")
@json_option
def close_audit_chain(as_json: bool) -> None:
    """Seal the lines that have settled, and print the head of the chain.

    Note the head elsewhere: verify compares with it.
    """
    site = open_site()
    count = chain.close_chain(site)
    head = chain.describe_head(site)
    sentence = f"{count} lines sealed; the head is {head or 'none yet'}"
    print_done({"sealed": count, "head": head}, sentence, as_json=as_json)


@audit.command("verify")
@click.option("--head", "noted", default="", metavar="NUMBER:DIGEST", help="A head that was printed before.")
@json_option
def verify_audit(noted: str, as_json: bool) -> None:
    """Find lines that were changed, removed or inserted since they were sealed. Needs no server."""
    report = audit_verify.verify_chain(open_unit_of_work(), noted)
    print_done(report, *map(_format_finding, report.findings), _format_summary(report), as_json=as_json)
    if report.finding_count:
        raise click.ClickException("the audit log is not as it was sealed")


@audit.command("prune")
@click.option(
    "--older-than",
    type=click.IntRange(audit_retention.MIN_DAYS_WITH_PERSON),
    metavar="DAYS",
    help="At least 31.  [default: ACCOUNTS_AUDIT_PSEUDONYMS_AFTER]",
)
@json_option
def prune_audit(older_than: int | None, as_json: bool) -> None:
    """Replace accounts and networks in old lines by pseudonyms. No line is deleted."""
    uow = open_unit_of_work()
    days = older_than or uow.site.settings.audit_pseudonyms_after
    if not days:
        raise click.ClickException("say how old with --older-than DAYS, or set ACCOUNTS_AUDIT_PSEUDONYMS_AFTER")
    count = audit_retention.pseudonymize_events(uow, days)
    print_done({"pruned": count}, f"{count} lines say no more who it was", as_json=as_json)


def _format_finding(finding: ChainFinding) -> str:
    location = f"line {finding.audit_id}" if finding.audit_id else "the log"
    return f"{location} (number {finding.number or '-'}) {FINDING_MESSAGES[finding.kind]}"


def _format_summary(report: ChainReport) -> str:
    outcome = f"{report.finding_count} things are wrong" if report.finding_count else "nothing is wrong"
    return (
        f"{report.sealed} lines are sealed, {report.pseudonymized} of them pruned, {report.unsealed} not sealed yet;"
        f" {outcome}; the head is {report.head or 'none yet'}"
    )
