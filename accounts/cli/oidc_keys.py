"""Declare ``accounts keys oidc``: list, rotate and drop the key pairs whose signatures clients verify."""

from __future__ import annotations

from typing import Any

import click

from accounts.cli.commands import Group, json_option
from accounts.cli.context import open_unit_of_work
from accounts.cli.output import Columns, format_timestamp, print_done, print_table
from accounts.core.models.apps import OidcKey
from accounts.flows.oidc import signing_key_rotation, signing_keys

OIDC_KEY_COLUMNS: Columns[dict[str, Any]] = {
    "key": lambda row: row["id"],
    "algorithm": lambda row: row["alg"],
    "state": lambda row: row["state"],
    "signs from": lambda row: row["signs_from"],
}


@click.group("oidc", cls=Group)
def oidc() -> None:
    """Manage the key pairs of OpenID Connect. Other apps verify ID tokens with their public keys."""


@oidc.command("list")
@json_option
def list_oidc_keys(as_json: bool) -> None:
    """List the published keys with their algorithms and states.

    There are none until the first app asks for them.
    """
    rows = signing_keys.list_published_keys(open_unit_of_work())
    answers = [{**_oidc_key_answer(row), "state": signing_key_rotation.signing_key_state(row, rows)} for row in rows]
    print_table([answers], OIDC_KEY_COLUMNS, as_json=as_json)


@oidc.command("rotate")
@click.option(
    "--alg", "algs", multiple=True, type=click.Choice(signing_keys.SIGNING_ALGS), help="Only this algorithm."
)
@click.option("--now", "at_once", is_flag=True, help="Sign in two minutes, when every process publishes them.")
@json_option
def rotate_oidc_keys(algs: tuple[str, ...], at_once: bool, as_json: bool) -> None:
    """Create new keys. They are published at once and sign a day later; the old ones stay published."""
    publish_ahead = signing_keys.EMERGENCY_PUBLISH_AHEAD if at_once else signing_keys.PUBLISH_AHEAD
    uow = open_unit_of_work()
    new_rows = signing_key_rotation.rotate_signing_keys(uow, algs or signing_keys.SIGNING_ALGS, ahead=publish_ahead)
    sentences = [
        f"{row.id} ({row.alg}) is published and signs from {format_timestamp(row.not_before)} UTC" for row in new_rows
    ]
    answer = {"keys": [_oidc_key_answer(row) for row in new_rows]}
    unchanged = "Nothing was changed: new keys wait for their turn already."
    print_done(answer, *(sentences or [unchanged]), as_json=as_json)


@oidc.command("drop")
@click.argument("key")
@json_option
def drop_oidc_key(key: str, as_json: bool) -> None:
    """Drop KEY at once because it may be compromised. Nothing that it has signed verifies any more."""
    alg = signing_key_rotation.drop_signing_key(open_unit_of_work(), key)
    sentence = f"{key} is gone from every process within a minute; another key signs {alg} from now on"
    print_done({"dropped": key, "alg": alg}, sentence, as_json=as_json)


def _oidc_key_answer(row: OidcKey) -> dict[str, Any]:
    return {"id": row.id, "alg": row.alg, "signs_from": row.not_before}
