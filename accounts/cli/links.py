"""``accounts link explain``: why a link does not work, for the console. Prints nothing that opens anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime

import click

from accounts.cli.context import unit_of_work
from accounts.flows.audit.labels import HAPPENED
from accounts.flows.helpdesk.links import explain as link_explanation
from accounts.flows.helpdesk.links.advice import PARTS
from accounts.flows.helpdesk.links.explain import Explanation
from accounts.flows.helpdesk.links.facts import Event, InviteFact, KeyFact

MAX_CHARACTERS = 200_000
"""A whole mail may come on standard input."""


@click.group()
def link() -> None:
    """Look into links."""


@link.command()
@click.argument("text")
def explain(text: str) -> None:
    """Say why the link in TEXT does or does not work. TEXT is a URL, a token, a piece of a mail, or - for stdin."""
    if text == "-":
        text = sys.stdin.read(MAX_CHARACTERS)
    found = link_explanation.explain(unit_of_work(), text)
    for label, value in _lines(found):
        click.echo(f"{label:>11}  {value}".rstrip())


def _lines(found: Explanation) -> Iterator[tuple[str, str]]:
    yield "outcome", f"{found.outcome} ({found.status})" if found.status != 200 else found.outcome
    yield "because", str(found.cause)
    if found.moved_by is not None:
        yield "", _happened(found.moved_by)
    if found.deleted_at is not None:
        yield "", f"deleted {_moment(found.deleted_at)}"
    yield from (("note", str(line)) for line in found.remarks)
    yield from (("to do", str(line)) for line in found.advice)
    yield "purpose", found.purpose or "-"
    if found.genuine:
        yield from _genuine(found)
    elif found.claimed_at is not None:
        yield "claims", f"signed {_moment(found.claimed_at)} (not verified)"


def _genuine(found: Explanation) -> Iterator[tuple[str, str]]:
    yield "link id", found.link_id
    yield "subject", found.subject or "the first admin"
    if found.account is not None:
        state = "active" if found.account.active else "disabled"
        yield "account", f"{found.account.id}  {found.account.email}  {state}"
    else:
        yield "account", "none"
    if found.new_email:
        yield "new address", found.new_email
    yield "issued", _moment(found.issued_at)
    yield "expires", _moment(found.expires_at)
    if found.key is not None:
        yield "key", _key(found.key)
    if found.invite is not None:
        yield "invitation", _invitation(found.invite)
    for part in found.parts:
        moved = {True: "moved", False: "as it was", None: "cannot be told any more"}[part.moved]
        yield (
            "binds",
            f"{PARTS.get(part.name, part.name)}: {moved}" + (f", {_happened(part.event)}" if part.event else ""),
        )
    for event in found.events:
        yield "since", f"{_happened(event)}  {event.network}"


def _happened(event: Event) -> str:
    own = ", by this link" if event.by_link else ""
    return (
        f"{HAPPENED.get(event.kind, event.kind)} {_moment(event.at)}, {lapse(event.after)} after it was signed{own}"
    )


def _key(key: KeyFact) -> str:
    place = f"number {key.number}, {key.state}" if key.number else "dropped"
    return f"{key.name} ({place}" + (f"; signed first {_moment(key.since)})" if key.since else ")")


def _invitation(fact: InviteFact) -> str:
    when = f" {_moment(fact.decided_at)}" if fact.decided_at else ""
    by = f" by {fact.decided_by or 'the console'}" if fact.state in ("accepted", "revoked") else ""
    ledger = f"sent {fact.sent}x" if fact.listed else "not in the ledger"
    return f"{fact.id}  {fact.state}{when}{by}; {ledger}; from {fact.inviter or 'the console'}"


def lapse(seconds: int) -> str:
    """A time in its largest unit: ``40 s``, ``12 min``, ``2 h``, ``3 d``."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "-"
