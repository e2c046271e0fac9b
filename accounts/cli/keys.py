"""Declare ``accounts keys``: list the keys of the ring without their secrets, add and drop keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from accounts.cli.adopt_keys import adopt_keys
from accounts.cli.commands import Group, json_option
from accounts.cli.context import make_site, open_site, open_unit_of_work
from accounts.cli.oidc_keys import oidc
from accounts.cli.output import format_timestamp, print_done, print_json, print_problem, print_table
from accounts.config_sources import SettingsError
from accounts.core.database import schema
from accounts.core.signing.key_file import FileKeyRing
from accounts.core.signing.keys import RingEntry, new_key, signing_entry
from accounts.core.site import Site
from accounts.flows.keys import impact as key_impact
from accounts.flows.keys import report as key_report
from accounts.flows.keys.impact import KeyImpact
from accounts.flows.keys.report import KeyReport, KeyUseReport
from accounts.web.answers.limits import KeyOut

DAY_SECONDS = 86400
RingRow = tuple[KeyReport, KeyUseReport | None]
"""A row of the table: of a key (then None), or of what it has signed for one purpose."""


@click.group(cls=Group)
def keys() -> None:
    """Manage the keys that sign links and sessions, and those of OpenID Connect."""


keys.add_command(oidc)
keys.add_command(adopt_keys)


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List the keys of the ring, oldest first, what each has signed, and from when on it is safe to drop.

    Every key opens what it has signed; only one signs. Times are in UTC.
    """
    site = make_site()
    try:
        _check_store(site)
    except SettingsError as error:
        print_problem(f"nothing was counted: {error}")
        _print_uncounted(site.ring.entries, as_json=as_json)
        return
    reports = key_report.report_keys(open_unit_of_work(site))
    if as_json:
        print_table([[KeyOut.from_report(report) for report in reports]], {}, as_json=True)
        return
    rows: list[RingRow] = [(report, use) for report in reports for use in (None, *report.uses)]
    print_table([rows], RING_COLUMNS, as_json=False)


@keys.command("generate")
@json_option
def generate_key(as_json: bool) -> None:
    """Print a new key for ACCOUNTS_SECRET_KEYS."""
    key = new_key()
    print_done({"key": key}, key, as_json=as_json)


@keys.command("rotate")
@click.option(
    "--in",
    "wait",
    default=key_report.ACCEPT_SECONDS,
    show_default=True,
    type=click.IntRange(2, 30 * DAY_SECONDS),
    metavar="SECONDS",
    help="How long all processes accept the key before they sign with it.",
)
@json_option
def rotate_key(wait: int, as_json: bool) -> None:
    """Add a key to the ring. Every process accepts it at once and signs with it soon after; old keys still verify."""
    site = open_site()
    if not isinstance(site.ring, FileKeyRing):
        _print_rotation_steps(site.ring.entries, as_json=as_json)
        raise click.ClickException("nothing was changed: the ring is in ACCOUNTS_SECRET_KEYS, not in a file")
    old_name = signing_entry(site.ring.entries).key.name
    new_entry = key_report.rotate_key(open_unit_of_work(site), site.ring, wait)
    name, signs_from = new_entry.key.name, datetime.fromtimestamp(new_entry.signs_from, UTC)
    print_done(
        {"name": name, "signs_from": signs_from, "old": old_name},
        f"key {name} opens from now on and signs from {format_timestamp(signs_from)} UTC",
        f"key {old_name} goes on opening; accounts keys list says from when on it may be dropped",
        as_json=as_json,
    )


@keys.command("drop")
@click.argument("name")
@click.option("--yes", "anyway", is_flag=True, help="Drop it though something that it signed could be alive.")
@click.option(
    "--emergency", is_flag=True, help="Drop it at once, even the last one, and say afterwards what has died."
)
@json_option
def drop_key(name: str, anyway: bool, emergency: bool, as_json: bool) -> None:
    """Drop the key NAME from the ring. Every link and every session that it has signed becomes invalid."""
    site = make_site() if emergency else open_site()
    ring = site.ring
    if emergency and isinstance(ring, FileKeyRing):
        _drop_at_once(site, ring, name, as_json=as_json)
        return
    uow = open_unit_of_work(site)
    report = key_report.report_key(uow, name)
    impact = key_impact.impact_of(uow, report)
    if not as_json:
        _print_impact(report, impact, "would die")
        click.echo(f"Safe to drop: {_format_safe_to_drop(report)}")
    if not isinstance(ring, FileKeyRing):
        raise click.ClickException(
            f"nothing was changed: take key {name} ({report.number} of {len(ring)}) out of ACCOUNTS_SECRET_KEYS"
            " and restart every process"
        )
    uow.release()
    key_report.drop_key(uow, ring, name, force=anyway)
    print_done(
        {"dropped": name, "key": KeyOut.from_report(report), "impact": impact},
        f"key {name} is dropped; every process notices within a second",
        as_json=as_json,
    )


def _drop_at_once(site: Site, ring: FileKeyRing, name: str, *, as_json: bool) -> None:
    old_entries = ring.entries
    new_entry = key_report.drop_key_at_once(ring, name)
    answer: dict[str, Any] = {"dropped": name, "signs": ring.signing.name, "is_new": new_entry is not None}
    if not as_json:
        click.echo(f"key {name} is dropped; every process notices within a second")
        if new_entry is not None:
            click.echo(f"it was the last one: key {new_entry.key.name} is new and signs from now on")
        else:
            click.echo(f"key {ring.signing.name} signs now")
    try:
        _check_store(site)
        uow = open_unit_of_work(site)
        with uow:
            key_report.record_key_drop(uow, name, new_entry, emergency=True)
        report = key_report.report_key(uow, name, old_entries)
        impact = key_impact.impact_of(uow, report)
    except (SettingsError, SQLAlchemyError):
        if as_json:
            print_json({**answer, "impact": None})
        raise click.ClickException(
            "the key is dropped, but the store does not answer: nobody can say what has died, and the audit log"
            " does not know of it"
        ) from None
    if as_json:
        print_json({**answer, "key": KeyOut.from_report(report), "impact": impact})
    else:
        _print_impact(report, impact, "has died")


