"""Run one transaction: a session opened on first use, committed whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from accounts.core import outbox
from accounts.core.audit import address_index
from accounts.core.audit import log as audit_log
from accounts.core.audit.log import RequestInfo
from accounts.core.clock import now
from accounts.core.database import spent
from accounts.core.database.sql import CompiledStatement, Executor, Row, Values
from accounts.core.errors import Conflict
from accounts.core.link_kinds.kind import LinkClaims, LinkKind
from accounts.core.link_kinds.parts import Subject
from accounts.core.logout_events import LogoutEvents, LogoutTrackingSession
from accounts.core.mail_lanes import DIRECT, Lane
from accounts.core.security.throttle import Attempt, LimitReached
from accounts.core.signing import key_usage
from accounts.core.signing.keys import Key
from accounts.core.site import CommittedEvent, Site

T = TypeVar("T")
MAX_TRANSACTION_ATTEMPTS = 3
SERIALIZATION_FAILURE, DEADLOCK, LOCK_TIMEOUT = "40001", "40P01", "55P03"


class UnitOfWork:
    """What a flow works with: session, outbox, audit log, used ids, the site, and who makes the request.

    ``with uow:`` commits at the end and then wakes the worker, or rolls everything back. Nothing slow (hashing,
    mail, network) belongs between the first write and the commit.

    :ivar logout_events: which clients have to be told that sessions end in this transaction.
    """

    def __init__(self, site: Site, request_info: RequestInfo | Callable[[], RequestInfo] | None = None) -> None:
        self.site = site
        self._request_info = request_info or RequestInfo(locale=site.settings.locale)
        self._connection: Connection | None = None
        self._session: LogoutTrackingSession | None = None
        self._mail_enqueued = False
        self._events: list[dict[str, Any]] = []
        self._key_uses: list[dict[str, Any]] = []
        self._announced: list[CommittedEvent] = []
        self.active = False
        """Whether its ``with`` block is running."""
        self.logout_events = LogoutEvents()
        self.event_facts: Mapping[str, Any] = {}
        """Facts of every event that it records: of which larger act they are part."""

    @property
    def request_info(self) -> RequestInfo:
        """Who makes the request; found out on first use where that was given as a function."""
        if not isinstance(self._request_info, RequestInfo):
            self._request_info = self._request_info()
        return self._request_info

    @request_info.setter
    def request_info(self, request_info: RequestInfo | Callable[[], RequestInfo]) -> None:
        self._request_info = request_info

    @property
    def session(self) -> Session:
        """The session, opened on first use; a unit of work that needs no database never connects."""
        if self._session is None:
            self._session = LogoutTrackingSession(self._connect(), self.logout_events)
        return self._session

    @property
    def executor(self) -> Executor:
        """The session where there is one, else the bare connection: enough for statements that make no objects."""
        return self._session or self._connect()

    def execute(self, statement: CompiledStatement, values: Values | None = None) -> list[Row]:
        """Execute a statement that makes no objects in this transaction, and return all rows."""
        return statement.run(self.executor, values)

    def fetch_all(self, statement: Executable | CompiledStatement, values: Values | None = None) -> Sequence[Any]:
        """Return rows over a connection that is given back at once: nothing is held while slow work follows."""
        engine = self.site.store.engine
        if isinstance(statement, CompiledStatement):
            return statement.fetch_all(engine, values)
        with engine.connect() as connection:
            return connection.execute(statement, values).all()

    def count_attempts(self, *attempts: Attempt) -> None:
        """Count attempts in this transaction, before anything else in it.

        :raises LimitReached: one of them is over its limit; the transaction is to be rolled back.
        """
        self.site.throttle.count(self.executor, *attempts)

    @contextmanager
    def keep_counted(self, *attempts: Attempt) -> Iterator[None]:
        """Around an act whose transaction counts attempts: where it fails, count them in one of their own.

        :raises LimitReached: one of them is over its limit, whatever else the act failed of.
        """
        try:
            yield
        except Exception as error:
            self.release()  # nobody may hold one connection while waiting for a second
            if attempts and not (isinstance(error, LimitReached) and error.attempt in attempts):
                self.site.throttle.reserve(*attempts)
            raise

    def enqueue(
        self,
        purpose: str,
        subject: str,
        facts: Mapping[str, Any] | None = None,
        locale: str = "",
        *,
        lane: Lane = DIRECT,
        batch_id: str | None = None,
    ) -> str:
        """Queue an email or a callback with who asked for it, and return the id of its outbox row.

        :param purpose: the purpose of a link, or of a notice or callback in ``accounts.flows``.
        :param subject: an account id or an email address.
        :param lane: ``bulk`` for what goes to many: it never holds up what somebody waits for.
        :param batch_id: what goes to many together.
        """
        requested_by = {"network": self.request_info.network, "agent": self.request_info.agent}
        item_facts = {"asked": requested_by, **(facts or {})}
        self._mail_enqueued = True
        locale = locale or self.request_info.locale
        return outbox.enqueue(self.executor, purpose, subject, item_facts, locale, lane=lane, batch_id=batch_id)

    def record_event(
        self,
        kind: str,
        *,
        account_id: str | None = None,
        link_id: str | None = None,
        app_id: str | None = None,
        email_key: str = "",
        address_tag: str | None = None,
        event_id: str = "",
        facts: Mapping[str, Any] | None = None,
        announced: bool = True,
    ) -> None:
        """Append to the audit log at the commit: until the first real write SQLite's lock is left to others.

        :param email_key: the unique form of the address it is about; only a digest of it is kept, and not for long.
        :param address_tag: that digest, where it is known and the address is not.
        :param event_id: a random id under which the line is looked for; by default one of its own.
        :param announced: whether those who listen to commits are told, too.
        """
        event = audit_log.build_event(
            self.request_info,
            kind,
            account_id=account_id,
            link_id=link_id,
            app_id=app_id,
            facts={**self.event_facts, **facts} if self.event_facts and facts else facts or self.event_facts,
            address_tag=address_index.make_tag(self.site, email_key) if email_key else address_tag,
            event_id=event_id,
        )
        self._events.append(event)
        if announced and account_id is not None:
            self.announce(kind, account_id, facts)

    def announce(self, kind: str, account_id: str, facts: Mapping[str, Any] | None = None) -> None:
        """Tell those who listen to commits what has happened to an account, once it is durable."""
        if self.site.commit_listeners:
            self._announced.append(CommittedEvent(kind, account_id, self.request_info.account_id, dict(facts or {})))

    def link_url(self, kind: LinkKind, subject: Subject, carried: BaseModel | None = None) -> str:
        """Sign a link and return the address to mail. That its key has signed it is counted in this transaction."""
        signer = self.site.link_signer
        expires = getattr(carried, "expires", None)
        expires_at = now() + signer.lifetime(kind) if expires is None else datetime.fromtimestamp(expires, UTC)
        key = self.site.ring.signing
        self.count_signed(key, kind.purpose, expires_at)
        return signer.link_url(kind, signer.sign(kind, subject, carried, key=key))

    def count_signed(self, key: Key, purpose: str, alive_until: datetime, *, times: int = 1) -> None:
        """Record at the commit that a key has signed something, or several things, for a purpose.

        At its end: everybody who signs in counts in one row, and holds it until the transaction is over.

        :param alive_until: when the last of them expires.
        :param times: how many.
        """
        self._key_uses.append(key_usage.build_signing(key, purpose, alive_until, times=times))

    def count_opened(self, claims: LinkClaims, expires_at: datetime) -> None:
        """Record at the commit that a link was used."""
        key, purpose = claims.signed_token.key, claims.kind.purpose
        self._key_uses.append(key_usage.build_opening(key, purpose, claims.issued_at, expires_at))

    def spend(self, id: str, keep_until: datetime) -> bool:
        """Use an id up, and return True; return False when it already was."""
        return spent.spend(self.executor, id, keep_until)

    def is_spent(self, id: str) -> bool:
        """Return whether an id is used up."""
        return spent.is_spent(self.executor, id)

    def attempt(self, work: Callable[[], T]) -> T:
        """Do ``work`` in one transaction. Whoever loses a race rolls back whole and tries again, three times in all.

        Only for work that reads all it relies on inside; it runs again from the start after a lost race.

        :raises Conflict: it lost every time.
        :raises DBAPIError: somebody held a lock all the time.
        """
        for attempts_left in reversed(range(MAX_TRANSACTION_ATTEMPTS)):
            try:
                with self:
                    return work()
            except (StaleDataError, IntegrityError):
                continue
            except DBAPIError as error:
                code = getattr(error.orig, "sqlstate", None)
                # Who waited too long for a lock has most likely lost the race for what it guards, and reads that now.
                if code not in (SERIALIZATION_FAILURE, DEADLOCK, LOCK_TIMEOUT):
                    raise
                if code == LOCK_TIMEOUT and not attempts_left:
                    raise
        raise Conflict("lost the race every time")

    def release(self) -> None:
        """Give the connection back before something slow. What was read is forgotten, and must be read again."""
        self.close()

    def close(self) -> None:
        """Roll back what was not committed and give the connection back. May run twice; opens nothing."""
        session, connection = self._session, self._connection
        self._session, self._connection, self._mail_enqueued = None, None, False
        self._events, self._key_uses, self._announced = [], [], []
        try:
            if session is not None:
                session.close()
        finally:
            if connection is not None:
                connection.close()

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self.site.store.engine.connect()
        return self._connection

    def _commit(self) -> None:
        if self._key_uses:
            key_usage.count_uses(self.executor, self._key_uses)
        if self._events:
            audit_log.append_events(self.executor, self._events)
        if self._session is not None:
            # Of its objects. Where the transaction was there before it, this leaves the rest to the connection.
            self._session.commit()
        self._connect().commit()

    def __enter__(self) -> Self:
        self.active = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.active = False
        if self._connection is None and not self._events and not self._key_uses:
            return
        announced: list[CommittedEvent] = []
        try:
            if error is None:
                self._commit()
                announced = self._announced
                if self._mail_enqueued:
                    self.site.mail_due.set()
                if self.logout_events.delivery_due:
                    self.site.callbacks_due.set()
        finally:
            self.close()
        # The connection is back by now: whoever listens may open one.
        if announced:
            for listener in self.site.commit_listeners:
                listener(announced)
