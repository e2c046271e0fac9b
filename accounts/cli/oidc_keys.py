"""``accounts oidc-keys``: the key pairs that vouch for people in other apps."""

from __future__ import annotations

import click

from accounts.cli.context import open_unit_of_work
from accounts.flows.oidc import signing_key_rotation as life
from accounts.flows.oidc import signing_keys as keys


@click.group("oidc-keys", invoke_without_command=True)
@click.pass_context
def oidc_keys(context: click.Context) -> None:
    """Show the published keys: by which algorithm they sign, and which of them do."""
    if context.invoked_subcommand is not None:
        return
    rows = keys.list_published_keys(open_unit_of_work())
    for row in rows:
        click.echo(
            f"{row.id}\t{row.alg}\t{life.signing_key_state(row, rows)}\tfrom {row.not_before:%Y-%m-%d %H:%M:%S}"
        )
    if not rows:
        click.echo("There are none yet; they are made when the first app asks for them.")


@oidc_keys.command()
@click.option("--alg", "algs", multiple=True, type=click.Choice(keys.SIGNING_ALGS), help="Only this algorithm.")
@click.option("--now", "at_once", is_flag=True, help="Sign in two minutes, when every process publishes them.")
def rotate(algs: tuple[str, ...], at_once: bool) -> None:
    """Make new keys. They are published at once and sign a day later; the old ones stay published."""
    publish_ahead = keys.EMERGENCY_PUBLISH_AHEAD if at_once else keys.PUBLISH_AHEAD
    new_rows = life.rotate_signing_keys(open_unit_of_work(), algs or keys.SIGNING_ALGS, ahead=publish_ahead)
    for row in new_rows:
        click.echo(f"{row.id} ({row.alg}) is published and signs from {row.not_before:%Y-%m-%d %H:%M:%S} UTC")
    if not new_rows:
        click.echo("Nothing was changed: new keys wait for their turn already.")


# A thumbprint may begin with "-", and is no option then.
@oidc_keys.command(context_settings={"ignore_unknown_options": True})
@click.argument("key")
def drop(key: str) -> None:
    """Take KEY away at once, because somebody else may hold it. What it has signed verifies nowhere any more."""
    alg = life.drop_signing_key(open_unit_of_work(), key)
    click.echo(f"{key} is gone from every process within a minute; another key signs {alg} from now on")
