"""What the store knows about a genuine link: whom it is about, what has moved, and what happened since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from accounts.core.database import spent
from accounts.core.errors import LinkInvalid
from accounts.core.link_kinds.parts import Subject
from accounts.core.links.link import LinkClaims
from accounts.core.links.opening import REVOKED_SUFFIX, find_holder, get_address_deleted_at
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.counters import KeyUse
from accounts.core.models.invites import SentInvite
from accounts.core.signing.keys import Key
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import link as invite_link

EXPLAINED, AGAIN = "link.explained", "link.again"
MOST_EVENTS = 20
MOST_LOOKED_AT = 200
SECOND = timedelta(seconds=1)
"""Links are signed to the second: what happened in the same one may have come before."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something from the audit log. ``by_link``: done by this very link; ``after``: seconds after it was signed."""

    at: datetime
    kind: str
    network: str
    actor: str | None
    by_link: bool
    after: int


@dataclass(frozen=True, slots=True)
class PartFact:
    """A part of the state that the link binds. ``moved`` is None where nobody can tell any more."""

    name: str
    moved: bool | None
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Somebody:
    """An account, as admins see it."""

    id: str
    email: str
    active: bool


@dataclass(frozen=True, slots=True)
class InviteFact:
    """An invitation. ``listed``: stands in the ledger; ``state`` is of the ledger, or else of the spent marks."""

    id: str
    state: str
    listed: bool
    inviter: str
    groups: tuple[str, ...]
    sent: int
    decided_at: datetime | None
    decided_by: str


@dataclass(frozen=True, slots=True)
class KeyFact:
    """The key that signed a link. ``number`` counts from the oldest; 0 for one that is not in the ring any more."""

    name: str
    number: int
    state: str
    since: datetime | None


def subject_of(uow: UnitOfWork, sentence: LinkClaims) -> Subject | None:
    """Whom a link speaks of, as they are now, dead or alive; None where the account is gone."""
    if sentence.link.about == "account":
        account = uow.session.get(Account, sentence.subject_id)
        return Subject(account.id, account) if account else None
    if not sentence.subject_id:
        return Subject("", None)
    try:
        return find_holder(uow, sentence.subject_id)
    except LinkInvalid:
        return Subject(sentence.subject_id, None)


def somebody(account: Account | None) -> Somebody | None:
    """What is told of an account, if there is one."""
    return Somebody(account.id, account.email, account.active) if account else None


def account_id_of(sentence: LinkClaims, subject: Subject | None) -> str | None:
    """The account whose audit events matter: the subject, even a deleted one, or the holder of the address."""
    if sentence.link.about == "account":
        return sentence.subject_id
    return subject.account.id if subject and subject.account else None


def deleted_at(uow: UnitOfWork, sentence: LinkClaims) -> datetime | None:
    """When the account of the address that a link is about was deleted, if that was after it was signed."""
    if sentence.link.about != "address" or not sentence.subject_id:
        return None
    try:
        at = get_address_deleted_at(uow, sentence)
    except LinkInvalid:
        return None
    return at if at and at >= sentence.issued_at else None


def parts_of(uow: UnitOfWork, sentence: LinkClaims, subject: Subject | None) -> tuple[PartFact, ...]:
    """Each bound part: whether it moved, and the event that moved it first."""
    bound = sentence.link.dies_with
    if subject is None:
        return tuple(PartFact(part.name, None) for part in bound)
    moved = uow.site.link_signer.moved_parts(sentence, subject)
    who = account_id_of(sentence, subject)
    return tuple(
        PartFact(part.name, part in moved, _first(uow, sentence, who, part.moved_by) if part in moved else None)
        for part in bound
    )


def events_since(uow: UnitOfWork, sentence: LinkClaims, account_id: str | None) -> tuple[Event, ...]:
    """What happened to the account since the link was signed, oldest first, at most ``MOST_EVENTS``."""
    if account_id is None:
        return ()
    rows = uow.session.scalars(
        select(AuditRow)
        .where(AuditRow.account_id == account_id, AuditRow.at >= sentence.issued_at, AuditRow.kind != EXPLAINED)
        .where(AuditRow.kind.not_like("mail.%"))
        .order_by(AuditRow.at, AuditRow.id)
        .limit(MOST_EVENTS)
    )
    return tuple(event_of(row, sentence) for row in rows)


def event_of(row: AuditRow, sentence: LinkClaims) -> Event:
    """An audit event as seen from a link: how many seconds after it was signed, and whether by it."""
    after = max(0, int((row.at - sentence.issued_at).total_seconds()))
    return Event(row.at, row.kind, row.network, row.actor, row.link_id == sentence.link_id, after)


