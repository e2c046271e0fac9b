"""``accounts backup`` and ``accounts restored``."""

from __future__ import annotations

from pathlib import Path

import click

from accounts.cli.context import open_site, open_unit_of_work
from accounts.config import SettingsError
from accounts.core.signing.key_file import FileKeyRing
from accounts.flows.moving import backup as backups


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write a backup of the database to FILE, while the service runs. An older FILE is replaced when it is done."""
    site = open_site()
    try:
        size = backups.write_backup(site.store, file)
    except backups.BackupFailed as error:
        raise SettingsError(str(error)) from None
    click.echo(f"{size} bytes in {file}")
    key_ring_location = site.ring.path if isinstance(site.ring, FileKeyRing) else "ACCOUNTS_SECRET_KEYS"
    click.echo(f"The key ring is not in it: keep {key_ring_location} too, in another place.")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def restored(yes: bool) -> None:
    """Say that the database came back from a backup: nothing that was used up since may come back to life."""
    uow = open_unit_of_work()
    if not yes:
        click.confirm("Everybody is signed out, and every mailed link dies. Go on?", abort=True, err=True)
    result = backups.invalidate_after_restore(uow)
    click.echo(f"{result.accounts} accounts: all sessions and all links from before this moment are dead")
    if result.letters:
        click.echo(f"{result.letters} letters that waited in the backup are dropped; they were sent long ago")
    if result.invitations:
        click.echo(f"{result.invitations} open invitations: their links are dead; send them again, or take them back")
    click.echo("What was done since the backup is undone: deletions, disabled accounts, groups. Do it once more.")
