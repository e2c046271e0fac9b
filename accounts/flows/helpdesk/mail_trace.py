"""What became of the mail to one address: asked, held back, waiting, sent, given up. Answers "it never came".

Nothing here tells a stranger anything: an admin types the address, and finds what is tagged with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field
from sqlalchemy import or_, select

from accounts.core.audit import address_index
from accounts.core.clock import now
from accounts.core.errors import InvalidInput
from accounts.core.links.link import parse_email_key
from accounts.core.links.opening import find_holder
from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.core.uow import UnitOfWork
from accounts.flows.audit import search as audit_search
from accounts.flows.helpdesk.links import explain as link_explanation
from accounts.flows.helpdesk.links.explain import LinkExplanation
from accounts.flows.helpdesk.links.facts import AccountSummary, summarize_account
from accounts.flows.shared import mail_log, unreachable
from accounts.flows.shared.fields import Form, OptionalEmail, SearchText
from accounts.flows.shared.mail_limits import MAIL_HELD
from accounts.flows.shared.unreachable import UnreachableMark

MAIL_TRACED_EVENT = "mail.traced"
REQUEST_EVENTS = frozenset(
    {"sign-up.asked", "sign-in.mail-asked", "password.reset-asked", "email.change-asked", "account.close-asked"}
    | {"account.locked", "account.reset-sent", "link.again", "mail.revived", "shared-invite.asked"}
)
"""Kinds of lines that say that a letter was asked for."""
DELIVERY_EVENTS = frozenset(
    {mail_log.MAIL_SENT, mail_log.MAIL_DROPPED, mail_log.MAIL_DELAYED, mail_log.MAIL_REFUSED, mail_log.MAIL_GIVEN_UP}
)
BOUNCE_EVENTS = frozenset({mail_log.MAIL_BOUNCED, mail_log.MAIL_COMPLAINED})
"""Kinds of lines on what other servers reported of an email that was sent."""
MAX_EVENTS = 400
NETWORK_HELD_LOOKBACK = timedelta(days=1)
EMAIL_OR_LINK_MESSAGE = N_("Enter an email address, a link, or both.")


class TraceMailForm(Form):
    """Whose mail, and the link that they sent in, if they did."""

    email: OptionalEmail = None
    link: SearchText = Field(
        default="",
        title=N_("Link"),
        max_length=link_explanation.MAX_PASTED_CHARACTERS,
        json_schema_extra={"input": "text", "maxlength": link_explanation.MAX_PASTED_CHARACTERS},
    )


@dataclass(frozen=True, slots=True)
class DeliveryStep:
    """Something that happened to an email. ``said`` is the mail server's answer, or why it was not accepted."""

    at: datetime
    kind: str
    said: str
    network: str
    agent: str


