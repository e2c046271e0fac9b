"""Declare ``accounts keys adopt``: the way on where key ring and database do not belong together."""

from __future__ import annotations

import click

from accounts.cli.commands import Command, confirm, json_option
from accounts.cli.context import make_site
from accounts.cli.output import print_done
from accounts.flows.keys import adoption


@click.command("adopt", cls=Command)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def adopt_keys(yes: bool, as_json: bool) -> None:
    """Use the key ring with this database though they have never met: after a ring was lost, or to begin anew.

    Everything that other keys have signed stays invalid: links in letters, open invitations, sessions. A key ring
    that is only in the wrong place is better put back.
    """
    site = make_site()
    foreign = adoption.list_foreign_keys(site)
    lost = f"; links and sessions of its keys {', '.join(foreign)} stay invalid" if foreign else ""
    confirm(f"Use {site.store} with the keys of {site.ring.place}{lost}?", yes=yes)
    names = adoption.adopt_ring(site)
    print_done(
        {"keys": names, "database": str(site.store), "invalid": foreign},
        f"{site.store} is used with key {', '.join(names)} from now on",
        as_json=as_json,
    )
