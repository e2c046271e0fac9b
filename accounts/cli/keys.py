"""``accounts keys``: the ring without its secrets, and what becomes of its keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from accounts.cli.context import make_house, open_house, unit_of_work
from accounts.config import Settings, SettingsError
from accounts.core.database import schema
from accounts.core.signing.key_file import FileKeyRing
from accounts.core.signing.keys import RingEntry, new_key, signing_entry
from accounts.core.site import Site
from accounts.flows import LINKS
from accounts.flows.keys import impact as key_impact
from accounts.flows.keys import report as key_report
from accounts.flows.keys.impact import KeyImpact
from accounts.flows.keys.report import KeyReport

DAY = 86400
HEADINGS = ("#", "key", "state", "signed", "opened", "last opened", "alive until", "safe to drop")


@click.group(invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """Show the key ring, oldest first: what each key has signed, and from when on it may be dropped.

    All keys of the ring open; one signs.
    """
    if context.invoked_subcommand is not None:
        return
    house = make_house()
    try:
        _check_store(house)
    except SettingsError as wrong:
        click.echo(f"accounts: nothing was counted: {wrong}", err=True)
        now_signing = signing_entry(house.ring.entries)
        for number, entry in enumerate(house.ring.entries, 1):
            click.echo(f"{number}\t{entry.key.name}\t{'signs' if entry == now_signing else 'opens'}")
        return
    _print_table([row for life in key_report.report_keys(unit_of_work(house)) for row in _rows(life)])
    click.echo("Moments are in UTC.")


@keys.command()
def new() -> None:
    """Print a fresh key, fit for ACCOUNTS_SECRET_KEYS."""
    click.echo(new_key())


@keys.command()
@click.option(
    "--in",
    "wait",
    default=key_report.ACCEPT_SECONDS,
    show_default=True,
    type=click.IntRange(2, 30 * DAY),
    metavar="SECONDS",
    help="How long all processes accept the key before they sign with it.",
)
def rotate(wait: int) -> None:
    """Add a key. Every process accepts it at once and signs with it a little later; the old keys go on opening."""
    house = open_house()
    if not isinstance(house.ring, FileKeyRing):
        _explain_rotation(house.ring.entries)
        raise SettingsError("nothing was changed: the ring is in ACCOUNTS_SECRET_KEYS, not in a file")
    before = signing_entry(house.ring.entries)
    fresh = key_report.rotate_key(unit_of_work(house), house.ring, wait)
    click.echo(f"key {fresh.key.name} opens from now on and signs from {_moment(_utc(fresh.signs_from))} UTC")
    click.echo(f"key {before.key.name} goes on opening; accounts keys says from when on it may be dropped")


@keys.command()
@click.argument("name")
@click.option("--yes", "anyway", is_flag=True, help="Drop it though something that it signed could be alive.")
@click.option(
    "--emergency", is_flag=True, help="Drop it at once, even the last one, and say afterwards what has died."
)
def drop(name: str, anyway: bool, emergency: bool) -> None:
    """Take the key NAME out of the ring. Every link and every session that it has signed dies."""
    house = Site(Settings.load(), LINKS) if emergency else open_house()
    ring = house.ring
    if emergency and isinstance(ring, FileKeyRing):
        _drop_at_once(house, ring, name)
        return
    uow = unit_of_work(house)
    life = key_report.report_key(uow, name)
    _report(life, key_impact.impact_of(uow, life), "would die")
    click.echo(f"Safe to drop: {_safe(life)}")
    if not isinstance(ring, FileKeyRing):
        raise SettingsError(
            f"nothing was changed: take key {name} ({life.number} of {len(ring)}) out of ACCOUNTS_SECRET_KEYS"
            " and restart every process"
        )
    uow.release()
    key_report.drop_key(uow, ring, name, force=anyway)
    click.echo(f"key {name} is dropped; every process notices within a second")


def _drop_at_once(house: Site, ring: FileKeyRing, name: str) -> None:
    before = ring.entries
    fresh = key_report.drop_key_at_once(ring, name)
    click.echo(f"key {name} is dropped; every process notices within a second")
    if fresh is not None:
        click.echo(f"it was the last one: key {fresh.key.name} is new and signs from now on")
    else:
        click.echo(f"key {ring.signing.name} signs now")
    try:
        _check_store(house)
        uow = unit_of_work(house)
        with uow:
            key_report.record_key_drop(uow, name, fresh, emergency=True)
        life = key_report.report_key(uow, name, before)
        _report(life, key_impact.impact_of(uow, life), "has died")
    except (SettingsError, SQLAlchemyError):
        raise SettingsError(
            "the key is dropped, but the store does not answer: nobody can say what has died, and the audit log"
            " does not know of it"
        ) from None


def _check_store(house: Site) -> None:
    """:raises SettingsError: there are no tables to read. Unlike connecting, this makes no file where none is."""
    file = make_url(house.settings.database_url).database if house.store.is_sqlite else None
    if file is not None and not Path(file).exists():
        raise SettingsError("there are no tables yet")
    schema.check_revision(house.store)


def _explain_rotation(entries: Sequence[RingEntry]) -> None:
    names = [f"<{number}: {entry.key.name}>" for number, entry in enumerate(entries, 1)]
    fresh = new_key()
    click.echo("The ring is in ACCOUNTS_SECRET_KEYS, where only you can change it. This is a fresh key:\n")
    click.echo(f"  {fresh}\n")
    click.echo("<number: name> stands for a key as it is there now; accounts keys shows the names.\n")
    click.echo("1. Accept. Put the new key before the last one, and restart every process:\n")
    click.echo(f"  ACCOUNTS_SECRET_KEYS={','.join([*names[:-1], fresh, names[-1]])}\n")
    click.echo("2. Sign. When every process runs with that, move it to the end, and restart every process:\n")
    click.echo(f"  ACCOUNTS_SECRET_KEYS={','.join([*names, fresh])}\n")


def _report(life: KeyReport, toll: KeyImpact, what: str) -> None:
    click.echo(f"With key {life.name} ({_state(life)}) there {what}:")
    for links in toll.links:
        until = _moment(links.alive_until)
        click.echo(f"  {links.purpose} links: at most {links.unused} unused, the last of them good until {until} UTC")
    if toll.invited:
        click.echo(f"  of open invitations: {_some(toll.invited, toll.invitees)}. They can be sent again.")
    if toll.sign_ins_begun or toll.sign_ins_older:
        click.echo(
            f"  sessions: of {toll.sign_ins_begun} accounts whose session began under it, at most of "
            f"{toll.sign_ins_older} more whose session it may have signed since"
        )
        click.echo(f"  they are: {_some(toll.sign_ins_begun + toll.sign_ins_older, toll.owners)}")
    if not (toll.links or toll.sign_ins_begun or toll.sign_ins_older):
        click.echo("  no link and no session")


def _some(count: int, addresses: Sequence[str]) -> str:
    more = count - len(addresses)
    return ", ".join(addresses) + (f" and {more} more" if more > 0 else "")


def _rows(life: KeyReport) -> list[tuple[str, ...]]:
    signed, opened = (sum(getattr(use, count) for use in life.uses) for count in ("signed", "opened"))
    last = max((use.last_opened_at for use in life.uses if use.last_opened_at), default=None)
    alive = max((use.alive_until for use in life.uses), default=None)
    head = (str(life.number), life.name, _state(life), str(signed), str(opened), _moment(last), _moment(alive))
    return [
        (*head, _safe(life)),
        *(
            (
                "",
                "",
                use.purpose,
                str(use.signed),
                str(use.opened),
                _moment(use.last_opened_at),
                _moment(use.alive_until),
                "",
            )
            for use in life.uses
        ),
    ]


def _state(life: KeyReport) -> str:
    return f"signs from {_moment(life.signs_from)}" if life.state == "waits" else life.state


def _safe(life: KeyReport) -> str:
    if life.is_safe_to_drop:
        return "now"
    if life.safe_to_drop_from is not None:
        return f"from {_moment(life.safe_to_drop_from)}"
    return "not while it signs" if life.state == "signs" else "not before a newer key has signed"


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (HEADINGS, *rows)) for column in range(len(HEADINGS))]
    for row in (HEADINGS, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "-"


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
