"""Import accounts from a file: rehearsed first, then written in batches; after an interruption it simply runs again.

An address that has an account is skipped, so that running twice imports nobody twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

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
ROWS_PER_TRANSACTION = 1000
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
            importable = _select_importable(connection, batch, report, on_refused)
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

    :raises FileRefused: the file cannot be read. What was brought in before that stays.
    """
    report = ImportReport()
    for batch in sql.iter_batches(check_rows(uow.site, path, options, report), ROWS_PER_TRANSACTION):
        # After a lost race (somebody signed up meanwhile) the whole batch is looked at again: it counts for itself.
        batch_report, imported, refused_rows = uow.attempt(partial(_import_batch, uow, batch, options.source))
        report.already_imported += batch_report.already_imported
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


def _import_batch(
    uow: UnitOfWork, batch: list[ImportableRow | RefusedRow], source: str
) -> tuple[ImportReport, list[ImportableRow], list[RefusedRow]]:
    batch_report, refused_rows = ImportReport(), list[RefusedRow]()
    importable = _select_importable(uow.session.connection(), batch, batch_report, refused_rows.append)
    accounts = [(new_id(), row) for row in importable]
    if accounts:
        _insert_accounts(uow.session, accounts)
        audit_log.append_event_for_each(
            uow.session, uow.request_info, ACCOUNT_IMPORTED_EVENT, [id for id, _ in accounts], {"source": source}
        )
        for id, _ in accounts:
            uow.announce(ACCOUNT_IMPORTED_EVENT, id)
        if any(ADMIN_GROUP in row.groups for _, row in accounts):
            uow.spend(FIRST_ADMIN_SPENT_ID, FOR_EVER)
    return batch_report, importable, refused_rows


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
        "password_hash": row.password_hash,
        "status": "active" if row.active else "disabled",
        "created_at": row.created_at or moment,
        "last_sign_in_at": row.last_sign_in_at,
        "version": 1,
    }


def _select_importable(
    connection: Connection, batch: Iterable[ImportableRow | RefusedRow], report: ImportReport, on_refused: OnRefused
) -> list[ImportableRow]:
    """Return those of a batch whose address is free; count and report the others."""
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
    importable = []
    for row in candidates:
        key = row.address.key
        if id_by_email_key.get(key) in imported_ids:
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
    return importable


def _find_imported_ids(connection: Connection, ids: list[str]) -> set[str | None]:
    statement = select(AuditRow.account_id).where(
        AuditRow.account_id.in_(ids), AuditRow.kind == ACCOUNT_IMPORTED_EVENT
    )
    return set(connection.scalars(statement)) if ids else set()
