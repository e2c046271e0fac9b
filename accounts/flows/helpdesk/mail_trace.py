"""What became of the mail to one address: asked, held back, waiting, sent, given up. Answers "it never came".

Nothing here tells a stranger anything: an admin types the address, and finds what is marked with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, or_, select

from accounts.core.audit import address_index
from accounts.core.clock import now
from accounts.core.errors import N_, FieldError, InvalidInput
from accounts.core.links.link import parse_email_key
from accounts.core.links.opening import find_holder
from accounts.core.models.account import Account
from accounts.core.models.audit import AddressIndexRow, AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.links import explain as link_explanation
from accounts.flows.helpdesk.links.explain import Explanation
from accounts.flows.helpdesk.links.facts import Somebody, somebody
from accounts.flows.shared import mail_log
from accounts.flows.shared.fields import Form, OptionalEmail, SearchText
from accounts.flows.shared.mail_limits import MAIL_HELD

TRACED = "mail.traced"
ASKED = frozenset(
    {"sign-up.asked", "sign-in.mail-asked", "password.reset-asked", "email.change-asked", "account.close-asked"}
    | {"account.locked", "account.reset-sent", "link.again", "mail.revived"}
)
"""Kinds of lines that say that a letter was asked for."""
STATES = frozenset(
    {mail_log.MAIL_SENT, mail_log.MAIL_DROPPED, mail_log.MAIL_DELAYED, mail_log.MAIL_REFUSED, mail_log.MAIL_GIVEN_UP}
)
MOST_LINES = 400
NETWORKS_HELD = timedelta(days=1)
SAY_ONE = N_("Enter an address or a link, or both.")


class TraceMail(Form):
    """Whose mail, and the link that they sent in, if they did."""

    email: OptionalEmail = None
    link: SearchText = Field(
        default="",
        title=N_("Link"),
        max_length=link_explanation.MAX_CHARACTERS,
        json_schema_extra={"input": "text", "maxlength": link_explanation.MAX_CHARACTERS},
    )


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a letter. ``said`` is the mail server's answer, or why it was not taken."""

    at: datetime
    kind: str
    said: str
    network: str
    agent: str


