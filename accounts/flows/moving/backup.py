"""Backups while the service runs, and what has to happen when one has been put back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess  # the arguments are ours, nothing of them is a shell's
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, delete, func, select, text, update

from accounts.core import atomic_files
from accounts.core.database.store import Store
from accounts.core.links.opening import record_restore
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.core.uow import UnitOfWork

BACKUP_RESTORED_EVENT = "backup.restored"
ACCOUNT_COUNTERS = ("auth_epoch", "sign_in_serial", "email_serial", "lock_serial", "anchor_serial")
COUNTER_JUMP = 1_000_000
"""By how much counters rise: no account has signed in so often since the backup. Room for two thousand returns."""
PG_DUMP_TIMEOUT_SECONDS = 3600


class BackupFailed(Exception):
    """Raised where there is no backup, or no new one. The text is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What was done after a backup was restored.

    :ivar invitations: open ones, whose links are invalid: they can be sent again.
    :ivar letters: emails that waited in the backup. They were sent long ago, and are dropped.
    """

    accounts: int
    invitations: int
    letters: int


def write_backup(store: Store, path: Path) -> int:
    """Write a backup to a file, which appears there whole or not at all, and return its size in bytes.

    :raises BackupFailed: it could not be made; an older file of that name is as it was.
    """
    try:
        with atomic_files.replace_atomically(path) as draft:
            if store.is_sqlite:
                _copy_sqlite(store, draft)
            else:
                _dump_postgres(store.engine.url, draft)
    except OSError as error:
        raise BackupFailed(f"cannot write {path}: {error.strerror}") from None
    return path.stat().st_size


def invalidate_after_restore(uow: UnitOfWork) -> RestoreResult:
    """Keep everything invalid that was used since the backup.

    The counters of all accounts rise beyond all they have ever been, which revokes every session and invalidates
    every link about an account. Links that rest on marks (invitations, activations) become invalid by the time they
    were signed: which of them were used since, nobody knows any more.
    """
    with uow:
        if not uow.site.store.is_sqlite:
            # All accounts in one statement: longer than a page may take.
            uow.session.execute(text("SET LOCAL statement_timeout = 0"))
        raised_counters = {name: getattr(Account, name) + COUNTER_JUMP for name in (*ACCOUNT_COUNTERS, "version")}
        uow.session.execute(update(Account).values(raised_counters).execution_options(synchronize_session=False))
        record_restore(uow)
        statement = delete(OutboxRow).where(OutboxRow.dead_at.is_(None)).returning(OutboxRow.id)
        letters = len(uow.session.execute(statement.execution_options(synchronize_session=False)).all())
        counts: Any = uow.session.execute(
            select(
                select(func.count()).select_from(Account).scalar_subquery(),
                select(func.count()).select_from(SentInvite).where(SentInvite.state == "pending").scalar_subquery(),
            )
        ).one()
        result = RestoreResult(counts[0], counts[1], letters)
        uow.record_event(
            BACKUP_RESTORED_EVENT,
            facts={"accounts": result.accounts, "invitations": result.invitations, "letters": letters},
        )
    return result


def _copy_sqlite(store: Store, target_path: Path) -> None:
    try:
        with store.engine.connect() as connection, closing(sqlite3.connect(target_path)) as target:
            # In one step: a single moment. Readers and writers go on, as the file is in WAL mode.
            connection.connection.driver_connection.backup(target)  # type: ignore[union-attr] # there while connected
            # One file, which needs no other beside it.
            target.execute("PRAGMA journal_mode=DELETE")
            (check_result,) = target.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as error:
        raise BackupFailed(f"SQLite could not write the backup: {error}") from None
    if check_result != "ok":
        raise BackupFailed(f"the database is damaged: {check_result}")


def _dump_postgres(url: URL, target_path: Path) -> None:
    pg_dump = shutil.which("pg_dump")
    # The password not on the command line, which every user of the machine can read.
    query = {name: value for name, value in url.query.items() if name != "password"}
    url_without_password = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, query
    ).render_as_string()
    if pg_dump is None:
        raise BackupFailed(
            "pg_dump is not installed here; where it is: "
            f"pg_dump --format=custom --file=FILE '{url_without_password}'"
        )
    password = url.password or url.query.get("password")
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    try:
        process = subprocess.run(  # noqa: S603 - no shell, and the program was looked up
            [
                pg_dump,
                "--format=custom",
                "--no-owner",
                "--no-privileges",
                f"--file={target_path}",
                url_without_password,
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PG_DUMP_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise BackupFailed(f"pg_dump did not end within {PG_DUMP_TIMEOUT_SECONDS} seconds") from None
    if process.returncode:
        error_lines = process.stderr.strip().splitlines() or [f"exit status {process.returncode}"]
        raise BackupFailed(f"pg_dump: {error_lines[0].removeprefix('pg_dump: ')}")
