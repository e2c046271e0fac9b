"""``accounts keys``: the ring without its secrets, and what becomes of its keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from accounts.cli.context import make_site, open_site, open_unit_of_work
from accounts.config import SettingsError
from accounts.core.database import schema
from accounts.core.signing.key_file import FileKeyRing
from accounts.core.signing.keys import RingEntry, new_key, signing_entry
from accounts.core.site import Site
from accounts.flows.keys import impact as key_impact
from accounts.flows.keys import report as key_report
from accounts.flows.keys.impact import KeyImpact
from accounts.flows.keys.report import KeyReport

DAY_SECONDS = 86400
COLUMN_HEADINGS = ("#", "key", "state", "signed", "opened", "last opened", "alive until", "safe to drop")


@click.group(invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """Show the key ring, oldest first: what each key has signed, and from when on it may be dropped.

    All keys of the ring open; one signs.
    """
    if context.invoked_subcommand is not None:
        return
    site = make_site()
    try:
        _check_store(site)
    except SettingsError as error:
        click.echo(f"accounts: nothing was counted: {error}", err=True)
        current_entry = signing_entry(site.ring.entries)
        for number, entry in enumerate(site.ring.entries, 1):
            click.echo(f"{number}\t{entry.key.name}\t{'signs' if entry == current_entry else 'opens'}")
        return
    _print_table([row for key in key_report.report_keys(open_unit_of_work(site)) for row in _table_rows(key)])
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
    type=click.IntRange(2, 30 * DAY_SECONDS),
    metavar="SECONDS",
    help="How long all processes accept the key before they sign with it.",
)
def rotate(wait: int) -> None:
    """Add a key. Every process accepts it at once and signs with it a little later; the old keys go on opening."""
    site = open_site()
    if not isinstance(site.ring, FileKeyRing):
        _print_rotation_steps(site.ring.entries)
        raise SettingsError("nothing was changed: the ring is in ACCOUNTS_SECRET_KEYS, not in a file")
    old_entry = signing_entry(site.ring.entries)
    new_entry = key_report.rotate_key(open_unit_of_work(site), site.ring, wait)
    click.echo(
        f"key {new_entry.key.name} opens from now on and signs from "
        f"{_format_timestamp(_to_datetime(new_entry.signs_from))} UTC"
    )
    click.echo(f"key {old_entry.key.name} goes on opening; accounts keys says from when on it may be dropped")


@keys.command()
@click.argument("name")
@click.option("--yes", "anyway", is_flag=True, help="Drop it though something that it signed could be alive.")
@click.option(
    "--emergency", is_flag=True, help="Drop it at once, even the last one, and say afterwards what has died."
)
def drop(name: str, anyway: bool, emergency: bool) -> None:
    """Take the key NAME out of the ring. Every link and every session that it has signed dies."""
    site = make_site() if emergency else open_site()
    ring = site.ring
    if emergency and isinstance(ring, FileKeyRing):
        _drop_at_once(site, ring, name)
        return
    uow = open_unit_of_work(site)
    report = key_report.report_key(uow, name)
    _print_impact(report, key_impact.impact_of(uow, report), "would die")
    click.echo(f"Safe to drop: {_format_safe_to_drop(report)}")
    if not isinstance(ring, FileKeyRing):
        raise SettingsError(
            f"nothing was changed: take key {name} ({report.number} of {len(ring)}) out of ACCOUNTS_SECRET_KEYS"
            " and restart every process"
        )
    uow.release()
    key_report.drop_key(uow, ring, name, force=anyway)
    click.echo(f"key {name} is dropped; every process notices within a second")


def _drop_at_once(site: Site, ring: FileKeyRing, name: str) -> None:
    old_entries = ring.entries
    new_entry = key_report.drop_key_at_once(ring, name)
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
        _print_impact(report, key_impact.impact_of(uow, report), "has died")
    except (SettingsError, SQLAlchemyError):
        raise SettingsError(
            "the key is dropped, but the store does not answer: nobody can say what has died, and the audit log"
            " does not know of it"
        ) from None


def _check_store(site: Site) -> None:
    """:raises SettingsError: there are no tables to read. Unlike connecting, this makes no file where none is."""
    file = make_url(site.settings.database_url).database if site.store.is_sqlite else None
    if file is not None and not Path(file).exists():
        raise SettingsError("there are no tables yet")
    schema.check_revision(site.store)


def _print_rotation_steps(entries: Sequence[RingEntry]) -> None:
    names = [f"<{number}: {entry.key.name}>" for number, entry in enumerate(entries, 1)]
    fresh_key = new_key()
    click.echo("The ring is in ACCOUNTS_SECRET_KEYS, where only you can change it. This is a fresh key:\n")
    click.echo(f"  {fresh_key}\n")
    click.echo("<number: name> stands for a key as it is there now; accounts keys shows the names.\n")
    click.echo("1. Accept. Put the new key before the last one, and restart every process:\n")
    click.echo(f"  ACCOUNTS_SECRET_KEYS={','.join([*names[:-1], fresh_key, names[-1]])}\n")
    click.echo("2. Sign. When every process runs with that, move it to the end, and restart every process:\n")
    click.echo(f"  ACCOUNTS_SECRET_KEYS={','.join([*names, fresh_key])}\n")


def _print_impact(key_report: KeyReport, key_impact: KeyImpact, verb: str) -> None:
    click.echo(f"With key {key_report.name} ({_format_state(key_report)}) there {verb}:")
    for link_impact in key_impact.links:
        alive_until = _format_timestamp(link_impact.alive_until)
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


def _table_rows(key_report: KeyReport) -> list[tuple[str, ...]]:
    signed, opened = (sum(getattr(use, count) for use in key_report.uses) for count in ("signed", "opened"))
    last_opened_at = max((use.last_opened_at for use in key_report.uses if use.last_opened_at), default=None)
    alive_until = max((use.alive_until for use in key_report.uses), default=None)
    first_cells = (
        str(key_report.number),
        key_report.name,
        _format_state(key_report),
        str(signed),
        str(opened),
        _format_timestamp(last_opened_at),
        _format_timestamp(alive_until),
    )
    return [
        (*first_cells, _format_safe_to_drop(key_report)),
        *(
            (
                "",
                "",
                use.purpose,
                str(use.signed),
                str(use.opened),
                _format_timestamp(use.last_opened_at),
                _format_timestamp(use.alive_until),
                "",
            )
            for use in key_report.uses
        ),
    ]


def _format_state(key_report: KeyReport) -> str:
    return (
        f"signs from {_format_timestamp(key_report.signs_from)}" if key_report.state == "waits" else key_report.state
    )


def _format_safe_to_drop(key_report: KeyReport) -> str:
    if key_report.is_safe_to_drop:
        return "now"
    if key_report.safe_to_drop_from is not None:
        return f"from {_format_timestamp(key_report.safe_to_drop_from)}"
    return "not while it signs" if key_report.state == "signs" else "not before a newer key has signed"


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (COLUMN_HEADINGS, *rows)) for column in range(len(COLUMN_HEADINGS))]
    for row in (COLUMN_HEADINGS, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _format_timestamp(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "-"


def _to_datetime(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
