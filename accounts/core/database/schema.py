"""Migrate the tables to the version of this code, and tell where they are of another one."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table, text
from sqlalchemy.exc import SQLAlchemyError

from accounts.config import SettingsError
from accounts.core.database.postgresql import begin_transaction
from accounts.core.database.store import Store
from accounts.core.models import account as models
from accounts.core.models import apps as app_models
from accounts.core.models import audit as audit_models
from accounts.core.models import counters
from accounts.core.models import forward_auth as forward_auth_models
from accounts.core.models import invites as invite_models
from accounts.core.models import logout as logout_models
from accounts.core.models import outbox as outbox_models
from accounts.core.models import terms as term_models
from accounts.core.models import upstream as upstream_models

MODELS = (
    models,
    app_models,
    audit_models,
    counters,
    forward_auth_models,
    invite_models,
    logout_models,
    outbox_models,
    term_models,
    upstream_models,
)
"""Where tables are declared. A module that is not named here would be missing from every migration."""
VERSION_TABLE = "accounts_alembic_version"
"""Not Alembic's usual name: a host may keep its own migrations in the same database."""
MIGRATION_LOCK_ID = 0x6163636F756E7473


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

    :param revision: the version to migrate to.
    :raises SettingsError: the database cannot be reached, or is of a newer version than this code.
    """
    try:
        with store.engine.begin() as connection:
            _lock_database(connection)
            current = current_revision(connection)
            if current is not None and current not in _known_revisions():
                raise SettingsError(_unknown_revision_message(current))
            if revision != "head" or current != head_revision():
                # Imported here: it takes 145 ms of every start.
                from alembic import command
                from alembic.config import Config

                config = Config()
                config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
    except SQLAlchemyError as error:
        raise SettingsError(describe_connection_error(store, error)) from None
    finally:
        # The connection that migrated does not check foreign keys; nobody else shall get it.
        store.close()


def check_revision(store: Store) -> None:
    """Check that the database answers and has the version this code is written for.

    :raises SettingsError: it does not; one line that says what to do.
    """
    try:
        with store.engine.connect() as connection:
            current = current_revision(connection)
    except SQLAlchemyError as error:
        raise SettingsError(describe_connection_error(store, error)) from None
    if current != head_revision():
        if current is not None and current not in _known_revisions():
            raise SettingsError(_unknown_revision_message(current))
        raise SettingsError(
            f"the tables are of version {current or 'none'}, not {head_revision()}; run: accounts upgrade"
        )


def current_revision(connection: Connection) -> str | None:
    """Return the version of the tables; None where there are none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalar()


def describe_connection_error(store: Store, error: SQLAlchemyError) -> str:
    """Return one line on why the database does not answer; never its password."""
    reason = str(getattr(error, "orig", None) or error).strip().splitlines() or ["no answer"]
    return f"ACCOUNTS_DATABASE_URL: cannot use {store}: {reason[0]}"


def _known_revisions() -> set[str]:
    # By their names, which begin with their number: loading Alembic costs a tenth of a second at every start.
    return {path.name.partition("_")[0] for path in (migrations_folder() / "versions").glob("[0-9]*_*.py")}


def _unknown_revision_message(revision: str) -> str:
    return f"the tables are of version {revision}, which this code does not know; it is older than they are"


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
