"""Retention: after a time, lines of the audit log keep what happened and when, and say no more who it was.

The only place where a line is ever changed. None is deleted.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update

from accounts.core.audit import chain
from accounts.core.clock import now
from accounts.core.models.audit import AuditChainRow, AuditRow
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions.session import REMEMBERED_ABSOLUTE_TIMEOUT

PRUNED = "audit.pruned"
LEAST_DAYS = REMEMBERED_ABSOLUTE_TIMEOUT // timedelta(days=1) + 1
"""Younger lines are at work: the list of sessions is read from them."""
BATCH = 500
KEPT_FACTS = frozenset(
    {"purpose", "words", "why", "limit", "locked", "added", "removed", "fields", "amr", "key", "outcome", "cause"}
)
"""What of a line's facts leads to nobody. All others go: ids of sessions, invitations and mails are of one person."""


def prune(uow: UnitOfWork, days: int) -> int:
    """Put pseudonyms in the place of accounts and networks in lines older than so many days; how many were changed.

    Several at once do no harm. The lines of one account go on belonging together, as long as the same key signs.
    """
    cutoff = now() - timedelta(days=max(days, LEAST_DAYS))
    pruned, place = 0, None
    while rows := uow.fetch_all(_personal(cutoff, place)):
        with uow:
            uow.session.execute(update(AuditRow), [_without_person(uow, row) for row in rows])
            ids = [row.id for row in rows]
            unsalted = update(AuditChainRow).where(AuditChainRow.audit_id.in_(ids)).values(salt=None)
            uow.session.execute(unsalted.execution_options(synchronize_session=False))
        pruned, place = pruned + len(rows), (rows[-1].at, rows[-1].id)
    if pruned:
        with uow:
            uow.record_event(PRUNED, facts={"lines": pruned, "before": int(cutoff.timestamp())})
    return pruned


def _personal(cutoff: datetime, place: tuple[datetime, str] | None) -> Any:
    """Lines that still say who, oldest first."""
    said = or_(
        AuditRow.account_id.not_like(f"{chain.PSEUDONYM_PREFIX}%"),
        AuditRow.actor.not_like(f"{chain.PSEUDONYM_PREFIX}%"),
        and_(AuditRow.network != "", AuditRow.network.not_like(f"{chain.PSEUDONYM_PREFIX}%")),
        AuditRow.agent != "",
        AuditRow.request_id != "",
    )
    lines = select(
        AuditRow.id,
        AuditRow.at,
        AuditRow.account_id.label("account_id"),
        AuditRow.actor,
        AuditRow.network,
        AuditRow.facts,
    ).where(AuditRow.at < cutoff, said)
    if place is not None:
        lines = lines.where(chain.rows_after(*place))
    return lines.order_by(AuditRow.at, AuditRow.id).limit(BATCH)


def _without_person(uow: UnitOfWork, row: Any) -> dict[str, Any]:
    house = uow.site
    return {
        "id": row.id,
        "account_id": chain.make_pseudonym(house, row.account_id) if row.account_id else None,
        "actor": chain.make_pseudonym(house, row.actor) if row.actor else None,
        "network": chain.make_pseudonym(house, row.network),
        "agent": "",
        "request_id": "",
        "facts": {name: value for name, value in row.facts.items() if name in KEPT_FACTS},
    }