def used_by(uow: UnitOfWork, sentence: LinkClaims, account_id: str | None) -> Event | None:
    """The event that this very link has left on the account, if it was used."""
    if account_id is None:
        return None
    row = uow.session.scalars(
        select(AuditRow)
        .where(AuditRow.account_id == account_id, AuditRow.at >= sentence.issued_at)
        .where(AuditRow.link_id == sentence.link_id, AuditRow.kind.not_in((EXPLAINED, AGAIN)))
        .order_by(AuditRow.at)
    ).first()
    return event_of(row, sentence) if row else None


def asked_again(uow: UnitOfWork, sentence: LinkClaims) -> datetime | None:
    """When somebody last had a fresh link sent in place of this one."""
    return uow.session.scalar(
        select(func.max(AuditRow.at)).where(
            AuditRow.kind == AGAIN, AuditRow.at >= sentence.issued_at, AuditRow.link_id == sentence.link_id
        )
    )


def _first(uow: UnitOfWork, sentence: LinkClaims, account_id: str | None, kinds: Iterable[str]) -> Event | None:
    rows = uow.session.scalars(
        select(AuditRow)
        .where(AuditRow.account_id == account_id, AuditRow.at >= sentence.issued_at, AuditRow.kind.in_(tuple(kinds)))
        .order_by(AuditRow.at, AuditRow.id)
        .limit(MOST_LOOKED_AT)
    ).all()
    # Joining a group moves nothing; losing one does.
    rows = [row for row in rows if row.kind != "account.groups" or "removed" in row.facts]
    own = [row for row in rows if row.link_id == sentence.link_id]
    surely_later = [row for row in rows if row.at >= sentence.issued_at + SECOND]
    chosen = (own or surely_later or rows[-1:])[:1]
    return event_of(chosen[0], sentence) if chosen else None


def spent_of(uow: UnitOfWork, sentence: LinkClaims) -> str:
    """``accepted`` or ``revoked`` where a mark says so, "" where none does."""
    if sentence.link.spends is None:
        return ""
    mark = sentence.link.spends(sentence.carried)
    if spent.is_spent(uow.session, mark + REVOKED_SUFFIX):
        return "revoked"
    return "accepted" if spent.is_spent(uow.session, mark) else ""


def invite_of(uow: UnitOfWork, sentence: LinkClaims) -> InviteFact | None:
    """The invitation that a link belongs to."""
    if sentence.link.purpose != invite_link.INVITE_PURPOSE:
        return None
    carried = sentence.carried
    row = uow.session.get(SentInvite, carried.id)
    state = row.state if row else spent_of(uow, sentence) or "pending"
    decided_at = (row.accepted_at or row.revoked_at) if row else None
    return InviteFact(
        id=carried.id,
        state=state,
        listed=row is not None,
        inviter=_name(uow, carried.inviter),
        groups=tuple(carried.groups),
        sent=row.sent if row else 0,
        decided_at=decided_at,
        decided_by=_decided_by(uow, carried.id, state, sentence.issued_at) if state != "pending" else "",
    )


def _decided_by(uow: UnitOfWork, id: str, state: str, since: datetime) -> str:
    rows = uow.session.scalars(
        select(AuditRow)
        .where(AuditRow.kind == f"invite.{state}", AuditRow.at >= since)
        .where(AuditRow.facts["invite"].as_string() == id)
        .limit(1)
    ).all()
    return _name(uow, rows[0].account_id or rows[0].actor or "") if rows else ""


def _name(uow: UnitOfWork, account_id: str) -> str:
    account = uow.session.get(Account, account_id) if account_id else None
    return account.email if account else account_id


def key_of(uow: UnitOfWork, key: Key) -> KeyFact:
    """Where a key stands in the ring, and since when it is known to have signed."""
    ring = uow.site.ring
    oldest_first = list(ring.newest_first())[::-1]
    number = oldest_first.index(key) + 1 if key in oldest_first else 0
    state = "retired" if not number else "signs" if key == ring.signing else "opens"
    since = uow.session.scalar(select(func.min(KeyUse.first_signed_at)).where(KeyUse.key == key.name))
    return KeyFact(key.name, number, state, since)


def gone_key_at(uow: UnitOfWork, at: datetime, purposes: Iterable[str]) -> str:
    """The name of a key that is not in the ring any more and signed such links around a moment; "" for none."""
    known = [key.name for key in uow.site.ring.newest_first()]
    found = uow.session.scalar(
        select(KeyUse.key)
        .where(KeyUse.key.not_in(known), KeyUse.purpose.in_(tuple(purposes)))
        .where(KeyUse.first_signed_at <= at + SECOND, KeyUse.alive_until >= at)
        .order_by(KeyUse.first_signed_at.desc())
        .limit(1)
    )
    return found or ""
