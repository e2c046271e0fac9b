"""Declare ``accounts data import`` and ``accounts import``: rehearse, check or run an import from another system."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import click

from accounts.cli.commands import Command, json_option
from accounts.cli.context import open_unit_of_work
from accounts.cli.output import print_done
from accounts.core import atomic_files, csv_files
from accounts.core.record_files.text import ENCODING_NAMES, FALLBACK_ENCODING
from accounts.core.security.addresses import AddressRefused, parse_email
from accounts.core.uow import UnitOfWork
from accounts.flows.moving import import_accounts as moving
from accounts.flows.moving.check_rows import NO_HASH, ImportReport
from accounts.flows.moving.rows import UNCONFIRMED, FileRefused, ImportOptions, RefusedRow
from accounts.flows.moving.sources import SOURCES
from accounts.flows.shared.fields import GROUP_PATTERN

FALLBACK_NAME = ENCODING_NAMES[FALLBACK_ENCODING]
MAX_PRINTED_REFUSALS = 20
"""The most refused rows that are printed; all of them go into the file of ``--refused``."""


def _parse_group_mapping(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    mapping = {}
    for value in values:
        old, separator, new = value.rpartition("=")
        if not separator or (new and not GROUP_PATTERN.fullmatch(new)):
            raise click.BadParameter("must be OLD=NEW, or OLD= to drop it")
        mapping[old] = new
    return mapping


def _parse_firebase_parameters(context: click.Context, param: click.Parameter, value: str) -> tuple[int, int, str]:
    memory, _, rest = value.partition(",")
    rounds, _, separator = rest.partition(",")
    if not (memory.isdecimal() and rounds.isdecimal()):
        raise click.BadParameter("must be mem_cost,rounds,base64_salt_separator, such as 14,8,Bw==")
    return int(memory), int(rounds), separator


@click.command("import", cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--from", "source", type=click.Choice(list(SOURCES)), default="plain", show_default=True)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option("--check", "email", metavar="EMAIL", help="Ask for one known password and try it on the row of EMAIL.")
@click.option("--confirmed", is_flag=True, help="The old system confirmed every address, though the file is silent.")
@click.option("--without-hash", is_flag=True, help="Bring rows whose hash cannot be verified, without a password.")
@click.option(
    "--group", "groups", metavar="OLD=NEW", multiple=True, callback=_parse_group_mapping, help="What a group becomes."
)
@click.option(
    "--ignore-column",
    "ignored_columns",
    metavar="NAME",
    multiple=True,
    help="Leave out a column that is not known, as often as needed.",
)
@click.option(
    "--add-hashes", is_flag=True, help="Give accounts that came in without a password, and nobody has used, its hash."
)
@click.option(
    "--firebase",
    default="14,8,Bw==",
    show_default=True,
    callback=_parse_firebase_parameters,
    help="Its hash parameters.",
)
@click.option(
    "--refused", "refused_file", type=click.Path(dir_okay=False, path_type=Path), help="Write refused rows."
)
@json_option
def import_users(
    file: Path,
    source: str,
    dry_run: bool,
    email: str | None,
    confirmed: bool,
    without_hash: bool,
    groups: dict[str, str],
    ignored_columns: tuple[str, ...],
    add_hashes: bool,
    firebase: tuple[int, int, str],
    refused_file: Path | None,
    as_json: bool,
) -> None:
    """Import the accounts in FILE from another system. FILE is CSV, lines of JSON, or an export of that system."""
    uow = open_unit_of_work()
    options = ImportOptions(
        source=source,
        confirmed=confirmed,
        groups=groups,
        without_hash=without_hash,
        ignored_columns=ignored_columns,
        add_hashes=add_hashes,
        firebase=firebase,
    )
    try:
        if email is not None:
            _check_password(uow, file, options, email, as_json=as_json)
            return
        with ExitStack() as stack:
            refusals = _RefusalWriter(stack, refused_file)
            run = moving.rehearse_import if dry_run else moving.import_accounts
            report = run(uow, file, options, on_refused=refusals, on_progress=_make_progress())
    except FileRefused as error:
        raise click.ClickException(str(error)) from None
    if sys.stderr.isatty():
        click.echo(err=True)
    print_done(
        _report_answer(report, refusals, dry_run=dry_run),
        *_report_lines(report, refusals, dry_run=dry_run),
        as_json=as_json,
    )


def _check_password(uow: UnitOfWork, file: Path, options: ImportOptions, email: str, *, as_json: bool) -> None:
    try:
        address = parse_email(email)
    except AddressRefused:
        raise click.ClickException(f"{email} is not a mail address") from None
    row = moving.find_row(uow, file, options, address.key)
    if row is None:
        raise click.ClickException(f"{file.name} has no row of {email}")
    if isinstance(row, RefusedRow):
        raise click.ClickException(f"line {row.line} does not come in: {row.reason}")
    if row.hash_format == NO_HASH:
        raise click.ClickException(f"line {row.line} has no password")
    password = click.prompt("Password", hide_input=True, err=True) if sys.stdin.isatty() else _read_line()
    if not moving.verify_row_password(uow, row, password):
        raise click.ClickException(f"line {row.line}: the password does not match its hash ({row.hash_format})")
    print_done(
        {"line": row.line, "format": row.hash_format, "verified": True},
        f"line {row.line}: the password is right ({row.hash_format})",
        as_json=as_json,
    )


def _read_line() -> str:
    return sys.stdin.readline().removesuffix("\n").removesuffix("\r")


class _RefusalWriter:
    """Keep the first refused rows for the report, and write every one to the file of ``--refused``.

    :ivar first_rows: at most :data:`MAX_PRINTED_REFUSALS`.
    :param stack: closes the file.
    :param path: None where no file was named.
    """

    def __init__(self, stack: ExitStack, path: Path | None) -> None:
        self.first_rows: list[RefusedRow] = []
        self._file: TextIO | None = None
        if path is not None:
            self._file = stack.enter_context(atomic_files.open_atomic(path))
            self._file.write(csv_files.format_row(("line", "email", "code", "why")))

    def __call__(self, row: RefusedRow) -> None:
        if len(self.first_rows) < MAX_PRINTED_REFUSALS:
            self.first_rows.append(row)
        if self._file is not None:
            self._file.write(csv_files.format_row((row.line, row.email, row.code, row.reason)))


def _make_progress() -> Callable[[ImportReport], None]:
    if not sys.stderr.isatty():
        return lambda report: None
    return lambda report: click.echo(f"\r{report.rows} rows, {report.importable} come in ", nl=False, err=True)


def _report_answer(report: ImportReport, refusals: _RefusalWriter, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "rows": report.rows,
        "imported": report.importable,
        "disabled": report.disabled,
        "already_imported": report.already_imported,
        "hashes_added": report.hashes_added,
        "skipped": report.skipped,
        "encoding": report.encoding,
        "unused_columns": report.unused_columns,
        "hashes": dict(report.hashes),
        "groups": [
            {"from": old, "to": new or None, "members": count} for (old, new), count in sorted(report.groups.items())
        ],
        "refused": dict(report.refused),
        "first_refused": refusals.first_rows,
    }


def _report_lines(report: ImportReport, refusals: _RefusalWriter, *, dry_run: bool) -> Iterator[str]:
    verb = "would come in" if dry_run else "came in"
    refused_count = sum(report.refused.values())
    yield (
        f"{report.rows} rows: {report.importable} {verb}, {report.already_imported} are here already, "
        f"{refused_count} are refused"
        + (f", {report.hashes_added} {'would get' if dry_run else 'got'} their hash" if report.hashes_added else "")
        + (f", {report.skipped} are no accounts" if report.skipped else "")
    )
    if report.encoding not in ("", "UTF-8"):
        yield f"  read as {report.encoding}" + (
            ": the file is not UTF-8, and does not say what it is" if report.encoding == FALLBACK_NAME else ""
        )
    if report.unused_columns:
        yield f"  not used: {', '.join(name or '(no heading)' for name in report.unused_columns)}"
    if report.disabled:
        yield f"  {report.disabled} {verb} disabled, as they were"
    for hash_format, count in report.hashes.most_common():
        yield (
            f"  {count} with {hash_format}" + ("" if hash_format == NO_HASH else ", verified at the first sign-in")
        )
    for (old, new), count in sorted(report.groups.items()):
        yield (f"  group {old}: {count}, " + (f"becomes {new}" if new else f"dropped (--group {old}=NEW keeps it)"))
    for code, count in report.refused.most_common():
        yield f"  refused, {code}: {count}"
    for row in refusals.first_rows:
        yield f"    line {row.line}: {row.email or '-'}: {row.reason}"
    if refused_count > len(refusals.first_rows):
        yield f"    and {refused_count - len(refusals.first_rows)} more; --refused FILE writes all of them"
    if report.refused[UNCONFIRMED]:
        yield (
            "  An address that nobody confirmed may not be its owner's: these people sign up, and lose nothing."
            " If the old system did confirm them all: --confirmed"
        )
