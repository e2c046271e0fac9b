"""Import accounts from a file: rehearsed first, then written in batches; after an interruption it simply runs again.

An address that has an account is skipped, so that running twice imports nobody twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, text, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from accounts.core.audit import log as audit_log
from accounts.core.clock import now
from accounts.core.database import sql, terms
from accounts.core.database.spent import FOR_EVER
from accounts.core.ids import new_id
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.audit import AuditRow
from accounts.core.uow import UnitOfWork
from accounts.flows.moving.check_rows import NO_HASH, ImportableRow, ImportReport, check_rows
from accounts.flows.moving.rows import ADDRESS_TAKEN, ImportOptions, RefusedRow
from accounts.flows.shared.accounts import FIRST_ADMIN_SPENT_ID

ACCOUNT_IMPORTED_EVENT, IMPORT_DONE_EVENT = "account.imported", "accounts.imported"
HASH_ADDED_EVENT = "account.hash-added"
ROWS_PER_TRANSACTION = 1000
UNTOUCHED = (
    Account.password_hash.is_(None),
    Account.sign_in_serial == 0,
    Account.auth_epoch == 1,
    Account.email_serial == 0,
    Account.lock_serial == 0,
)
"""What is true of an imported account without a password that nobody has used or changed. Whoever came in by a link
and has none on purpose, or had it voided, does not get back a password that somebody else may know."""
OnRefused = Callable[[RefusedRow], None]
"""Is told of every row that does not come in."""
OnProgress = Callable[[ImportReport], None]
"""Is told after every batch."""


def rehearse_import(
    uow: UnitOfWork,
    path: Path,
    options: ImportOptions,
    *,
    on_refused: OnRefused = lambda _: None,
    on_progress: OnProgress = lambda _: None,
) -> ImportReport:
    """Report what would be imported, and what would not. Changes nothing.

    :raises FileRefused: the file cannot be read.
    """
    report = ImportReport()
    for batch in sql.iter_batches(check_rows(uow.site, path, options, report), ROWS_PER_TRANSACTION):
        with uow.site.store.engine.connect() as connection:
            importable = _sort_batch(connection, batch, report, on_refused, options).importable
        for row in importable:
            report.count_row(row)
        on_progress(report)
    return report


def import_accounts(
    uow: UnitOfWork,
    path: Path,
    options: ImportOptions,
    *,
    on_refused: OnRefused = lambda _: None,
    on_progress: OnProgress = lambda _: None,
) -> ImportReport:
    """Bring everybody in who can come in, a batch in a transaction.

    :raises FileRefused: the file cannot be read to its end, or not be understood. Nobody was brought in then.
    """
    report = ImportReport()
    for batch in sql.iter_batches(check_rows(uow.site, path, options, report), ROWS_PER_TRANSACTION):
        # After a lost race (somebody signed up meanwhile) the whole batch is looked at again: it counts for itself.
        batch_report, imported, refused_rows = uow.attempt(partial(_import_batch, uow, batch, options))
        report.already_imported += batch_report.already_imported
        report.hashes_added += batch_report.hashes_added
        report.refused += batch_report.refused
        for each in refused_rows:
            on_refused(each)
        for row in imported:
            report.count_row(row)
        on_progress(report)
    with uow:
        uow.record_event(
            IMPORT_DONE_EVENT, facts={"source": options.source, "rows": report.rows, "came": report.importable}
        )
    terms.update_all_terms(uow.site.store.engine)
    return report


def find_row(
    uow: UnitOfWork, path: Path, options: ImportOptions, email_key: str
) -> ImportableRow | RefusedRow | None:
    """Return the row of one address, checked; None where there is none."""
    for row in check_rows(uow.site, path, options, ImportReport()):
        if isinstance(row, ImportableRow) and row.address.key == email_key:
            return row
        if isinstance(row, RefusedRow) and row.email.strip().lower() == email_key:
            return row
    return None


def verify_row_password(uow: UnitOfWork, row: ImportableRow, password: str) -> bool:
    """Whether a password that is known verifies against a row, as it would at the first sign-in."""
    return row.hash_format != NO_HASH and uow.site.passwords.verify(password, row.password_hash)[0]


@dataclass(frozen=True, slots=True)
class _SortedBatch:
    """Rows of a batch by what becomes of them: accounts, or the hash of an account that is here, by its id."""

    importable: list[ImportableRow]
    hashes: dict[str, str]


def _import_batch(
    uow: UnitOfWork, batch: list[ImportableRow | RefusedRow], options: ImportOptions
) -> tuple[ImportReport, list[ImportableRow], list[RefusedRow]]:
    batch_report, refused_rows = ImportReport(), list[RefusedRow]()
    sorted_batch = _sort_batch(uow.session.connection(), batch, batch_report, refused_rows.append, options)
    accounts = [(new_id(), row) for row in sorted_batch.importable]
    if accounts:
        _insert_accounts(uow.session, accounts)
        facts = {"source": options.source}
        ids = [id for id, _ in accounts]
        audit_log.append_event_for_each(uow.session, uow.request_info, ACCOUNT_IMPORTED_EVENT, ids, facts)
        for id, _ in accounts:
            uow.announce(ACCOUNT_IMPORTED_EVENT, id)
        if any(ADMIN_GROUP in row.groups for _, row in accounts):
            uow.spend(FIRST_ADMIN_SPENT_ID, FOR_EVER)
    if sorted_batch.hashes:
        _add_hashes(uow, sorted_batch.hashes, options.source)
    return batch_report, sorted_batch.importable, refused_rows


def _add_hashes(uow: UnitOfWork, hashes: dict[str, str], source: str) -> None:
    """Give accounts the hash that they came in without.

    :raises StaleDataError: somebody has used one meanwhile; the batch is looked at again.
    """
    for account_id, stored in hashes.items():
        statement = (
            update(Account)
            .where(Account.id == account_id, *UNTOUCHED)
            .values(password_hash=stored, version=Account.version + 1)
            .execution_options(synchronize_session=False)
        )
        if uow.session.execute(statement).rowcount != 1:  # type: ignore[attr-defined] # of an UPDATE, there is one
            raise StaleDataError("an account was used while it was to get its hash")
    audit_log.append_event_for_each(uow.session, uow.request_info, HASH_ADDED_EVENT, list(hashes), {"source": source})


def _insert_accounts(session: Session, accounts: list[tuple[str, ImportableRow]]) -> None:
    # By the tables, not through the ORM: a tenth of the time. The first version is the one that the ORM begins with.
    connection, created_at = session.connection(), now()
    table: Any = Account.__table__
    sql.insert_rows(connection, table, [_account_values(id, row, created_at) for id, row in accounts])
    memberships = [{"account": id, "group": group} for id, row in accounts for group in row.groups]
    if memberships:
        groups: Any = Membership.__table__
        sql.insert_rows(connection, groups, memberships)


def _account_values(account_id: str, row: ImportableRow, moment: datetime) -> dict[str, Any]:
    return {
        "id": account_id,
        "email": row.address.email,
        "email_key": row.address.key,
        "name": row.name,
        "locale": row.locale,
        "zone": row.zone,
        "password_hash": row.password_hash,
        "status": "active" if row.active else "disabled",
        "created_at": row.created_at or moment,
        "last_sign_in_at": row.last_sign_in_at,
        "terms_version": row.terms_version,
        "terms_accepted_at": row.terms_accepted_at,
        "invited": True,
        "version": 1,
    }


def _sort_batch(
    connection: Connection,
    batch: Iterable[ImportableRow | RefusedRow],
    report: ImportReport,
    on_refused: OnRefused,
    options: ImportOptions,
) -> _SortedBatch:
    """Sort a batch: whose address is free, and whose account gets its hash; count and report the others."""
    candidates = [each for each in batch if isinstance(each, ImportableRow)]
    refused_rows = [each for each in batch if isinstance(each, RefusedRow)]
    keys = [row.address.key for row in candidates]
    if connection.dialect.name == "postgresql":
        # A plan that is kept was made when the table was empty: it reads all of it, for each batch anew.
        connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    id_by_email_key = dict(
        connection.execute(select(Account.email_key, Account.id).where(Account.email_key.in_(keys))).all()
    )
    statement = select(Account.anchor_key).where(Account.anchor_key.in_(keys), Account.anchor_until > now())
    anchored_keys = set(connection.scalars(statement))
    imported_ids = _find_imported_ids(connection, list(id_by_email_key.values()))
    untouched_ids = _find_untouched_ids(connection, imported_ids) if options.add_hashes else set()
    importable, hashes = list[ImportableRow](), dict[str, str]()
    for row in candidates:
        key = row.address.key
        if row.password_hash is not None and id_by_email_key.get(key) in untouched_ids:
            report.hashes_added += 1
            hashes[id_by_email_key[key]] = row.password_hash
        elif id_by_email_key.get(key) in imported_ids:
            report.already_imported += 1
        elif key in id_by_email_key:
            refused_rows.append(
                RefusedRow(row.line, row.address.email, ADDRESS_TAKEN, "an account here has that address")
            )
        elif key in anchored_keys:
            refused_rows.append(
                RefusedRow(row.line, row.address.email, ADDRESS_TAKEN, "kept for whoever may undo a change of it")
            )
        else:
            importable.append(row)
    for each in sorted(refused_rows, key=lambda refused: refused.line):
        report.refused[each.code] += 1
        on_refused(each)
    return _SortedBatch(importable, hashes)


def _find_untouched_ids(connection: Connection, ids: set[str | None]) -> set[str]:
    return set(connection.scalars(select(Account.id).where(Account.id.in_(ids), *UNTOUCHED))) if ids else set()


def _find_imported_ids(connection: Connection, ids: list[str]) -> set[str | None]:
    statement = select(AuditRow.account_id).where(
        AuditRow.account_id.in_(ids), AuditRow.kind == ACCOUNT_IMPORTED_EVENT
    )
    return set(connection.scalars(statement)) if ids else set()
