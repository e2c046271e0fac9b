"""``accounts audit``: the log on the console. Reads and checks it without a server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from accounts.cli.context import open_house, unit_of_work
from accounts.config import SettingsError
from accounts.core import atomic_files
from accounts.core.audit import chain
from accounts.flows.audit import export as audit_export
from accounts.flows.audit import retention as audit_retention
from accounts.flows.audit import search as audit_search
from accounts.flows.audit import verify as audit_verify
from accounts.flows.audit.export import ExportAudit
from accounts.flows.audit.search import AuditPage, Line
from accounts.flows.audit.verify import Verdict
from accounts.web.kit.forms import validate

F = TypeVar("F", bound=Callable[..., Any])
SAID = {
    "changed": "was changed",
    "missing": "is missing",
    "inserted": "was slipped in: it is older than the end of the chain, and not sealed",
    "unlinked": "does not follow the one before: seals between are missing",
    "unproven": "no key of the ring vouches for the chain up to here",
    "other-head": "the chain does not lead through the head that was noted: its end was cut off or made anew",
}


def filtered(command: F) -> F:
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
@filtered
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="At most so many lines.")
def list_audit(limit: int, **filters: str) -> None:
    """What happened, newest first."""
    lines, _ = audit_search.page(unit_of_work(), validate(AuditPage, filters), limit)
    for line in lines:
        click.echo("\t".join(_columns(line)))


@audit.command()
@filtered
@click.option("--format", default="ndjson", show_default=True, type=click.Choice(["csv", "ndjson"]))
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of standard output.")
def export(output: Path | None, **filters: str) -> None:
    """The lines as a file, oldest first. However many there are, it needs no more memory."""
    parts = audit_export.begin(unit_of_work(), validate(ExportAudit, filters))
    with nullcontext(sys.stdout) if output is None else atomic_files.open_atomic(output) as out:
        out.writelines(parts)


@audit.command()
def seal() -> None:
    """Seal what has settled, and print the head of the chain. Note it elsewhere: verify compares with it."""
    house = open_house()
    count = chain.close_chain(house)
    head = chain.describe_head(house)
    click.echo(f"{count} lines sealed; the head is {head or 'none yet'}")


@audit.command()
@click.option("--head", "noted", default="", metavar="NUMBER:DIGEST", help="A head that was printed before.")
def verify(noted: str) -> None:
    """Find lines that were changed, removed or slipped in since they were sealed. Needs no server."""
    verdict = audit_verify.verify(unit_of_work(), noted)
    for finding in verdict.findings:
        where = f"line {finding.line}" if finding.line else "the log"
        click.echo(f"{where} (number {finding.number or '-'}) {SAID[finding.what]}")
    click.echo(_summary(verdict))
    if verdict.wrong:
        sys.exit(1)


@audit.command()
@click.option(
    "--older-than",
    type=click.IntRange(audit_retention.LEAST_DAYS),
    metavar="DAYS",
    help="At least 31.  [default: ACCOUNTS_AUDIT_PSEUDONYMS_AFTER]",
)
def prune(older_than: int | None) -> None:
    """Put pseudonyms in the place of accounts and networks in old lines. No line is deleted."""
    uow = unit_of_work()
    days = older_than or uow.site.settings.audit_pseudonyms_after
    if not days:
        raise SettingsError("say how old with --older-than DAYS, or set ACCOUNTS_AUDIT_PSEUDONYMS_AFTER")
    click.echo(f"{audit_retention.prune(uow, days)} lines say no more who it was")


def _summary(verdict: Verdict) -> str:
    good = f"{verdict.wrong} things are wrong" if verdict.wrong else "nothing is wrong"
    return (
        f"{verdict.sealed} lines are sealed, {verdict.pruned} of them pruned, {verdict.unsealed} not sealed yet;"
        f" {good}; the head is {verdict.head or 'none yet'}"
    )


def _columns(line: Line) -> tuple[str, ...]:
    facts = json.dumps(line.facts, ensure_ascii=False, sort_keys=True) if line.facts else ""
    told = (f"{line.at:%Y-%m-%d %H:%M:%S}", line.kind, line.account, line.actor, line.network, line.agent, facts)
    return cast("tuple[str, ...]", tuple(value or "-" for value in told))
