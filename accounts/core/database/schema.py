"""Bringing the tables to the version this code knows, and telling when they are not."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table, text
from sqlalchemy.exc import SQLAlchemyError

from accounts.config import SettingsError
from accounts.core.database.store import Store
from accounts.core.models import account as models
from accounts.core.models import apps as app_models
from accounts.core.models import audit as audit_models
from accounts.core.models import counters
from accounts.core.models import forward_auth as forward_auth_models
from accounts.core.models import invites as invite_models
from accounts.core.models import logout as logout_models
from accounts.core.models import outbox as outbox_models
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
    upstream_models,
)
"""Where tables are declared. A module that is not named here would be missing from every migration."""
VERSION_TABLE = "accounts_alembic_version"
"""Not Alembic's usual name: a host may keep its own migrations in the same database."""
LOCK = 0x6163636F756E7473


def migrations_folder() -> Path:
    """Where the migrations are: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "_alembic"
    return inside if inside.is_dir() else package.parent / "alembic"


@lru_cache(maxsize=1)
def head() -> str:
    """The version this code is written for."""
    return max(_known())


def upgrade(store: Store, to: str = "head") -> None:
    """Migrate. Several processes may do so at once: they take turns, and the later ones find nothing to do.

    :raises SettingsError: the database cannot be reached, or is of a newer version than this code.
    """
    try:
        with store.engine.begin() as connection:
            _lock(connection)
            found = current(connection)
            if found is not None and found not in _known():
                raise SettingsError(_unknown(found))
            if to != "head" or found != head():
                from alembic import command
                from alembic.config import Config

                config = Config()
                config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
                config.attributes["connection"] = connection
                command.upgrade(config, to)
    except SQLAlchemyError as wrong:
        raise SettingsError(unreachable(store, wrong)) from None
    finally:
        # The connection that migrated does not check foreign keys; nobody else shall get it.
        store.close()


def check(store: Store) -> None:
    """That the database answers and has the version this code is written for.

    :raises SettingsError: it does not, in one line that says what to do.
    """
    try:
        with store.engine.connect() as connection:
            found = current(connection)
    except SQLAlchemyError as wrong:
        raise SettingsError(unreachable(store, wrong)) from None
    if found != head():
        if found is not None and found not in _known():
            raise SettingsError(_unknown(found))
        raise SettingsError(f"the tables are of version {found or 'none'}, not {head()}; run: accounts upgrade")


def current(connection: Connection) -> str | None:
    """The version of the tables; None where there are none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalar()


def unreachable(store: Store, wrong: SQLAlchemyError) -> str:
    """One line on why the database does not answer; never its password."""
    reason = str(getattr(wrong, "orig", None) or wrong).strip().splitlines() or ["no answer"]
    return f"ACCOUNTS_DATABASE_URL: cannot use {store}: {reason[0]}"


def _known() -> set[str]:
    # By their names, which begin with their number: loading Alembic costs a tenth of a second at every start.
    return {path.name.partition("_")[0] for path in (migrations_folder() / "versions").glob("[0-9]*_*.py")}


def _unknown(found: str) -> str:
    return f"the tables are of version {found}, which this code does not know; it is older than they are"


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    else:
        # Altering by copy drops the old table and, by cascade, what refers to it. Works outside a transaction only.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
