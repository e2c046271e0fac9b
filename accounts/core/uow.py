"""One piece of work: a session opened on first use, committed whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection, CursorResult, Executable
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from accounts.core import outbox
from accounts.core.audit import address_index
from accounts.core.audit import log as audit_log
from accounts.core.audit.log import Asker
from accounts.core.clock import now
from accounts.core.database import spent, sql
from accounts.core.database.sql import Open, Upsert, Values
from accounts.core.errors import Conflict
from accounts.core.link_kinds.parts import Subject
from accounts.core.links.link import Link
from accounts.core.logout_events import Goodbyes, Watched
from accounts.core.signing import key_usage
from accounts.core.site import House

T = TypeVar("T")
TRIES = 3
SERIALIZATION_FAILURE, DEADLOCK = "40001", "40P01"


class UnitOfWork:
    """What a flow works with: session, outbox, audit, spent ids, the house, and who is asking.

    ``with uow:`` commits at the end and then wakes the mail worker, or rolls everything back. Nothing slow (hashing,
    mail, network) belongs between the first write and the commit.

    :ivar goodbyes: which other apps have to know that sessions end in it.
    """

    def __init__(self, house: House, asker: Asker | None = None) -> None:
        self.house = house
        self.asker = asker or Asker(locale=house.settings.locale)
        self._connection: Connection | None = None
        self._session: Watched | None = None
        self._mail_put = False
        self._noted: list[dict[str, Any]] = []
        self.goodbyes = Goodbyes()

    @property
    def session(self) -> Session:
        """Opened on first use; a unit of work that needs no store never connects."""
        if self._session is None:
            self._session = Watched(self._connected(), self.goodbyes)
        return self._session

    @property
    def opened(self) -> Open:
        """The session where there is one, else the bare connection: enough for statements that make no objects."""
        return self._session or self._connected()

    def run(self, statement: Executable | Upsert, values: Values | None = None) -> CursorResult[Any]:
        """A statement in this transaction that makes no objects: for what is asked with nearly every request."""
        return sql.run(self.opened, statement, values)

    def read(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """Rows, over a connection that is given back at once: nothing is held while slow work follows."""
        with self.house.store.engine.connect() as connection:
            return connection.execute(statement, values).all()

    def put(self, purpose: str, subject: str, facts: Mapping[str, Any] | None = None, locale: str = "") -> str:
        """Note that a letter is due; answers its name. Who asked, and when, goes along for its reader."""
        asked = {"network": self.asker.network, "agent": self.asker.agent}
        said = {"asked": asked, **(facts or {})}
        self._mail_put = True
        return outbox.put(self.session, purpose, subject, said, locale or self.asker.locale)

    def note(
        self,
        kind: str,
        *,
        account_id: str | None = None,
        link_id: str | None = None,
        app_id: str | None = None,
        about: str = "",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Append to the audit log, when all is done: until the first real write SQLite's lock is left to others.

        :param about: the unique form of the address it is about; only a mark of it is kept, and not for long.
        """
        line = audit_log.line(self.asker, kind, account_id=account_id, link_id=link_id, app_id=app_id, facts=facts)
        self._noted.append(line)
        if about:
            address_index.put(self.session, self.house, about, line["id"])

    def url(self, link: Link, subject: Subject, carried: BaseModel | None = None) -> str:
        """A signed link, as the address to mail. What its key has signed is counted in this transaction."""
        signer = self.house.signer
        expires = getattr(carried, "expires", None)
        ends = now() + signer.lives(link) if expires is None else datetime.fromtimestamp(expires, UTC)
        key = self.house.ring.signing
        key_usage.count_signed(self.opened, key, link.purpose, ends)
        return signer.url(link, signer.sign(link, subject, carried, key=key))

    def spend(self, id: str, keep_until: datetime) -> bool:
        """Use an id up; False when it already was."""
        return spent.spend(self.opened, id, keep_until)

    def attempt(self, work: Callable[[], T]) -> T:
        """Do ``work`` in one transaction. Whoever loses a race rolls back whole, looks again and is told the truth.

        Only for work that reads all it relies on inside; it runs again from the start after a lost race.

        :raises Conflict: it lost every time.
        """
        for _ in range(TRIES):
            try:
                with self:
                    return work()
            except (StaleDataError, IntegrityError):
                continue
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in (SERIALIZATION_FAILURE, DEADLOCK):
                    raise
        raise Conflict("lost the race every time")

    def release(self) -> None:
        """Give the connection back before something slow. What was read is forgotten, and must be read again."""
        self.close()

    def close(self) -> None:
        """Roll back what was not settled and give the connection back. May run twice; opens nothing."""
        session, connection = self._session, self._connection
        self._session, self._connection, self._mail_put, self._noted = None, None, False, []
        try:
            if session is not None:
                session.close()
        finally:
            if connection is not None:
                connection.close()

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self.house.store.engine.connect()
        return self._connection

    def _settle(self) -> None:
        if self._noted:
            audit_log.append(self.opened, self._noted)
        if self._session is not None:
            # Of its objects. Where the transaction was there before it, this leaves the rest to the connection.
            self._session.commit()
        self._connected().commit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is None and not self._noted:
            return
        try:
            if error is None:
                self._settle()
                if self._mail_put:
                    self.house.mail_due.set()
                if self.goodbyes.due:
                    self.house.calls_due.set()
        finally:
            self.close()
