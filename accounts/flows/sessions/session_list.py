"""Where somebody is signed in: the sign-ins of the audit log whose sessions are still open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.models.audit import AuditRow
from accounts.core.models.counters import Spent
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import ABSOLUTE_REMEMBERED, SIGN_IN, CurrentAccount, mark


@dataclass(frozen=True, slots=True)
class Listed:
    """One session in the list of devices."""

    id: str
    began: datetime
    ends: datetime
    network: str
    agent: str
    current: bool


def listing(uow: UnitOfWork, who: CurrentAccount) -> list[Listed]:
    """The sessions of somebody who is signed in."""
    return of(uow, who.id, who.auth_epoch, current=who.session.id)


def of(uow: UnitOfWork, account_id: str, epoch: int, *, current: str = "") -> list[Listed]:
    """The sessions that are still open, newest first, from the sign-ins in the audit log."""
    events = uow.fetch_all(
        select(AuditRow.at, AuditRow.network, AuditRow.agent, AuditRow.facts)
        .where(AuditRow.kind == SIGN_IN, AuditRow.account_id == account_id)
        .where(AuditRow.at > now() - ABSOLUTE_REMEMBERED)
        .order_by(AuditRow.at.desc(), AuditRow.id)
    )
    open_ids = _open(uow, epoch, [row.facts for row in events])
    return [
        Listed(
            facts["session"],
            at,
            datetime.fromtimestamp(facts["ends"], at.tzinfo),
            network,
            agent,
            facts["session"] == current,
        )
        for at, network, agent, facts in events
        if facts["session"] in open_ids
    ]


def _open(uow: UnitOfWork, epoch: int, facts: Sequence[dict[str, Any]]) -> set[str]:
    moment = now().timestamp()
    ids = {f["session"] for f in facts if f["epoch"] == epoch and f["ends"] > moment}
    ended = {row[0] for row in uow.fetch_all(select(Spent.id).where(Spent.id.in_([mark(sid) for sid in ids])))}
    return {sid for sid in ids if mark(sid) not in ended}


def end_one(uow: UnitOfWork, who: CurrentAccount, session_id: str) -> None:
    """End one other session of the same person.

    :raises NotFound: it is not an open session of theirs.
    """
    end(uow, who.id, who.auth_epoch, session_id)


def end(uow: UnitOfWork, account_id: str, epoch: int, session_id: str) -> None:
    """End one session of an account.

    :raises NotFound: it is not an open session of it.
    """
    found = next((listed for listed in of(uow, account_id, epoch) if listed.id == session_id), None)
    if found is None:
        raise NotFound("no such session")
    with uow:
        sessions.close(uow, account_id, session_id, found.ends)
        uow.record_event("session.ended", account_id=account_id, facts={"session": session_id})
