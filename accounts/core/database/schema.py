"""Migrate the tables to the version of this code, and tell where they are of another one."""

from __future__ import annotations

import random
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, column, inspect, select, table, text, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from accounts.config_sources import SettingsError
from accounts.core.database.driver_errors import is_away
from accounts.core.database.files import DatabaseReplaced
from accounts.core.database.postgresql import begin_transaction
from accounts.core.database.store import Store
from accounts.core.database.writers import SqliteConnection
from accounts.core.models import account as models
from accounts.core.models import apps as app_models
from accounts.core.models import audit as audit_models
from accounts.core.models import bounces as bounce_models
from accounts.core.models import bulk as bulk_models
from accounts.core.models import counters
from accounts.core.models import forward_auth as forward_auth_models
from accounts.core.models import invites as invite_models
from accounts.core.models import logout as logout_models
from accounts.core.models import outbox as outbox_models
from accounts.core.models import session_names as session_name_models
from accounts.core.models import shared_invites as shared_invite_models
from accounts.core.models import terms as term_models
from accounts.core.models import upstream as upstream_models
from accounts.core.models.base import Base

MODELS = (
    models,
    app_models,
    audit_models,
    bounce_models,
    bulk_models,
    counters,
    forward_auth_models,
    invite_models,
    logout_models,
    outbox_models,
    session_name_models,
    shared_invite_models,
    term_models,
    upstream_models,
)
"""Where tables are declared. A module that is not named here would be missing from every migration."""
VERSION_TABLE = "accounts_alembic_version"
"""Not Alembic's usual name: a host may keep its own migrations in the same database."""
OLDEST_CODE = "oldest_code"
"""The column of that table that says which code works on the tables: that of this revision, and all newer code."""
MIGRATION_LOCK_ID = 0x6163636F756E7473
LOCK_MILLISECONDS = 250
"""How long a migration waits for one lock on PostgreSQL before it gives all up, and begins anew."""
LOCK_NOT_GOT = frozenset({"55P03", "40P01"})
"""Waited too long for a lock; a deadlock."""
MAX_UPGRADE_ATTEMPTS = 60
DATABASE_AWAY, DATABASE_REPLACED, DATABASE_BROKEN = "database_away", "database_replaced", "database_broken"
TABLES_OLDER, TABLES_NEWER = "tables_older", "tables_newer"


class NotReady(SettingsError):
    """The database cannot be used.

    :ivar code: why, in a word that anybody may know.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def migrations_folder() -> Path:
    """Return the folder of the migrations: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "_alembic"
    return inside if inside.is_dir() else package.parent / "alembic"


@lru_cache(maxsize=1)
def head_revision() -> str:
    """Return the version of the tables that this code is written for."""
    return max(_known_revisions())


def upgrade(store: Store, revision: str = "head") -> None:
    """Migrate the tables. Several processes may do so at once: they take turns, and the later find nothing to do.

    Tables of a newer version on which this code works are left as they are.

    :param revision: the version to migrate to.
    :raises NotReady: the database cannot be reached, or is of a newer version than this code can use.
    """
    try:
        for remaining in reversed(range(MAX_UPGRADE_ATTEMPTS)):
            try:
                _upgrade_once(store, revision)
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) not in LOCK_NOT_GOT or not remaining:
                    raise
                time.sleep(random.uniform(0.05, 0.5))  # noqa: S311 - not a secret
            else:
                return
    except SQLAlchemyError as error:
        raise not_ready(store, error) from None
    finally:
        # The connection that migrated does not check foreign keys; nobody else shall get it.
        store.close()


def _upgrade_once(store: Store, revision: str) -> None:
    with store.engine.begin() as connection:
        _lock_database(connection)
        current = current_revision(connection)
        _check_not_newer(connection, current)
        if revision != "head" or current is None or current < head_revision():
            _keep_writers_out(connection)
            # Imported here: it takes 145 ms of every start.
            from alembic import command
            from alembic.config import Config

            config = Config()
            config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)


