"""Queue OpenID Connect back-channel logout for every client of a session that ends.

Hooked where sessions end and nowhere else: at the end of one session, and wherever an account's ``auth_epoch`` rises
or an account is deleted. A new way to end sessions need not think of the clients.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    delete,
    event,
    exists,
    insert,
    inspect,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.orm import Session, UOWTransaction

from accounts.core.clock import now
from accounts.core.database.sweep import sweep_rows
from accounts.core.ids import new_id
from accounts.core.mail_lanes import CALLS
from accounts.core.models.account import Account
from accounts.core.models.apps import App, Consent, Grant
from accounts.core.models.logout import SILENT, WAITING, AppLogout
from accounts.core.models.outbox import OutboxRow

LOGOUT_PURPOSE = "backchannel-logout"
"""Purpose of outbox rows for logouts; their subject is the id of an :class:`AppLogout`."""
LOGOUT_RETENTION = timedelta(days=30)
"""How long the result of a logout is kept."""


GRANT_OF_CURRENT_EPOCH = exists().where(Account.id == Grant.account_id, Account.auth_epoch == Grant.auth_epoch)
"""Grants of an older epoch became invalid with that, and their clients were told then."""


class LogoutEvents:
    """The logouts that clients have to be told of after one transaction, recorded in that very transaction.

    :ivar id: names what ended together; "" while no client is concerned.
    :ivar delivery_due: whether the outbox has a logout to deliver.
    """

    def __init__(self) -> None:
        self.id = ""
        self.delivery_due = False

    def session_ended(self, session: Session, session_id: str) -> None:
        """Record the end of one browser session, for each client that was signed in to from it."""
        self._record(session, _end_sign_ins(session, Grant.session_id == session_id, GRANT_OF_CURRENT_EPOCH))

    def epoch_ended(self, session: Session, account_id: str, epoch: int) -> None:
        """Record the end of all sessions that an account had in one ``auth_epoch``."""
        self._record(session, _end_sign_ins(session, Grant.account_id == account_id, Grant.auth_epoch == epoch))
        self._record(session, _select_apps_without_sign_in(session, account_id, _has_consent(account_id)))

    def app_disconnected(self, session: Session, account_id: str, app_id: str) -> None:
        """Record that a user has disconnected a client."""
        conditions = (Grant.account_id == account_id, Grant.app_id == app_id, GRANT_OF_CURRENT_EPOCH)
        self._record(session, _end_sign_ins(session, *conditions))
        # Their consent is gone by now: it was the client that they had consented to.
        self._record(session, _select_apps_without_sign_in(session, account_id, App.id == app_id))

    def app_disabled(self, session: Session, app_id: str, *, deleted: bool) -> None:
        """Record the logout of everybody who signed in to a client that is disabled or about to be deleted."""
        facts: dict[str, Any] = {}
        if deleted and (app := session.get(App, app_id)) is not None:
            # Nobody can look it up any more when the call is made.
            facts = {"app": {"to": app.backchannel_logout_uri, "alg": app.id_token_signed_response_alg}}
        self._record(session, _end_sign_ins(session, Grant.app_id == app_id, GRANT_OF_CURRENT_EPOCH), facts=facts)

    def before_flush(self, session: Session) -> None:
        """Look for accounts that are about to be deleted: their grants go with the row."""
        for deleted in session.deleted:
            if isinstance(deleted, Account):
                conditions = (Grant.account_id == deleted.id, GRANT_OF_CURRENT_EPOCH)
                self._record(session, _end_sign_ins(session, *conditions))
                self._record(session, _select_apps_without_sign_in(session, deleted.id, _has_consent(deleted.id)))

    def after_flush(self, session: Session) -> None:
        """Look for accounts whose ``auth_epoch`` was raised.

        After the flush: on SQLite the write lock is held by now, so that no sign-in to a client slips through.
        """
        for account in session.dirty:
            if isinstance(account, Account) and account not in session.deleted:
                for epoch in inspect(account).attrs.auth_epoch.history.deleted or ():
                    self.epoch_ended(session, account.id, epoch)

    def _record(self, session: Session, ended: Iterable[Any], *, facts: Mapping[str, Any] | None = None) -> None:
        """Record that clients have to be told: account, ``sid`` or None, client, its name, and where it is told."""
        logouts = [
            {
                "id": new_id(),
                "account_id": account_id,
                "app_id": app_id,
                "app_name": name,
                "sid": sid,
                "state": WAITING if logout_uri else SILENT,
            }
            for account_id, sid, app_id, name, logout_uri in ended
        ]
        if not logouts:
            return
        self.id = self.id or new_id()
        rows = [{**row, "logout": self.id} for row in logouts]
        session.execute(insert(AppLogout), rows)
        items = [
            {
                "purpose": LOGOUT_PURPOSE,
                "subject": row["id"],
                "facts": {"asked": {}, **(facts or {})},
                "locale": "",
                "lane": CALLS,
            }
            for row in rows
            if row["state"] == WAITING
        ]
        if items:
            session.execute(insert(OutboxRow), items)
            self.delivery_due = True


class LogoutTrackingSession(Session):
    """A SQLAlchemy session that records at every flush which accounts' sessions end with it."""

    def __init__(self, connection: Connection, logout_events: LogoutEvents) -> None:
        super().__init__(connection, expire_on_commit=False)
        self.logout_events = logout_events


