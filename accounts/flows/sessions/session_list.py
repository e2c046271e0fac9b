"""Where somebody is signed in: the sign-ins of the audit log whose sessions are still open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select

from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.live import session_is_live
from accounts.flows.sessions.session import REMEMBERED_ABSOLUTE_TIMEOUT, SIGN_IN_EVENT, CurrentAccount


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
    """Return the sessions of the signed-in account."""
    return list_sessions(uow, current.id, current_session_id=current.session.id)


def list_sessions(uow: UnitOfWork, account_id: str, *, current_session_id: str = "") -> list[OpenSession]:
    """Return the live sessions of an account, newest first, from the sign-ins in the audit log."""
    events = uow.fetch_all(
        select(AuditRow.at, AuditRow.network, AuditRow.agent, AuditRow.facts)
        .join(Account, Account.id == AuditRow.account_id)
        # Of both tables: SQLite reads the index of the log by account, kind and time.
        .where(Account.id == account_id, AuditRow.account_id == account_id, sign_in_is_live())
        .order_by(AuditRow.at.desc(), AuditRow.id)
    )
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
    ]


def sign_in_is_live() -> ColumnElement[bool]:
    """Return the condition that an :class:`AuditRow` joined with its account is a sign-in whose session is live."""
    facts = AuditRow.facts
    return and_(
        AuditRow.kind == SIGN_IN_EVENT,
        AuditRow.at > now() - REMEMBERED_ABSOLUTE_TIMEOUT,
        facts["ends"].as_float() > now().timestamp(),
        session_is_live(facts["epoch"].as_integer(), facts["session"].as_string()),
    )


def end_own_session(uow: UnitOfWork, current: CurrentAccount, session_id: str) -> None:
    """End one other session of the same account.

    :raises NotFound: it is not an open session of theirs.
    """
    end_session(uow, current.id, session_id)


def end_session(uow: UnitOfWork, account_id: str, session_id: str) -> None:
    """End one session of an account.

    :raises NotFound: it is not an open session of it.
    """
    session = next((row for row in list_sessions(uow, account_id) if row.id == session_id), None)
    if session is None:
        raise NotFound("no such session")
    with uow:
        sessions.close_session(uow, account_id, session_id, session.ends)
        uow.record_event("session.ended", account_id=account_id, facts={"session": session_id})