def _check_store(site: Site) -> None:
    """Check that there are tables to read.

    Unlike connecting, this creates no SQLite file where there is none.

    :raises SettingsError: there are none, or they are of another version.
    """
    file = make_url(site.settings.database_url).database if site.store.is_sqlite else None
    if file is not None and not Path(file).exists():
        raise SettingsError("there are no tables yet")
    schema.check_revision(site.store)


def _print_uncounted(entries: Sequence[RingEntry], *, as_json: bool) -> None:
    current = signing_entry(entries)
    rows = [
        {"number": number, "name": entry.key.name, "state": "signs" if entry == current else "opens"}
        for number, entry in enumerate(entries, 1)
    ]
    print_table([rows], UNCOUNTED_COLUMNS, as_json=as_json)


def _print_rotation_steps(entries: Sequence[RingEntry], *, as_json: bool) -> None:
    names = [f"<{number}: {entry.key.name}>" for number, entry in enumerate(entries, 1)]
    fresh_key = new_key()
    if as_json:
        print_json({"key": fresh_key, "accept": [*names[:-1], fresh_key, names[-1]], "sign": [*names, fresh_key]})
        return
    click.echo("The ring is in ACCOUNTS_SECRET_KEYS, where only you can change it. This is a fresh key:\n")
    click.echo(f"  {fresh_key}\n")
    click.echo("<number: name> stands for a key as it is there now; accounts keys list shows the names.\n")
    click.echo("1. Accept. Put the new key before the last one, and restart every process:\n")
    click.echo(f"  ACCOUNTS_SECRET_KEYS={','.join([*names[:-1], fresh_key, names[-1]])}\n")
    click.echo("2. Sign. When every process runs with that, move it to the end, and restart every process:\n")
    click.echo(f"  ACCOUNTS_SECRET_KEYS={','.join([*names, fresh_key])}\n")


def _print_impact(key_report: KeyReport, key_impact: KeyImpact, verb: str) -> None:
    click.echo(f"With key {key_report.name} ({_format_state(key_report)}) there {verb}:")
    for link_impact in key_impact.links:
        alive_until = format_timestamp(link_impact.alive_until)
        click.echo(
            f"  {link_impact.purpose} links: at most {link_impact.unused} unused, "
            f"the last of them good until {alive_until} UTC"
        )
    if key_impact.invited:
        click.echo(
            f"  of open invitations: {_format_addresses(key_impact.invited, key_impact.invitees)}. "
            "They can be sent again."
        )
    if key_impact.sign_ins_begun or key_impact.sign_ins_older:
        click.echo(
            f"  sessions: of {key_impact.sign_ins_begun} accounts whose session began under it, at most of "
            f"{key_impact.sign_ins_older} more whose session it may have signed since"
        )
        count = key_impact.sign_ins_begun + key_impact.sign_ins_older
        click.echo(f"  they are: {_format_addresses(count, key_impact.owners)}")
    if not (key_impact.links or key_impact.sign_ins_begun or key_impact.sign_ins_older):
        click.echo("  no link and no session")


def _format_addresses(count: int, addresses: Sequence[str]) -> str:
    more = count - len(addresses)
    return ", ".join(addresses) + (f" and {more} more" if more > 0 else "")


def _format_state(key_report: KeyReport) -> str:
    return (
        f"signs from {format_timestamp(key_report.signs_from)}" if key_report.state == "waits" else key_report.state
    )


def _format_safe_to_drop(key_report: KeyReport) -> str:
    if key_report.is_safe_to_drop:
        return "now"
    if key_report.safe_to_drop_from is not None:
        return f"from {format_timestamp(key_report.safe_to_drop_from)}"
    return "not while it signs" if key_report.state == "signs" else "not before a newer key has signed"


def _of_key(show: Callable[[KeyReport], object]) -> Callable[[RingRow], object]:
    """Return a column that is blank except in the row of a key."""
    return lambda row: " " if row[1] else show(row[0])


def _sum_up(name: str) -> Callable[[RingRow], object]:
    """Return a column with a count of one purpose, or the sum over all purposes of a key.

    :param name: of an attribute of :class:`KeyUseReport`.
    """
    return lambda row: sum(getattr(use, name) for use in ([row[1]] if row[1] else row[0].uses))


def _latest(name: str) -> Callable[[RingRow], object]:
    """Return a column with the last time of one purpose, or of all purposes of a key.

    :param name: of an attribute of :class:`KeyUseReport`.
    """
    return lambda row: max(
        (at for use in ([row[1]] if row[1] else row[0].uses) if (at := getattr(use, name))), default=None
    )


RING_COLUMNS: Mapping[str, Callable[[RingRow], object]] = {
    "#": _of_key(lambda report: report.number),
    "key": _of_key(lambda report: report.name),
    "state": lambda row: row[1].purpose if row[1] else _format_state(row[0]),
    "signed": _sum_up("signed"),
    "opened": _sum_up("opened"),
    "last opened": _latest("last_opened_at"),
    "alive until": _latest("alive_until"),
    "safe to drop": _of_key(_format_safe_to_drop),
}
UNCOUNTED_COLUMNS: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "#": lambda row: row["number"],
    "key": lambda row: row["name"],
    "state": lambda row: row["state"],
}