# For the class: two listeners on each session cost more than the session itself.
@event.listens_for(LogoutTrackingSession, "before_flush")
def _before_flush(session: LogoutTrackingSession, context: UOWTransaction, instances: object) -> None:
    session.logout_events.before_flush(session)


@event.listens_for(LogoutTrackingSession, "after_flush")
def _after_flush(session: LogoutTrackingSession, context: UOWTransaction) -> None:
    session.logout_events.after_flush(session)


def _end_sign_ins(session: Session, *conditions: ColumnElement[bool]) -> list[Any]:
    """Return the sessions that clients know of (their ``sid``) and that end now, and mark them as told.

    Each one by its ``sid``: there are clients that find no session by ``sub`` alone, and answer 200 all the same.
    """
    conditions = (*conditions, Grant.logged_out_at.is_(None))
    statement = (
        select(Grant.account_id, Grant.sid, App.id, App.name, App.backchannel_logout_uri)
        .join(App, App.id == Grant.app_id)
        .where(*conditions)
        # The same order for all: two who end what overlaps must not wait for each other crosswise.
        .order_by(Grant.id)
        .with_for_update(of=Grant)
    )
    sign_ins = list(dict.fromkeys(tuple(row) for row in session.execute(statement)))
    if sign_ins:
        told = update(Grant).where(*conditions).values(logged_out_at=now())
        session.execute(told.execution_options(synchronize_session=False))
    return sign_ins


def _select_apps_without_sign_in(session: Session, account_id: str, condition: ColumnElement[bool]) -> list[Any]:
    """Return the clients of an account that can be told, and of which no session is known here any more.

    Their own sessions may last longer than ours did.
    """
    statement = (
        select(literal(account_id), null(), App.id, App.name, App.backchannel_logout_uri)
        .where(condition, ~exists().where(Grant.app_id == App.id, Grant.account_id == account_id))
        .where(App.backchannel_logout_uri.is_not(None), App.disabled_at.is_(None))
    )
    return list(session.execute(statement))


def _has_consent(account_id: str) -> ColumnElement[bool]:
    return exists().where(Consent.app_id == App.id, Consent.account_id == account_id)


def delete_old_logouts(engine: Engine) -> int:
    """Delete logouts that are older than :data:`LOGOUT_RETENTION`, and return how many."""
    return sweep_rows(engine, delete(AppLogout), AppLogout.id, AppLogout.at < now() - LOGOUT_RETENTION)