def check_revision(store: Store) -> str:
    """Check that the database answers, and that this code works on its tables; return their version.

    It works on those of its own version, and on newer ones that say so.

    :raises NotReady: it does not; one line that says what to do.
    """
    try:
        with store.engine.connect() as connection:
            current = current_revision(connection)
            _check_not_newer(connection, current)
            driver = connection.connection.driver_connection
            if isinstance(driver, SqliteConnection) and driver.file is not None:
                driver.file.check()
    except DatabaseReplaced as error:
        raise NotReady(DATABASE_REPLACED, f"ACCOUNTS_DATABASE_URL: cannot use {store}: {error}") from None
    except SQLAlchemyError as error:
        raise not_ready(store, error) from None
    if current is None or current < head_revision():
        raise NotReady(
            TABLES_OLDER,
            f"the tables are of version {current or 'none'}, not {head_revision()}; run: accounts upgrade",
        )
    return current


def has_tables(store: Store) -> bool:
    """Return whether there are tables, of whatever version.

    :raises NotReady: the database does not answer.
    """
    try:
        with store.engine.connect() as connection:
            return current_revision(connection) is not None
    except SQLAlchemyError as error:
        raise not_ready(store, error) from None


def current_revision(connection: Connection) -> str | None:
    """Return the version of the tables; None where there are none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalar()


def record_oldest_code(connection: Connection, revision: str) -> None:
    """Leave with the version of the tables which code works on them, for code that does not know that version.

    :param revision: of the oldest such code.
    """
    if any(each["name"] == OLDEST_CODE for each in inspect(connection).get_columns(VERSION_TABLE)):
        connection.execute(update(table(VERSION_TABLE, column(OLDEST_CODE))).values({OLDEST_CODE: revision}))


def describe_connection_error(store: Store, error: SQLAlchemyError) -> str:
    """Return one line on why the database does not answer; never its password."""
    reason = str(getattr(error, "orig", None) or error).strip().splitlines() or ["no answer"]
    return f"ACCOUNTS_DATABASE_URL: cannot use {store}: {reason[0]}"


def _known_revisions() -> set[str]:
    # By their names, which begin with their number: loading Alembic costs a tenth of a second at every start.
    return {path.name.partition("_")[0] for path in (migrations_folder() / "versions").glob("[0-9]*_*.py")}


def _check_not_newer(connection: Connection, revision: str | None) -> None:
    if revision is None or revision in _known_revisions():
        return
    statement: Select[tuple[Any]] = select(column(OLDEST_CODE)).select_from(table(VERSION_TABLE))
    names = {each["name"] for each in inspect(connection).get_columns(VERSION_TABLE)}
    oldest = connection.execute(statement).scalar() if OLDEST_CODE in names else None
    if oldest is None or oldest > head_revision():
        raise NotReady(
            TABLES_NEWER,
            f"the tables are of version {revision}, which this code does not know; it is older than they are",
        )


def not_ready(store: Store, error: SQLAlchemyError) -> NotReady:
    """Return why a database cannot be used, after an error of its."""
    replaced = isinstance(getattr(error, "orig", None), DatabaseReplaced)
    code = DATABASE_REPLACED if replaced else DATABASE_AWAY if is_away(error) else DATABASE_BROKEN
    return NotReady(code, describe_connection_error(store, error))


def _lock_database(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        begin_transaction(connection.connection.driver_connection)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK_ID})
        # An index over millions of rows takes longer than a page may.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    else:
        # Altering by copy drops the old table and, by cascade, what refers to it. Works outside a transaction only.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _keep_writers_out(connection: Connection) -> None:
    """Lock all tables on PostgreSQL against writing, before one of them is changed; reading goes on.

    Processes that serve meanwhile lock tables in orders of their own. With one table changed and the next one locked
    by somebody who waits for the first, a migration would end in a deadlock again and again.
    """
    if connection.dialect.name != "postgresql":
        return
    # Whoever waits crosswise with others gives up before PostgreSQL looks for deadlocks (1 s), and so is never the
    # cause that one of their requests fails.
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_MILLISECONDS}ms'"))
    there = set(inspect(connection).get_table_names())
    names = [f'"{each.name}"' for each in Base.metadata.sorted_tables if each.name in there]
    if names:
        connection.execute(text(f"LOCK TABLE {', '.join(names)} IN SHARE ROW EXCLUSIVE MODE"))
