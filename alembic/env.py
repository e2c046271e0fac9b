"""Runs migrations: on the connection that the service hands in, or on the installation that ACCOUNTS_* names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from alembic import context
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from accounts.config import Settings
from accounts.core.database import schema
from accounts.core.database.schema import MODELS, VERSION_TABLE
from accounts.core.database.store import Store


def run(connection: Connection) -> None:
    # Batch mode: SQLite alters a table by copying it.
    context.configure(
        connection=connection,
        target_metadata=MODELS[0].Base.metadata,
        version_table=VERSION_TABLE,
        render_as_batch=True,
        compare_type=True,
        on_version_apply=record_oldest_code,
    )
    with context.begin_transaction():
        context.run_migrations()


def record_oldest_code(ctx: MigrationContext, step: object, heads: Collection[Any], run_args: object) -> None:
    """Leave in the database which code works on what it has become; called after each step, in its transaction."""
    if heads and ctx.connection is not None:
        scripts = context.script.walk_revisions("base", max(heads))
        schema.record_oldest_code(ctx.connection, max(each.module.oldest_code for each in scripts))


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    store = Store(Settings.load().database_url)
    with store.engine.connect() as own:
        run(own)
        own.commit()
