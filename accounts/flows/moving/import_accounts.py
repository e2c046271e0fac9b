"""Bringing accounts in from a file: rehearsed first, then written in batches; after a kill it simply runs again.

An address that has an account is passed over, so that running twice brings nobody in twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from accounts.core.audit import log as audit_log
from accounts.core.clock import now
from accounts.core.database import sql
from accounts.core.database.spent import FOR_EVER
from accounts.core.ids import new_id
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.audit import AuditRow
from accounts.core.uow import UnitOfWork
from accounts.flows.moving.check_rows import NO_HASH, Ready, Report, judged
from accounts.flows.moving.rows import TAKEN, How, Refused
from accounts.flows.shared.accounts import FIRST_ADMIN_SPENT_ID

T = TypeVar("T")
IMPORTED, DONE = "account.imported", "accounts.imported"
BATCH = 1000
Told = Callable[[Refused], None]
"""Is told of every row that does not come in."""
Progress = Callable[[Report], None]
"""Is told after every batch."""


def rehearse(
    uow: UnitOfWork, path: Path, how: How, *, refused: Told = lambda _: None, progress: Progress = lambda _: None
) -> Report:
    """What would come in, and what would not. Changes nothing.

    :raises FileRefused: the file cannot be read.
    """
    report = Report()
    for batch in _batches(judged(uow.site, path, how, report), BATCH):
        with uow.site.store.engine.connect() as connection:
            fresh = _sift(connection, batch, report, refused)
        for ready in fresh:
            report.take(ready)
        progress(report)
    return report


def bring_in(
    uow: UnitOfWork, path: Path, how: How, *, refused: Told = lambda _: None, progress: Progress = lambda _: None
) -> Report:
    """Bring everybody in who can come in, a batch in a transaction.

    :raises FileRefused: the file cannot be read. What was brought in before that stays.
    """
    report = Report()
    for batch in _batches(judged(uow.site, path, how, report), BATCH):
        # After a lost race (somebody signed up meanwhile) the whole batch is looked at again: it counts for itself.
        found, came, told = uow.attempt(partial(_write, uow, batch, how.source))
        report.here += found.here
        report.refused += found.refused
        for each in told:
            refused(each)
        for ready in came:
            report.take(ready)
        progress(report)
    with uow:
        uow.record_event(DONE, facts={"source": how.source, "rows": report.rows, "came": report.coming})
    return report


def look(uow: UnitOfWork, path: Path, how: How, email_key: str) -> Ready | Refused | None:
    """The row of one address, judged; None where there is none."""
    for found in judged(uow.site, path, how, Report()):
        if isinstance(found, Ready) and found.address.key == email_key:
            return found
        if isinstance(found, Refused) and found.email.strip().lower() == email_key:
            return found
    return None


def is_right(uow: UnitOfWork, ready: Ready, password: str) -> bool:
    """Whether a password that is known verifies against a row, as it would at the first sign-in."""
    return ready.hash_format != NO_HASH and uow.site.passwords.verify(password, ready.password_hash)[0]


def _write(uow: UnitOfWork, batch: list[Ready | Refused], source: str) -> tuple[Report, list[Ready], list[Refused]]:
    found, told = Report(), list[Refused]()
    fresh = _sift(uow.session.connection(), batch, found, told.append)
    accounts = [(new_id(), ready) for ready in fresh]
    if accounts:
        _insert(uow.session, accounts)
        audit_log.append_event_for_each(
            uow.session, uow.request_info, IMPORTED, [id for id, _ in accounts], {"source": source}
        )
        if any(ADMIN_GROUP in ready.groups for _, ready in accounts):
            uow.spend(FIRST_ADMIN_SPENT_ID, FOR_EVER)
    return found, fresh, told


def _insert(session: Session, accounts: list[tuple[str, Ready]]) -> None:
    # By the tables, not through the ORM: a tenth of the time. The first version is the one that the ORM begins with.
    connection, moment = session.connection(), now()
    table: Any = Account.__table__
    sql.insert_rows(connection, table, [_columns(id, ready, moment) for id, ready in accounts])
    members = [{"account": id, "group": group} for id, ready in accounts for group in ready.groups]
    if members:
        groups: Any = Membership.__table__
        sql.insert_rows(connection, groups, members)


def _columns(id: str, ready: Ready, moment: datetime) -> dict[str, Any]:
    return {
        "id": id,
        "email": ready.address.email,
        "email_key": ready.address.key,
        "name": ready.name,
        "locale": ready.locale,
        "password_hash": ready.password_hash,
        "status": "active" if ready.active else "disabled",
        "created_at": ready.created_at or moment,
        "last_sign_in_at": ready.last_sign_in_at,
        "version": 1,
    }


def _sift(connection: Connection, batch: Iterable[Ready | Refused], report: Report, refused: Told) -> list[Ready]:
    """Those of a batch whose address is free; the others are counted and told."""
    rows = [each for each in batch if isinstance(each, Ready)]
    away = [each for each in batch if isinstance(each, Refused)]
    keys = [ready.address.key for ready in rows]
    if connection.dialect.name == "postgresql":
        # A plan that is kept was made when the table was empty: it reads all of it, for each batch anew.
        connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    here = dict(connection.execute(select(Account.email_key, Account.id).where(Account.email_key.in_(keys))).all())
    kept = select(Account.anchor_key).where(Account.anchor_key.in_(keys), Account.anchor_until > now())
    anchored = set(connection.scalars(kept))
    before = _imported(connection, list(here.values()))
    fresh = []
    for ready in rows:
        key = ready.address.key
        if here.get(key) in before:
            report.here += 1
        elif key in here:
            away.append(Refused(ready.line, ready.address.email, TAKEN, "an account here has that address"))
        elif key in anchored:
            away.append(Refused(ready.line, ready.address.email, TAKEN, "kept for whoever may undo a change of it"))
        else:
            fresh.append(ready)
    for each in sorted(away, key=lambda refused: refused.line):
        report.refused[each.code] += 1
        refused(each)
    return fresh


def _imported(connection: Connection, ids: list[str]) -> set[str | None]:
    known = select(AuditRow.account_id).where(AuditRow.account_id.in_(ids), AuditRow.kind == IMPORTED)
    return set(connection.scalars(known)) if ids else set()


def _batches(rows: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(rows, size)):
        yield batch