@dataclass(frozen=True, slots=True)
class Traced:
    """One letter.

    :ivar state: ``waits``, ``dead`` (given up, can be sent again), ``sent``, ``dropped``, or ``unknown``: it was
        asked for, and its row has gone without a word.
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
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A request that a limit held back; further ones in the same window left no line."""

    at: datetime
    limit: str
    purpose: str
    until: datetime
    network: str


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation of the ledger."""

    id: str
    state: str
    sent: int
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Trace:
    """All that is known about the mail to an address, newest first.

    :ivar networks_held: networks that asked for too many letters lately, whoever they were for.
    """

    email: str
    account: Somebody | None
    letters: tuple[Traced, ...]
    held: tuple[Held, ...]
    invitations: tuple[Invited, ...]
    networks_held: tuple[Held, ...]


def look(uow: UnitOfWork, said: TraceMail) -> tuple[Trace | None, Explanation | None]:
    """Answer "I never got the mail" and "my link does not work". A link says whose mail it is, if nobody else does.

    :raises InvalidInput: neither is there, or there is no link in what was pasted.
    """
    if said.email is None and not said.link:
        raise InvalidInput("neither", fields=[FieldError("email", "missing", SAY_ONE, {})])
    explained = link_explanation.explain(uow, said.link) if said.link else None
    email = said.email.email if said.email else _address_in(explained)
    return (trace(uow, email) if email else None), explained


def _address_in(explained: Explanation | None) -> str:
    if explained is None or not explained.genuine:
        return ""
    return explained.account.email if explained.account else explained.subject if "@" in explained.subject else ""


def trace(uow: UnitOfWork, email: str) -> Trace:
    """What became of the mail to an address. The audit log notes that it was looked at."""
    with uow:
        subject = find_holder(uow, email)
        account, key = subject.account, parse_email_key(email)
        lines = _lines(uow, account, key)
        invitations = uow.session.scalars(
            select(SentInvite).where(SentInvite.email_key == key).order_by(SentInvite.created_at.desc()).limit(20)
        ).all()
        rows = _rows(uow, [email, *([account.id] if account else []), *(each.id for each in invitations)], lines)
        found = Trace(
            email=account.email if account else email,
            account=somebody(account),
            letters=_letters(lines, rows),
            held=tuple(_held(line) for line in lines if line.kind == MAIL_HELD),
            invitations=tuple(_invited(each) for each in invitations),
            networks_held=_networks_held(uow),
        )
        uow.record_event(TRACED, account_id=account.id if account else None)
    return found


def _lines(uow: UnitOfWork, account: Account | None, key: str) -> Sequence[AuditRow]:
    marked = select(AddressIndexRow.audit_id).where(AddressIndexRow.mark.in_(address_index.index_keys(uow.site, key)))
    about: ColumnElement[bool] = AuditRow.id.in_(marked)
    if account is not None:
        about = or_(about, AuditRow.account_id == account.id)
    wanted = AuditRow.kind.in_(ASKED | STATES | {MAIL_HELD})
    newest = select(AuditRow).where(about, wanted, AuditRow.at > now() - address_index.INDEX_RETENTION)
    return uow.session.scalars(newest.order_by(AuditRow.at.desc(), AuditRow.id.desc()).limit(MOST_LINES)).all()


def _rows(uow: UnitOfWork, subjects: Iterable[str], lines: Sequence[AuditRow]) -> Mapping[str, OutboxRow]:
    """What of it is in the outbox: what the lines name, and what is about the address, the account, an invitation."""
    named = {line.facts["mail"] for line in lines if "mail" in line.facts}
    wanted = or_(OutboxRow.id.in_(named), OutboxRow.subject.in_(list(subjects)))
    return {row.id: row for row in uow.session.scalars(select(OutboxRow).where(wanted).limit(MOST_LINES))}


def _letters(lines: Sequence[AuditRow], rows: Mapping[str, OutboxRow]) -> tuple[Traced, ...]:
    told: dict[str, list[AuditRow]] = defaultdict(list)
    for line in reversed(lines):
        if line.facts.get("mail"):
            told[line.facts["mail"]].append(line)
    found = [_letter(mail, told.get(mail, []), rows.get(mail)) for mail in {*told, *rows}]
    return tuple(sorted(found, key=lambda each: (each.at, each.mail), reverse=True))


def _letter(mail: str, lines: list[AuditRow], row: OutboxRow | None) -> Traced:
    last = next((line for line in reversed(lines) if line.kind in STATES), None)
    state = "unknown"
    if row is not None:
        state = "dead" if row.dead_at else "waits"
    elif last is not None:
        state = {mail_log.MAIL_SENT: "sent", mail_log.MAIL_DROPPED: "dropped"}.get(last.kind, "unknown")
    at = row.created_at if row is not None else lines[0].at
    said = [line.facts["purpose"] for line in lines if "purpose" in line.facts]
    purpose = row.purpose if row is not None else "".join(said[:1])
    return Traced(
        mail=mail,
        purpose=purpose,
        state=state,
        at=min([at, *(line.at for line in lines)]),
        tries=row.attempts if row is not None else int(last.facts.get("try", 0)) if last else 0,
        why=str(last.facts.get("why", "")) if last else "",
        next_try=row.not_before if row is not None and state == "waits" else None,
        steps=tuple(_step(line) for line in lines),
    )


def _step(line: AuditRow) -> Step:
    said = line.facts.get("answer") or line.facts.get("error") or ""
    asked = line.kind in ASKED
    return Step(line.at, line.kind, said, line.network if asked else "", line.agent if asked else "")


def _held(line: Any) -> Held:
    until = datetime.fromtimestamp(line.facts["until"], UTC)
    return Held(line.at, line.facts["limit"], line.facts["purpose"], until, line.network)


def _invited(row: SentInvite) -> Invited:
    return Invited(row.id, row.state, row.sent, row.created_at, row.expires_at)


def _networks_held(uow: UnitOfWork) -> tuple[Held, ...]:
    # Such a line is of the network alone: one for each address that was tried would let a stranger fill the log.
    lines = uow.session.scalars(
        select(AuditRow)
        .where(AuditRow.kind == MAIL_HELD, AuditRow.at > now() - NETWORKS_HELD, AuditRow.account_id.is_(None))
        .order_by(AuditRow.at.desc())
        .limit(200)
    )
    return tuple(_held(line) for line in lines if line.facts["limit"] == "mail-network")[:20]
