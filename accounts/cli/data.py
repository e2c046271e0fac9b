"""Declare ``accounts data``: import, export and copy accounts, write backups, and confirm a restored one."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from accounts.cli.commands import Command, Group, confirm, json_option
from accounts.cli.context import open_site, open_unit_of_work
from accounts.cli.data_import import import_users
from accounts.cli.output import Columns, print_done, print_json, print_problem, print_table
from accounts.core import atomic_files
from accounts.core.database.store import Store
from accounts.core.signing.key_file import FileKeyRing
from accounts.flows.moving import backup as backups
from accounts.flows.moving import copy as copying
from accounts.flows.moving import export as exports

COPY_COLUMNS: Columns[tuple[str, int]] = {"rows": lambda row: f"{row[1]:>9}", "table": lambda row: row[0]}


@click.group(cls=Group)
def data() -> None:
    """Import and export accounts, and write backups."""


data.add_command(import_users)


@data.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), default="-")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--hashes", is_flag=True, help="With the hashes of passwords: keep that file as you keep the database.")
def export_users(file: Path, form: str, hashes: bool) -> None:
    """Write all accounts to FILE as lines of JSON or CSV. FILE is standard output by default."""
    rows = exports.export_accounts(open_unit_of_work(), include_hashes=hashes)
    lines = exports.format_accounts_csv(rows) if form == "csv" else exports.format_json_lines(rows)
    if str(file) == "-":
        for line in lines:
            click.echo(line, nl=False)
        return
    count = 0
    with atomic_files.open_atomic(file) as out:
        for count, line in enumerate(lines, 0 if form == "csv" else 1):  # noqa: B007 - the last number is what counts
            out.write(line)
    click.echo(f"{count} accounts in {file}")


@data.command("copy")
@click.option(
    "--to", "url", required=True, metavar="URL", help="The other database: sqlite:///... or postgresql://..."
)
@json_option
def copy_database(url: str, as_json: bool) -> None:
    """Copy everything into the empty database at URL. Stop the service first; key ring and origin stay the same."""
    site = open_site()
    target = Store(url)
    if target.engine.url == site.store.engine.url:
        raise click.ClickException("--to names the database that is in use")
    try:
        counts = copying.copy_database(site.store, target, _print_progress)
    except copying.CopyRefused as error:
        raise click.ClickException(str(error)) from None
    finally:
        target.close()
    if as_json:
        print_json({"target": str(target), "rows": dict(counts)})
    else:
        print_table([list(counts.items())], COPY_COLUMNS, as_json=False)
        click.echo(f"copied to {target}; set ACCOUNTS_DATABASE_URL to it, keep the key ring and the public origin")
    if copying.has_changed_since(site.store, counts):
        print_problem(
            "something happened here meanwhile and is not in the copy: stop the service, and copy again into an empty"
            " database"
        )


@data.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def write_backup(file: Path, as_json: bool) -> None:
    """Write a backup of the database to FILE while the service runs. A complete backup replaces an older FILE."""
    site = open_site()
    try:
        size = backups.write_backup(site.store, file)
    except backups.BackupFailed as error:
        raise click.ClickException(str(error)) from None
    key_ring_location = site.ring.path if isinstance(site.ring, FileKeyRing) else "ACCOUNTS_SECRET_KEYS"
    print_done(
        {"file": file, "bytes": size, "key_ring": key_ring_location},
        f"{size} bytes in {file}",
        f"The key ring is not in it: keep {key_ring_location} too, in another place.",
        as_json=as_json,
    )


@click.command("restored", cls=Command)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def confirm_restore(yes: bool, as_json: bool) -> None:
    """Revoke all sessions and mailed links after the database was restored from a backup.

    Otherwise, what was used or revoked since the backup would be valid again.
    """
    uow = open_unit_of_work()
    confirm("Everybody is signed out, and every mailed link dies. Go on?", yes=yes)
    result = backups.invalidate_after_restore(uow)
    sentences = [f"{result.accounts} accounts: all sessions and all links from before this moment are dead"]
    if result.letters:
        sentences.append(f"{result.letters} letters that waited in the backup are dropped; they were sent long ago")
    if result.invitations:
        sentences.append(
            f"{result.invitations} open invitations: their links are dead; send them again, or take them back"
        )
    sentences.append("What was done since is undone: deletions, disabled accounts, groups. Do it once more.")
    print_done(result, *sentences, as_json=as_json)


data.add_command(confirm_restore)


def _print_progress(table: str, rows: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{table}: {rows} ", nl=False, err=True)
