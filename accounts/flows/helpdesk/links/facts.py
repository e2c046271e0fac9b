"""What the store knows about a genuine link: whom it is about, what has moved, and what happened since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from accounts.core.clock import now
from accounts.core.database import spent
from accounts.core.link_errors import LinkInvalid
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.link_kinds.parts import EMAIL_EVENTS, Subject, holder
from accounts.core.links.link import parse_email_key
from accounts.core.links.opening import REVOKED_SUFFIX, find_holder, get_address_deleted_at
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.uow import UnitOfWork
from accounts.flows.account import approval_review
from accounts.flows.account.approval_request import REVIEW_PURPOSE
from accounts.flows.helpdesk.links.shared import is_shared_invite_revoked
from accounts.flows.invites import link as invite_link
from accounts.flows.invites.join import JOIN_PURPOSE

LINK_EXPLAINED_EVENT, LINK_RESENT_EVENT = "link.explained", "link.again"
MAX_EVENTS = 20
MAX_EVENTS_SEARCHED = 200
ISSUE_TIME_RESOLUTION = timedelta(seconds=1)
"""Links are signed to the second: what happened in the same one may have come before."""
DECISION_SPREAD = timedelta(minutes=1)
"""How far the line of an acceptance or revocation is from the time in the row: they are of one transaction."""


@dataclass(frozen=True, slots=True)
class LinkEvent:
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
    event: LinkEvent | None = None


@dataclass(frozen=True, slots=True)
class AccountSummary:
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


def find_current_subject(uow: UnitOfWork, claims: LinkClaims) -> Subject | None:
    """Return the subject of a link as it is now, whether the link is valid or not; None where the account is gone."""
    if claims.kind.about == "account":
        account = uow.session.get(Account, claims.subject_id)
        return Subject(account.id, account) if account else None
    if not claims.subject_id:
        return Subject("", None)
    try:
        return find_holder(uow, claims.subject_id)
    except LinkInvalid:
        return Subject(claims.subject_id, None)


def summarize_account(account: Account | None) -> AccountSummary | None:
    """Return what is shown of an account; None where there is none."""
    return AccountSummary(account.id, account.email, account.active) if account else None


def find_account_id(uow: UnitOfWork, claims: LinkClaims, subject: Subject | None) -> str | None:
    """Return the account whose audit events matter: the subject, even a deleted one.

    Of a link about an address that is the account that it was used for, whatever address that account has by now and
    whoever holds this one; where it was not used, today's holder.
    """
    if claims.kind.about == "account":
        return claims.subject_id
    user_id = uow.session.scalar(
        select(AuditRow.account_id)
        .where(AuditRow.kind.in_(holder.moved_by), AuditRow.at >= claims.issued_at)
        .where(AuditRow.link_id == claims.link_id)
        .limit(1)
    )
    return user_id or (subject.account.id if subject and subject.account else None)


def find_deleted_at(uow: UnitOfWork, claims: LinkClaims) -> datetime | None:
    """When the account of the address that a link is about was deleted, if that was after it was signed."""
    if claims.kind.about != "address" or not claims.subject_id:
        return None
    try:
        at = get_address_deleted_at(uow, claims)
    except LinkInvalid:
        return None
    return at if at and at >= claims.issued_at else None


def list_part_facts(
    uow: UnitOfWork, claims: LinkClaims, subject: Subject | None, account_id: str | None
) -> tuple[PartFact, ...]:
    """Each bound part: whether it moved, and the event that moved it first."""
    parts = claims.kind.dies_with
    if subject is None:
        return tuple(PartFact(part.name, None) for part in parts)
    moved_parts = uow.site.link_signer.moved_parts(claims, subject)
    is_used_account = account_id is not None and claims.kind.about == "address"
    facts = []
    for part in parts:
        has_moved, event = part in moved_parts, None
        if has_moved or is_used_account:
            event = _find_moving_event(uow, claims, account_id, part.moved_by)
        # Of an address that its account has left, nobody is the owner, as at first: the link has moved it.
        has_moved = has_moved or bool(event and event.by_link)
        facts.append(PartFact(part.name, has_moved, event if has_moved else None))
    return tuple(facts)


def find_address_change(uow: UnitOfWork, claims: LinkClaims, account: Account | None) -> LinkEvent | None:
    """Return the event by which the account of a link about an address came by the address that it has now."""
    if account is None or claims.kind.about != "address" or not claims.subject_id:
        return None
    if account.email_key == parse_email_key(claims.subject_id):
        return None
    row = uow.session.scalars(
        select(AuditRow)
        .where(AuditRow.account_id == account.id, AuditRow.kind.in_(EMAIL_EVENTS))
        .where(AuditRow.at >= claims.issued_at)
        .order_by(AuditRow.at.desc())
        .limit(1)
    ).first()
    return build_link_event(row, claims) if row else None


def list_events_since(uow: UnitOfWork, claims: LinkClaims, account_id: str | None) -> tuple[LinkEvent, ...]:
    """Return what happened to the account since the link was signed, oldest first, limited in number."""
    if account_id is None:
        return ()
    rows = uow.session.scalars(
        select(AuditRow)
        .where(
            AuditRow.account_id == account_id,
            AuditRow.at >= claims.issued_at,
            AuditRow.kind != LINK_EXPLAINED_EVENT,
        )
        .where(AuditRow.kind.not_like("mail.%"))
        .order_by(AuditRow.at, AuditRow.id)
        .limit(MAX_EVENTS)
    )
    return tuple(build_link_event(row, claims) for row in rows)


def build_link_event(row: AuditRow, claims: LinkClaims) -> LinkEvent:
    """Return an audit event as seen from a link: how many seconds after it was signed, and whether by it."""
    after = max(0, int((row.at - claims.issued_at).total_seconds()))
    return LinkEvent(row.at, row.kind, row.network, row.actor, row.link_id == claims.link_id, after)


def find_use_event(uow: UnitOfWork, claims: LinkClaims, account_id: str | None) -> LinkEvent | None:
    """Return the event that this very link has left on the account, if it was used.

    Of a request for an account it is the decision, by whichever of its links.
    """
    if claims.kind.purpose == REVIEW_PURPOSE:
        decision = approval_review.find_decision(uow, claims.carried)
        return build_link_event(decision, claims) if decision else None
    if account_id is None:
        return None
    row = uow.session.scalars(
        select(AuditRow)
        .where(AuditRow.account_id == account_id, AuditRow.at >= claims.issued_at)
        .where(AuditRow.link_id == claims.link_id, AuditRow.kind.not_in((LINK_EXPLAINED_EVENT, LINK_RESENT_EVENT)))
        .order_by(AuditRow.at)
    ).first()
    return build_link_event(row, claims) if row else None


def find_resent_at(uow: UnitOfWork, claims: LinkClaims) -> datetime | None:
    """When somebody last had a fresh link sent in place of this one."""
    return uow.session.scalar(
        select(func.max(AuditRow.at)).where(
            AuditRow.kind == LINK_RESENT_EVENT,
            AuditRow.at >= claims.issued_at,
            AuditRow.link_id == claims.link_id,
        )
    )


def _find_moving_event(
    uow: UnitOfWork, claims: LinkClaims, account_id: str | None, kinds: Iterable[str]
) -> LinkEvent | None:
    rows = uow.session.scalars(
        select(AuditRow)
        .where(AuditRow.account_id == account_id, AuditRow.at >= claims.issued_at, AuditRow.kind.in_(tuple(kinds)))
        .order_by(AuditRow.at, AuditRow.id)
        .limit(MAX_EVENTS_SEARCHED)
    ).all()
    # Joining a group moves nothing; losing one does.
    rows = [row for row in rows if row.kind != "account.groups" or "removed" in row.facts]
    by_link = [row for row in rows if row.link_id == claims.link_id]
    after_issue = [row for row in rows if row.at >= claims.issued_at + ISSUE_TIME_RESOLUTION]
    chosen = (by_link or after_issue or rows[-1:])[:1]
    return build_link_event(chosen[0], claims) if chosen else None


def get_spent_state(uow: UnitOfWork, claims: LinkClaims) -> str:
    """Return ``accepted`` or ``revoked`` where that is stored of the link's id, "" where nothing is."""
    id = claims.spent_id
    if not id:
        return ""
    if claims.kind.purpose == JOIN_PURPOSE and is_shared_invite_revoked(uow, claims.carried.id):
        return "revoked"
    if spent.is_spent(uow.session, id + REVOKED_SUFFIX):
        return "revoked"
    return "accepted" if spent.is_spent(uow.session, id) else ""


