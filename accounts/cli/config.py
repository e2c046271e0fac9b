"""``accounts config check``: would it start?"""

from __future__ import annotations

import click

from accounts.cli.context import make_site
from accounts.config import SECRET_SETTINGS
from accounts.core.database import schema


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command()
def check() -> None:
    """Print what the settings come to, without secrets, and whether keys and store can be used."""
    site = make_site()
    for name, value in site.settings.model_dump().items():
        displayed = ("(set)" if value else "(not set)") if name in SECRET_SETTINGS else value
        click.echo(f"{name} = {displayed}")
    click.echo(f"keys: {len(site.ring)}, {site.ring.signing.name} signs")
    schema.check_revision(site.store)
    click.echo(f"store: {site.store}, version {schema.head_revision()}")