@dataclass(frozen=True, slots=True)
class TracedLetter:
    """One email.

    :ivar state: ``waits``, ``dead`` (given up, can be sent again), ``sent``, ``bounced`` (it came back for good),
        ``complained`` (called spam), ``dropped``, or ``unknown``: it was asked for, and its row is gone without a
        trace.
    :ivar why: of a dropped one: ``no-account``, ``disabled``, or ``undone``: its cause was gone.
    :ivar next_try: when one that waits is tried again.
    """

    mail: str
    purpose: str
    state: str
    at: datetime
    tries: int
    why: str = ""
    next_try: datetime | None = None
    steps: tuple[DeliveryStep, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """A request that a limit held back; further ones in the same window left no line."""

    at: datetime
    limit: str
    purpose: str
    until: datetime
    network: str


@dataclass(frozen=True, slots=True)
class TracedInvite:
    """An invitation of the ledger."""

    id: str
    state: str
    sent: int
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MailTrace:
    """All that is known about the emails to an address, newest first.

    :ivar unreachable: why its address counts as unreachable; None where it does not.
    :ivar networks_held: networks that asked for too many emails lately, whoever they were for.
    """

    email: str
    account: AccountSummary | None
    letters: tuple[TracedLetter, ...]
    held: tuple[HeldRequest, ...]
    invitations: tuple[TracedInvite, ...]
    networks_held: tuple[HeldRequest, ...]
    unreachable: UnreachableMark | None = None


def trace_mail(uow: UnitOfWork, form: TraceMailForm) -> tuple[MailTrace | None, LinkExplanation | None]:
    """Answer "I never got the email" and "my link does not work". A link tells the address, where none is entered.

    :raises InvalidInput: neither is there, or there is no link in what was pasted.
    """
    if form.email is None and not form.link:
        raise InvalidInput.for_field("neither", "email", "missing", EMAIL_OR_LINK_MESSAGE)
    explanation = link_explanation.explain_link(uow, form.link) if form.link else None
    email = form.email.email if form.email else _find_address(explanation)
    return (trace_address(uow, email) if email else None), explanation


def _find_address(explanation: LinkExplanation | None) -> str:
    if explanation is None or not explanation.genuine:
        return ""
    return (
        explanation.account.email
        if explanation.account
        else explanation.subject
        if "@" in explanation.subject
        else ""
    )


def trace_address(uow: UnitOfWork, email: str) -> MailTrace:
    """Return what became of the emails to an address, and record in the audit log that it was looked at."""
    with uow:
        subject = find_holder(uow, email)
        account, email_key = subject.account, parse_email_key(email)
        events = _select_events(uow, account, email_key)
        invitations = uow.session.scalars(
            select(SentInvite)
            .where(SentInvite.email_key == email_key)
            .order_by(SentInvite.created_at.desc())
            .limit(20)
        ).all()
        outbox_rows = _select_outbox_rows(
            uow, [email, *([account.id] if account else []), *(each.id for each in invitations)], events
        )
        trace = MailTrace(
            email=account.email if account else email,
            account=summarize_account(account),
            letters=_build_letters(events, outbox_rows),
            held=tuple(_build_held_request(event) for event in events if event.kind == MAIL_HELD),
            invitations=tuple(_build_invite(each) for each in invitations),
            networks_held=_list_held_networks(uow),
            unreachable=unreachable.find_marks(uow, [email_key]).get(email_key),
        )
        uow.record_event(MAIL_TRACED_EVENT, account_id=account.id if account else None)
    return trace


def _select_events(uow: UnitOfWork, account: Account | None, email_key: str) -> Sequence[Any]:
    account_id = account.id if account is not None else ""
    subject_conditions = address_index.list_conditions(uow.site, email_key, account_id)
    if account is not None:
        subject_conditions.append(AuditRow.account_id == account_id)
    statement = select(*audit_search.EVENT_COLUMNS).where(
        AuditRow.kind.in_(REQUEST_EVENTS | DELIVERY_EVENTS | BOUNCE_EVENTS | {MAIL_HELD}),
        AuditRow.at > now() - address_index.INDEX_RETENTION,
    )
    newest = statement.order_by(AuditRow.at.desc(), AuditRow.id.desc()).limit(MAX_EVENTS)
    return uow.session.execute(audit_search.merge_alternatives(newest, subject_conditions, limit=MAX_EVENTS)).all()


def _select_outbox_rows(uow: UnitOfWork, subjects: Iterable[str], events: Sequence[Any]) -> Mapping[str, OutboxRow]:
    """Return the outbox rows that the lines name, and those about the address, the account or an invitation."""
    mail_ids = {event.facts["mail"] for event in events if "mail" in event.facts}
    condition = or_(OutboxRow.id.in_(mail_ids), OutboxRow.subject.in_(list(subjects)))
    return {row.id: row for row in uow.session.scalars(select(OutboxRow).where(condition).limit(MAX_EVENTS))}


def _build_letters(events: Sequence[Any], rows: Mapping[str, OutboxRow]) -> tuple[TracedLetter, ...]:
    events_by_mail: dict[str, list[Any]] = defaultdict(list)
    for event in reversed(events):
        if event.facts.get("mail"):
            events_by_mail[event.facts["mail"]].append(event)
    letters = [
        _build_letter(mail_id, events_by_mail.get(mail_id, []), rows.get(mail_id))
        for mail_id in {*events_by_mail, *rows}
    ]
    return tuple(sorted(letters, key=lambda each: (each.at, each.mail), reverse=True))


def _build_letter(mail_id: str, events: list[Any], row: OutboxRow | None) -> TracedLetter:
    last_event = next((event for event in reversed(events) if event.kind in DELIVERY_EVENTS), None)
    state = "unknown"
    if row is not None:
        state = "dead" if row.dead_at else "waits"
    elif last_event is not None:
        state = {mail_log.MAIL_SENT: "sent", mail_log.MAIL_DROPPED: "dropped"}.get(last_event.kind, "unknown")
        state = _find_reported_state(events) or state
    at = row.created_at if row is not None else events[0].at
    purposes = [event.facts["purpose"] for event in events if "purpose" in event.facts]
    purpose = row.purpose if row is not None else "".join(purposes[:1])
    return TracedLetter(
        mail=mail_id,
        purpose=purpose,
        state=state,
        at=min([at, *(event.at for event in events)]),
        tries=row.attempts if row is not None else int(last_event.facts.get("try", 0)) if last_event else 0,
        why=str(last_event.facts.get("why", "")) if last_event else "",
        next_try=row.not_before if row is not None and state == "waits" else None,
        steps=tuple(_build_step(event) for event in events),
    )


def _find_reported_state(events: list[Any]) -> str:
    """Return what other servers reported of an email for good; "" where that is nothing."""
    if any(event.kind == mail_log.MAIL_BOUNCED and event.facts.get("bounce") == "permanent" for event in events):
        return "bounced"
    return "complained" if any(event.kind == mail_log.MAIL_COMPLAINED for event in events) else ""


def _build_step(event: Any) -> DeliveryStep:
    reply = event.facts.get("answer") or event.facts.get("error") or ""
    if event.kind in BOUNCE_EVENTS:
        reply = f"{event.facts.get('status', '')} {reply}".strip()
    is_request = event.kind in REQUEST_EVENTS
    return DeliveryStep(
        event.at, event.kind, reply, event.network if is_request else "", event.agent if is_request else ""
    )


def _build_held_request(event: Any) -> HeldRequest:
    until = datetime.fromtimestamp(event.facts["until"], UTC)
    return HeldRequest(event.at, event.facts["limit"], event.facts["purpose"], until, event.network)


def _build_invite(row: SentInvite) -> TracedInvite:
    return TracedInvite(row.id, row.state, row.sent, row.created_at, row.expires_at)


def _list_held_networks(uow: UnitOfWork) -> tuple[HeldRequest, ...]:
    # Such a line is of the network alone: one for each address that was tried would let a stranger fill the log.
    events = uow.session.scalars(
        select(AuditRow)
        .where(AuditRow.kind == MAIL_HELD, AuditRow.at > now() - NETWORK_HELD_LOOKBACK, AuditRow.account_id.is_(None))
        .order_by(AuditRow.at.desc())
        .limit(200)
    )
    return tuple(_build_held_request(event) for event in events if event.facts["limit"] == "mail-network")[:20]