def find_invite_fact(uow: UnitOfWork, claims: LinkClaims) -> InviteFact | None:
    """Return the invitation that a link belongs to."""
    if claims.kind.purpose != invite_link.INVITE_PURPOSE:
        return None
    carried = claims.carried
    row = uow.session.get(SentInvite, carried.id)
    state = row.state if row else get_spent_state(uow, claims) or "pending"
    decided_at = (row.accepted_at or row.revoked_at) if row else None
    return InviteFact(
        id=carried.id,
        state=state,
        listed=row is not None,
        inviter=get_account_label(uow, carried.inviter),
        groups=tuple(carried.groups),
        sent=row.sent if row else 0,
        decided_at=decided_at,
        decided_by=_find_decider(uow, carried.id, state, claims.issued_at, decided_at) if state != "pending" else "",
    )


def _find_decider(uow: UnitOfWork, invite_id: str, state: str, since: datetime, decided_at: datetime | None) -> str:
    # Where it is known when, only the lines of that moment are read: of one transaction, some seconds at most.
    earliest, latest = (decided_at - DECISION_SPREAD, decided_at + DECISION_SPREAD) if decided_at else (since, now())
    rows = uow.session.scalars(
        select(AuditRow)
        .where(AuditRow.kind == f"invite.{state}", AuditRow.at.between(earliest, latest))
        .where(AuditRow.facts["invite"].as_string() == invite_id)
        .limit(1)
    ).all()
    return get_account_label(uow, rows[0].account_id or rows[0].actor or "") if rows else ""


def get_account_label(uow: UnitOfWork, account_id: str) -> str:
    """Return the address of an account; its id where it is gone."""
    account = uow.session.get(Account, account_id) if account_id else None
    return account.email if account else account_id
