"""``accounts import``: accounts from another system, rehearsed, checked, brought in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

import click

from accounts.cli.context import unit_of_work
from accounts.config import SettingsError
from accounts.core import atomic_files, csv_files
from accounts.core.security.addresses import AddressRefused, parse_email
from accounts.core.uow import UnitOfWork
from accounts.flows.moving import import_accounts as moving
from accounts.flows.moving.check_rows import NO_HASH, Report
from accounts.flows.moving.rows import UNCONFIRMED, FileRefused, How, Refused
from accounts.flows.moving.sources import SOURCES
from accounts.flows.shared.fields import GROUP_PATTERN

SHOWN = 20
"""Refused rows that are printed; all of them go into the file of ``--refused``."""


def _mapping(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        old, sign, new = value.rpartition("=")
        if not sign or (new and not GROUP_PATTERN.fullmatch(new)):
            raise click.BadParameter("must be OLD=NEW, or OLD= to drop it")
        found[old] = new
    return found


def _firebase(context: click.Context, param: click.Parameter, value: str) -> tuple[int, int, str]:
    memory, _, rest = value.partition(",")
    rounds, _, separator = rest.partition(",")
    if not (memory.isdecimal() and rounds.isdecimal()):
        raise click.BadParameter("must be mem_cost,rounds,base64_salt_separator, such as 14,8,Bw==")
    return int(memory), int(rounds), separator


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--from", "source", type=click.Choice(list(SOURCES)), default="plain", show_default=True)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option("--check", "email", metavar="EMAIL", help="Ask for one known password and try it on the row of EMAIL.")
@click.option("--confirmed", is_flag=True, help="The old system confirmed every address, though the file is silent.")
@click.option("--without-hash", is_flag=True, help="Bring rows whose hash cannot be verified, without a password.")
@click.option("--group", "groups", metavar="OLD=NEW", multiple=True, callback=_mapping, help="What a group becomes.")
@click.option("--firebase", default="14,8,Bw==", show_default=True, callback=_firebase, help="Its hash parameters.")
@click.option(
    "--refused", "refused_file", type=click.Path(dir_okay=False, path_type=Path), help="Write refused rows."
)
def import_(
    file: Path,
    source: str,
    dry_run: bool,
    email: str | None,
    confirmed: bool,
    without_hash: bool,
    groups: dict[str, str],
    firebase: tuple[int, int, str],
    refused_file: Path | None,
) -> None:
    """Bring in the accounts of FILE, which another system has written: CSV, lines of JSON, or its own export."""
    uow = unit_of_work()
    how = How(source=source, confirmed=confirmed, groups=groups, without_hash=without_hash, firebase=firebase)
    try:
        if email is not None:
            _check(uow, file, how, email)
            return
        with ExitStack() as stack:
            refused = _Refusals(stack, refused_file)
            go = moving.rehearse if dry_run else moving.bring_in
            report = go(uow, file, how, refused=refused, progress=_progress())
        _print(report, refused, dry_run=dry_run)
    except FileRefused as wrong:
        raise SettingsError(str(wrong)) from None


def _check(uow: UnitOfWork, file: Path, how: How, email: str) -> None:
    try:
        address = parse_email(email)
    except AddressRefused:
        raise SettingsError(f"{email} is not a mail address") from None
    found = moving.look(uow, file, how, address.key)
    if found is None:
        raise SettingsError(f"{file.name} has no row of {email}")
    if isinstance(found, Refused):
        raise SettingsError(f"line {found.line} does not come in: {found.why}")
    if found.hash_format == NO_HASH:
        raise SettingsError(f"line {found.line} has no password")
    password = click.prompt("Password", hide_input=True, err=True) if sys.stdin.isatty() else _read_line()
    if not moving.is_right(uow, found, password):
        raise SettingsError(f"line {found.line}: the password does not match its hash ({found.hash_format})")
    click.echo(f"line {found.line}: the password is right ({found.hash_format})")


def _read_line() -> str:
    return sys.stdin.readline().removesuffix("\n").removesuffix("\r")


class _Refusals:
    """Prints the first refused rows later and writes all of them now, where a file was named."""

    def __init__(self, stack: ExitStack, path: Path | None) -> None:
        self.first: list[Refused] = []
        self._out: TextIO | None = None
        if path is not None:
            self._out = stack.enter_context(atomic_files.open_atomic(path))
            self._out.write(csv_files.format_row(("line", "email", "code", "why")))

    def __call__(self, refused: Refused) -> None:
        if len(self.first) < SHOWN:
            self.first.append(refused)
        if self._out is not None:
            self._out.write(csv_files.format_row((refused.line, refused.email, refused.code, refused.why)))


def _progress() -> Callable[[Report], None]:
    if not sys.stderr.isatty():
        return lambda report: None
    return lambda report: click.echo(f"\r{report.rows} rows, {report.coming} come in ", nl=False, err=True)


def _print(report: Report, refused: _Refusals, *, dry_run: bool) -> None:
    if sys.stderr.isatty():
        click.echo(err=True)
    come = "would come in" if dry_run else "came in"
    away = sum(report.refused.values())
    click.echo(f"{report.rows} rows: {report.coming} {come}, {report.here} are here already, {away} are refused")
    if report.disabled:
        click.echo(f"  {report.disabled} {come} disabled, as they were")
    for hashed, count in report.hashes.most_common():
        click.echo(f"  {count} with {hashed}" + ("" if hashed == NO_HASH else ", verified at the first sign-in"))
    for (old, new), count in sorted(report.groups.items()):
        click.echo(
            f"  group {old}: {count}, " + (f"becomes {new}" if new else f"dropped (--group {old}=NEW keeps it)")
        )
    for code, count in report.refused.most_common():
        click.echo(f"  refused, {code}: {count}")
    for each in refused.first:
        click.echo(f"    line {each.line}: {each.email or '-'}: {each.why}")
    if away > len(refused.first):
        click.echo(f"    and {away - len(refused.first)} more; --refused FILE writes all of them")
    if report.refused[UNCONFIRMED]:
        click.echo(
            "  An address that nobody confirmed may not be its owner's: these people sign up, and lose nothing."
            " If the old system did confirm them all: --confirmed"
        )
