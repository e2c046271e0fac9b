"""``accounts mail`` and ``accounts letters``: what waits to be sent, and what letters look like."""

from __future__ import annotations

from pathlib import Path

import click

from accounts.cli.context import load_settings, open_site
from accounts.core import outbox


@click.group(invoke_without_command=True)
@click.pass_context
def mail(context: click.Context) -> None:
    """How many letters wait, and how many were given up."""
    if context.invoked_subcommand is not None:
        return
    waiting, dead = outbox.count_items(open_site().store.engine)
    click.echo(f"{waiting} waiting, {dead} given up")


@click.group()
def letters() -> None:
    """Look at the letters."""


@letters.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def preview(folder: Path) -> None:
    """Write every letter in every language into FOLDER, filled with sample facts."""
    from accounts.delivery.letters import Letters, emails_folder
    from accounts.delivery.samples import SAMPLE_ORIGIN, SAMPLES, sample_letter

    composer = Letters([emails_folder()], load_settings().service_name, SAMPLE_ORIGIN)
    folder.mkdir(parents=True, exist_ok=True)
    for name in SAMPLES:
        for locale in composer.languages(name):
            message = composer.compose(
                sample_letter(name, locale), sender="accounts@example.org", message_id=f"<{name}@example.org>"
            )
            for part, text in (("txt", f"{message.subject}\n\n{message.body}"), ("html", str(message.html))):
                (folder / f"{name}.{locale}.{part}").write_text(text, encoding="utf-8")
    click.echo(f"{len(list(folder.iterdir()))} files in {folder}")
