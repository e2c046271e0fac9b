"""``accounts config check``: would it start?"""

from __future__ import annotations

import click

from accounts.cli.context import make_house
from accounts.config import SECRET_SETTINGS
from accounts.core.database import schema


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command()
def check() -> None:
    """Print what the settings come to, without secrets, and whether keys and store can be used."""
    house = make_house()
    for name, value in house.settings.model_dump().items():
        shown = ("(set)" if value else "(not set)") if name in SECRET_SETTINGS else value
        click.echo(f"{name} = {shown}")
    click.echo(f"keys: {len(house.ring)}, {house.ring.signing.name} signs")
    schema.check_revision(house.store)
    click.echo(f"store: {house.store}, version {schema.head_revision()}")
