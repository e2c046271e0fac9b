"""``accounts export`` and ``accounts copy``: accounts as a file, and into another database."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from accounts.cli.context import open_site, open_unit_of_work
from accounts.config import SettingsError
from accounts.core import atomic_files
from accounts.core.database.store import Store
from accounts.flows.moving import copy as copying
from accounts.flows.moving import export as exports


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), default="-")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--hashes", is_flag=True, help="With the hashes of passwords: keep that file as you keep the database.")
def export(file: Path, form: str, hashes: bool) -> None:
    """Write all accounts to FILE (standard output by default): lines of JSON, or CSV."""
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


@click.command()
@click.option(
    "--to", "url", required=True, metavar="URL", help="The other database: sqlite:///... or postgresql://..."
)
def copy(url: str) -> None:
    """Copy everything into the empty database at URL. Stop the service first; keys and origin stay the same."""
    site = open_site()
    target = Store(url)
    if target.engine.url == site.store.engine.url:
        raise SettingsError("--to names the database that is in use")
    try:
        counts = copying.copy_database(site.store, target, _print_progress)
    except copying.CopyRefused as error:
        raise SettingsError(str(error)) from None
    finally:
        target.close()
    for name, count in counts.items():
        click.echo(f"{count:>9}  {name}")
    click.echo(f"copied to {target}; set ACCOUNTS_DATABASE_URL to it, and keep the key ring and the public origin")
    if copying.has_changed_since(site.store, counts):
        click.echo(
            "accounts: something happened here meanwhile and is not in the copy: stop the service, and copy again"
            " into an empty database",
            err=True,
        )


def _print_progress(table: str, rows: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{table}: {rows} ", nl=False, err=True)
