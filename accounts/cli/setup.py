"""Declare ``accounts upgrade`` and ``first-admin``: what is done before anybody can sign in."""

from __future__ import annotations

import click

from accounts.cli.commands import Command, json_option
from accounts.cli.context import make_site, open_unit_of_work
from accounts.cli.output import print_done
from accounts.core.database import schema
from accounts.core.site import prepare_site
from accounts.flows.helpdesk.first_admin import first_admin_url


@click.command("upgrade", cls=Command)
@json_option
def upgrade(as_json: bool) -> None:
    """Migrate the database to the version of this code."""
    site = make_site()
    prepare_site(site)
    version = schema.head_revision()
    answer = {"database": str(site.store), "version": version}
    print_done(answer, f"{site.store} is at version {version}", as_json=as_json)


@click.command("first-admin", cls=Command)
@json_option
def first_admin(as_json: bool) -> None:
    """Print the link that makes the first admin, as long as there has never been an admin."""
    url = first_admin_url(open_unit_of_work())
    print_done({"url": url}, url or "There is, or was, an admin already; admins invite others.", as_json=as_json)
