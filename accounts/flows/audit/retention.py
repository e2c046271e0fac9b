"""Prune the audit log: after a time, lines keep what happened and when, and say no more who it was.

The only place where a line is ever changed. None is deleted.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, or_, select, update

from accounts.core.audit import chain
from accounts.core.clock import now
from accounts.core.models.audit import AuditChainRow, AuditRow
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions.session import REMEMBERED_ABSOLUTE_TIMEOUT

AUDIT_PRUNED_EVENT = "audit.pruned"
MIN_DAYS_WITH_PERSON = REMEMBERED_ABSOLUTE_TIMEOUT // timedelta(days=1) + 1
"""Younger lines are at work: the list of sessions is read from them."""
EVENTS_PER_TRANSACTION = 500
IMPERSONAL_FACTS = frozenset(
    {"purpose", "words", "why", "limit", "locked", "added", "removed", "fields", "amr", "key", "outcome", "cause"}
)
"""What of a line's facts leads to nobody. All others go: ids of sessions, invitations and mails are of one person."""


def pseudonymize_events(uow: UnitOfWork, days: int) -> int:
    """Put pseudonyms in the place of accounts and networks in lines older than so many days; how many were changed.

    Several at once do no harm. The lines of one account go on belonging together, as long as the same key signs.
    """
    cutoff = now() - timedelta(days=max(days, MIN_DAYS_WITH_PERSON))
    count = 0
    events = _select_personal_events(_find_last_cutoff(uow), cutoff)
    for rows in chain.iter_event_batches(uow.site, events, EVENTS_PER_TRANSACTION):
        with uow:
            uow.session.execute(update(AuditRow), [_pseudonymized_values(uow, row) for row in rows])
            ids = [row.id for row in rows]
            statement = update(AuditChainRow).where(AuditChainRow.audit_id.in_(ids)).values(salt=None)
            uow.session.execute(statement.execution_options(synchronize_session=False))
        count += len(rows)
    if count:
        with uow:
            uow.record_event(AUDIT_PRUNED_EVENT, facts={"lines": count, "before": int(cutoff.timestamp())})
    return count


def _find_last_cutoff(uow: UnitOfWork) -> datetime:
    """Return the moment before which no line names a person any more: as far as the last run came."""
    pruned = select(AuditRow.facts).where(AuditRow.kind == AUDIT_PRUNED_EVENT)
    last = uow.fetch_all(pruned.order_by(AuditRow.at.desc(), AuditRow.id.desc()).limit(1))
    return datetime.fromtimestamp(last[0].facts["before"] if last else 0, UTC)


def _select_personal_events(last_cutoff: datetime, cutoff: datetime) -> Select[Any]:
    """Select the lines that still name a person. Without the last cutoff each run would read all that were pruned."""
    names_person = or_(
        AuditRow.account_id.not_like(f"{chain.PSEUDONYM_PREFIX}%"),
        AuditRow.actor.not_like(f"{chain.PSEUDONYM_PREFIX}%"),
        and_(AuditRow.network != "", AuditRow.network.not_like(f"{chain.PSEUDONYM_PREFIX}%")),
        AuditRow.agent != "",
        AuditRow.request_id != "",
    )
    return select(
        AuditRow.id,
        AuditRow.at,
        AuditRow.account_id.label("account_id"),
        AuditRow.actor,
        AuditRow.network,
        AuditRow.facts,
    ).where(AuditRow.at >= last_cutoff, AuditRow.at < cutoff, names_person)


def _pseudonymized_values(uow: UnitOfWork, row: Any) -> dict[str, Any]:
    site = uow.site
    return {
        "id": row.id,
        "account_id": chain.make_pseudonym(site, row.account_id) if row.account_id else None,
        "actor": chain.make_pseudonym(site, row.actor) if row.actor else None,
        "network": chain.make_pseudonym(site, row.network),
        "agent": "",
        "request_id": "",
        "facts": {name: value for name, value in row.facts.items() if name in IMPERSONAL_FACTS},
    }
