"""Goodbyes: which other apps have to know that somebody is signed out.

Hooked where sessions end and nowhere else: at the end of one session, and wherever an account's ``auth_epoch`` rises
or an account goes. Whoever writes a tenth way to end sessions need not think of the apps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, event, exists, insert, inspect, or_, select
from sqlalchemy.orm import Session, UOWTransaction

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.account import Account
from accounts.core.models.apps import App, Grant
from accounts.core.models.logout import SILENT, WAITING, AppLogout
from accounts.core.models.outbox import OutboxRow

PURPOSE = "backchannel-logout"
"""Of the intents that the post carries to apps; their subject is the goodbye."""
KEPT = timedelta(days=30)
"""How long it is known what became of a goodbye."""


STILL = exists().where(Account.id == Grant.account_id, Account.auth_epoch == Grant.auth_epoch)
"""Grants of an older epoch died with that, and their apps were told then."""


class Goodbyes:
    """What apps have to be told in one piece of work, noted in its very transaction.

    :ivar id: names what ended together; "" while no app is concerned.
    :ivar due: whether the post has something to carry.
    """

    def __init__(self) -> None:
        self.id = ""
        self.due = False

    def session_ended(self, session: Session, session_id: str) -> None:
        """One browser session is over; each app that came from it hears of that session alone."""
        self._note(session, _concerned(session, Grant.session_id == session_id, STILL), one_session=True)

    def epoch_ended(self, session: Session, account_id: str, epoch: int) -> None:
        """All sessions of an account are over that were of this epoch."""
        concerned = _concerned(session, Grant.account_id == account_id, Grant.auth_epoch == epoch)
        self._note(session, concerned, one_session=False)

    def app_left(self, session: Session, account_id: str, app_id: str) -> None:
        """Somebody has disconnected an app."""
        concerned = _concerned(session, Grant.account_id == account_id, Grant.app_id == app_id, STILL)
        self._note(session, concerned, one_session=False)

    def app_ended(self, session: Session, app_id: str, *, gone: bool) -> None:
        """An app is switched off, or is about to be ``gone``: everybody who signed in to it is signed out of it."""
        facts: dict[str, Any] = {}
        if gone and (app := session.get(App, app_id)) is not None:
            # Nobody can look it up any more when the call is made.
            facts = {"app": {"to": app.backchannel_logout_uri, "alg": app.id_token_signed_response_alg}}
        concerned = _concerned(session, Grant.app_id == app_id, STILL)
        self._note(session, concerned, one_session=False, facts=facts)

    def before_flush(self, session: Session) -> None:
        """Look for accounts that are about to go: their grants go with the row."""
        for gone in session.deleted:
            if isinstance(gone, Account):
                self._note(session, _concerned(session, Grant.account_id == gone.id, STILL), one_session=False)

    def after_flush(self, session: Session) -> None:
        """Look for accounts whose epoch was raised.

        After it was: on SQLite the write lock is held by now, so that no sign-in to an app slips through between.
        """
        for changed in session.dirty:
            if isinstance(changed, Account) and changed not in session.deleted:
                for epoch in inspect(changed).attrs.auth_epoch.history.deleted or ():
                    self.epoch_ended(session, changed.id, epoch)

    def _note(
        self, session: Session, concerned: Iterable[Any], *, one_session: bool, facts: Mapping[str, Any] | None = None
    ) -> None:
        logouts: dict[tuple[str, str, str | None], dict[str, Any]] = {}
        for account_id, sid, app_id, name, address in concerned:
            told = sid if one_session else None
            logouts[account_id, app_id, told] = {
                "id": new_id(),
                "account_id": account_id,
                "app_id": app_id,
                "app_name": name,
                "sid": told,
                "state": WAITING if address else SILENT,
            }
        if not logouts:
            return
        self.id = self.id or new_id()
        rows = [{**row, "logout": self.id} for row in logouts.values()]
        session.execute(insert(AppLogout), rows)
        due = [
            {"purpose": PURPOSE, "subject": row["id"], "facts": {"asked": {}, **(facts or {})}, "locale": ""}
            for row in rows
            if row["state"] == WAITING
        ]
        if due:
            session.execute(insert(OutboxRow), due)
            self.due = True


class Watched(Session):
    """A session that looks at every flush for accounts whose sessions end with it."""

    def __init__(self, connection: Connection, goodbyes: Goodbyes) -> None:
        super().__init__(connection, expire_on_commit=False)
        self.goodbyes = goodbyes


# For the class: two listeners on each session cost more than the session itself.
@event.listens_for(Watched, "before_flush")
def _before_flush(session: Watched, context: UOWTransaction, instances: object) -> None:
    session.goodbyes.before_flush(session)


@event.listens_for(Watched, "after_flush")
def _after_flush(session: Watched, context: UOWTransaction) -> None:
    session.goodbyes.after_flush(session)


def _concerned(session: Session, *conditions: ColumnElement[bool]) -> list[Any]:
    """Who signed in to which apps, and was not told goodbye since."""
    # Times of two machines are compared only for what was revoked by then: else a sign-in right after a goodbye, by a
    # clock that is behind, would never be told that it has ended.
    before = and_(AppLogout.sid.is_(None), Grant.revoked_at.is_not(None), AppLogout.at >= Grant.created_at)
    told = exists().where(
        AppLogout.account_id == Grant.account_id,
        AppLogout.app_id == Grant.app_id,
        or_(AppLogout.sid == Grant.sid, before),
    )
    statement = (
        select(Grant.account_id, Grant.sid, App.id, App.name, App.backchannel_logout_uri)
        .join(App, App.id == Grant.app_id)
        .where(*conditions, ~told)
        .distinct()
    )
    return list(session.execute(statement))


def sweep(engine: Engine) -> int:
    """Forget goodbyes of long ago; how many."""
    with engine.begin() as connection:
        gone = delete(AppLogout).where(AppLogout.at < now() - KEPT).returning(AppLogout.id)
        return len(connection.execute(gone).all())
