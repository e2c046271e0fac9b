"""Declare ``accounts links explain``: explain why a link does not work. It prints no valid link or token."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime

import click

from accounts.cli.commands import Group, json_option
from accounts.cli.context import open_unit_of_work
from accounts.cli.output import format_timestamp, print_fields
from accounts.flows.audit.labels import EVENT_LABELS
from accounts.flows.helpdesk.links import explain as link_explanation
from accounts.flows.helpdesk.links.advice import PART_LABELS
from accounts.flows.helpdesk.links.explain import LinkExplanation
from accounts.flows.helpdesk.links.facts import InviteFact, LinkEvent
from accounts.flows.helpdesk.links.key_facts import KeyFact
from accounts.web.answers.link_doctor import LinkExplanationOut

MAX_STDIN_CHARACTERS = 200_000
"""Enough for a whole mail."""


@click.group(cls=Group)
def links() -> None:
    """Explain links from mails."""


@links.command("explain")
@click.argument("text")
@json_option
def explain_link(text: str, as_json: bool) -> None:
    """Explain why the link in TEXT works or not. TEXT is a URL, a token, a piece of a mail, or - for stdin."""
    if text == "-":
        text = sys.stdin.read(MAX_STDIN_CHARACTERS)
    explanation = link_explanation.explain_link(open_unit_of_work(), text)
    answer = LinkExplanationOut.from_explanation(explanation, _fill_in)
    print_fields(answer, _explanation_lines(explanation), as_json=as_json)


def _fill_in(text: str, **values: object) -> str:
    return text % values if values else text


def _explanation_lines(explanation: LinkExplanation) -> Iterator[tuple[str, str]]:
    yield (
        "outcome",
        f"{explanation.outcome} ({explanation.status})" if explanation.status != 200 else explanation.outcome,
    )
    yield "because", str(explanation.cause)
    if explanation.moved_by is not None:
        yield "", _format_event(explanation.moved_by)
    if explanation.deleted_at is not None:
        yield "", f"deleted {_format_utc(explanation.deleted_at)}"
    yield from (("note", str(line)) for line in explanation.remarks)
    yield from (("to do", str(line)) for line in explanation.advice)
    yield "purpose", explanation.purpose or "-"
    if explanation.genuine:
        yield from _genuine_lines(explanation)
    elif explanation.claimed_at is not None:
        yield "claims", f"signed {_format_utc(explanation.claimed_at)} (not verified)"


def _genuine_lines(explanation: LinkExplanation) -> Iterator[tuple[str, str]]:
    yield "link id", explanation.link_id
    yield "subject", explanation.subject or "the first admin"
    if explanation.account is not None:
        state = "active" if explanation.account.active else "disabled"
        yield "account", f"{explanation.account.id}  {explanation.account.email}  {state}"
    else:
        yield "account", "none"
    if explanation.address_changed is not None:
        yield "address changed", _format_event(explanation.address_changed)
    if explanation.new_email:
        yield "new address", explanation.new_email
    yield "issued", _format_utc(explanation.issued_at)
    yield "expires", _format_utc(explanation.expires_at)
    if explanation.key is not None:
        yield "key", _format_key(explanation.key)
    if explanation.invite is not None:
        yield "invitation", _format_invite(explanation.invite)
    for part in explanation.parts:
        part_state = {True: "moved", False: "as it was", None: "cannot be told any more"}[part.moved]
        yield (
            "binds",
            f"{PART_LABELS.get(part.name, part.name)}: {part_state}"
            + (f", {_format_event(part.event)}" if part.event else ""),
        )
    for event in explanation.events:
        yield "since", f"{_format_event(event)}  {event.network}"


def _format_event(event: LinkEvent) -> str:
    suffix = ", by this link" if event.by_link else ""
    label, duration = EVENT_LABELS.get(event.kind, event.kind), format_duration(event.after)
    return f"{label} {_format_utc(event.at)}, {duration} after it was signed{suffix}"


def _format_key(key: KeyFact) -> str:
    position = f"number {key.number}, {key.state}" if key.number else "dropped"
    return f"{key.name} ({position}" + (f"; signed first {_format_utc(key.since)})" if key.since else ")")


def _format_invite(fact: InviteFact) -> str:
    when = f" {_format_utc(fact.decided_at)}" if fact.decided_at else ""
    by = f" by {fact.decided_by or 'the console'}" if fact.state in ("accepted", "revoked") else ""
    ledger = f"sent {fact.sent}x" if fact.listed else "not in the ledger"
    return f"{fact.id}  {fact.state}{when}{by}; {ledger}; from {fact.inviter or 'the console'}"


def format_duration(seconds: int) -> str:
    """Return a duration in its largest unit: ``40 s``, ``12 min``, ``2 h``, ``3 d``."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _format_utc(at: datetime | None) -> str:
    return f"{format_timestamp(at)} UTC" if at else "-"
