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
from accounts.flows.sessions.session import REMEMBERED_ABSOLUTE_TIMEOUT, SIGN_IN_EVENT, CurrentAccount, spent_id


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session in the list of devices."""

    id: str
    began: datetime
    ends: datetime
    network: str
    agent: str
    current: bool


def list_own_sessions(uow: UnitOfWork, current: CurrentAccount) -> list[OpenSession]:
    """The sessions of somebody who is signed in."""
    return list_sessions(uow, current.id, current.auth_epoch, current_session_id=current.session.id)


def list_sessions(uow: UnitOfWork, account_id: str, epoch: int, *, current_session_id: str = "") -> list[OpenSession]:
    """The sessions that are still open, newest first, from the sign-ins in the audit log."""
    events = uow.fetch_all(
        select(AuditRow.at, AuditRow.network, AuditRow.agent, AuditRow.facts)
        .where(AuditRow.kind == SIGN_IN_EVENT, AuditRow.account_id == account_id)
        .where(AuditRow.at > now() - REMEMBERED_ABSOLUTE_TIMEOUT)
        .order_by(AuditRow.at.desc(), AuditRow.id)
    )
    open_ids = _find_open_session_ids(uow, epoch, [row.facts for row in events])
    return [
        OpenSession(
            facts["session"],
            at,
            datetime.fromtimestamp(facts["ends"], at.tzinfo),
            network,
            agent,
            facts["session"] == current_session_id,
        )
        for at, network, agent, facts in events
        if facts["session"] in open_ids
    ]


def _find_open_session_ids(uow: UnitOfWork, epoch: int, facts: Sequence[dict[str, Any]]) -> set[str]:
    timestamp = now().timestamp()
    ids = {event["session"] for event in facts if event["epoch"] == epoch and event["ends"] > timestamp}
    ended = {row[0] for row in uow.fetch_all(select(Spent.id).where(Spent.id.in_([spent_id(sid) for sid in ids])))}
    return {sid for sid in ids if spent_id(sid) not in ended}


def end_own_session(uow: UnitOfWork, current: CurrentAccount, session_id: str) -> None:
    """End one other session of the same person.

    :raises NotFound: it is not an open session of theirs.
    """
    end_session(uow, current.id, current.auth_epoch, session_id)


def end_session(uow: UnitOfWork, account_id: str, epoch: int, session_id: str) -> None:
    """End one session of an account.

    :raises NotFound: it is not an open session of it.
    """
    session = next((row for row in list_sessions(uow, account_id, epoch) if row.id == session_id), None)
    if session is None:
        raise NotFound("no such session")
    with uow:
        sessions.close_session(uow, account_id, session_id, session.ends)
        uow.record_event("session.ended", account_id=account_id, facts={"session": session_id})
