"""Where somebody is signed in: the sign-ins of the audit log whose sessions are still open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import aliased

from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.session_names import SessionName
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions import names
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.live import session_is_live
from accounts.flows.sessions.names import SessionNameForm
from accounts.flows.sessions.session import REMEMBERED_ABSOLUTE_TIMEOUT, SIGN_IN_EVENT, CurrentAccount, Session
from accounts.flows.shared.accounts import get_unchanged_account


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session in the list of devices.

    :ivar name: what its owner calls the device; "" where they have not said.
    :ivar last_active: when the same browser last did something at this IP address that is in the audit log. Of this
        session also when its cookie was last renewed.
    """

    id: str
    name: str
    began: datetime
    last_active: datetime
    ends: datetime
    network: str
    agent: str
    current: bool


def list_own_sessions(uow: UnitOfWork, current: CurrentAccount) -> list[OpenSession]:
    """Return the sessions of the signed-in account."""
    return [
        replace(each, last_active=max(each.last_active, current.session.last_seen_at)) if each.current else each
        for each in list_sessions(uow, current.id, current_session_id=current.session.id)
    ]


_OTHER = aliased(AuditRow)
# No column for it: looking at one's account writes nothing, and what does something is in the log already.
_LAST_ACT = (
    select(func.max(_OTHER.at))
    .where(
        _OTHER.account_id == AuditRow.account_id,
        _OTHER.actor == AuditRow.account_id,
        _OTHER.at > AuditRow.at,
        _OTHER.agent == AuditRow.agent,
        _OTHER.network == AuditRow.network,
    )
    .correlate(AuditRow)
    .scalar_subquery()
)


def list_sessions(uow: UnitOfWork, account_id: str, *, current_session_id: str = "") -> list[OpenSession]:
    """Return the live sessions of an account, newest first, from the sign-ins in the audit log."""
    events = uow.fetch_all(
        select(AuditRow.at, AuditRow.network, AuditRow.agent, AuditRow.facts, SessionName.name, _LAST_ACT)
        .join(Account, Account.id == AuditRow.account_id)
        .outerjoin(SessionName, SessionName.session_id == AuditRow.facts["session"].as_string())
        # Of both tables: SQLite reads the index of the log by account, kind and time.
        .where(Account.id == account_id, AuditRow.account_id == account_id, sign_in_is_live())
        .order_by(AuditRow.at.desc(), AuditRow.id)
    )
    return [
        OpenSession(
            facts["session"],
            name or "",
            at,
            last_act or at,
            datetime.fromtimestamp(facts["ends"], at.tzinfo),
            network,
            agent,
            facts["session"] == current_session_id,
        )
        for at, network, agent, facts, name, last_act in events
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


def get_session(uow: UnitOfWork, account_id: str, session_id: str, *, current_session_id: str = "") -> OpenSession:
    """Return one open session of an account.

    :raises NotFound: it has no such session.
    """
    listed = list_sessions(uow, account_id, current_session_id=current_session_id)
    session = next((row for row in listed if row.id == session_id), None)
    if session is None:
        raise NotFound("no such session")
    return session


def end_own_session(uow: UnitOfWork, current: CurrentAccount, session_id: str) -> OpenSession:
    """End one other session of the same account; returns what it was.

    :raises NotFound: it is not an open session of theirs.
    """
    return end_session(uow, current.id, session_id)


def end_session(uow: UnitOfWork, account_id: str, session_id: str) -> OpenSession:
    """End one session of an account; returns what it was.

    :raises NotFound: it is not an open session of it.
    """
    session = get_session(uow, account_id, session_id)
    with uow:
        sessions.close_session(uow, account_id, session_id, session.ends)
        uow.record_event("session.ended", account_id=account_id, facts={"session": session_id})
    return session


def end_other_sessions(uow: UnitOfWork, current: CurrentAccount) -> tuple[Session, int]:
    """End all sessions but this one; returns the new session of this browser, and how many have ended."""
    others = sum(not each.current for each in list_own_sessions(uow, current))

    def work() -> Session:
        account = get_unchanged_account(uow, current.id, current.auth_epoch)
        account.auth_epoch += 1
        uow.record_event("sign-out.others", account_id=account.id)
        return sessions.renew_session(uow, account.id, account.auth_epoch, current.session)

    return uow.attempt(work), others


def name_session(uow: UnitOfWork, current: CurrentAccount, session_id: str, form: SessionNameForm) -> OpenSession:
    """Give the device of a session a name, or take it away; returns the session as it was.

    :raises NotFound: it is not an open session of theirs.
    """

    def work() -> OpenSession:
        session = get_session(uow, current.id, session_id)
        names.set_name(uow, current.id, session_id, form.name, session.ends)
        return session

    return uow.attempt(work)
