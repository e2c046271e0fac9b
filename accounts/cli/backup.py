"""``accounts backup`` and ``accounts restored``."""

from __future__ import annotations

from pathlib import Path

import click

from accounts.cli.context import open_house, unit_of_work
from accounts.config import SettingsError
from accounts.core.signing.key_file import FileKeyRing
from accounts.flows.moving import backup as backups


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write a backup of the database to FILE, while the service runs. An older FILE is replaced when it is done."""
    house = open_house()
    try:
        size = backups.backup(house.store, file)
    except backups.BackupFailed as wrong:
        raise SettingsError(str(wrong)) from None
    click.echo(f"{size} bytes in {file}")
    keys = house.ring.path if isinstance(house.ring, FileKeyRing) else "ACCOUNTS_SECRET_KEYS"
    click.echo(f"The key ring is not in it: keep {keys} too, in another place.")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def restored(yes: bool) -> None:
    """Say that the database came back from a backup: nothing that was used up since may come back to life."""
    uow = unit_of_work()
    if not yes:
        click.confirm("Everybody is signed out, and every mailed link dies. Go on?", abort=True, err=True)
    done = backups.restored(uow)
    click.echo(f"{done.accounts} accounts: all sessions and all links from before this moment are dead")
    if done.letters:
        click.echo(f"{done.letters} letters that waited in the backup are dropped; they were sent long ago")
    if done.invitations:
        click.echo(f"{done.invitations} open invitations: their links are dead; send them again, or take them back")
    click.echo("What was done since the backup is undone: deletions, disabled accounts, groups. Do it once more.")
