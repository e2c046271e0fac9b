"""Runs migrations: on the connection that the service hands in, or on the installation that ACCOUNTS_* names."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from accounts.config import Settings
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
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    store = Store(Settings.load().database_url)
    with store.engine.connect() as own:
        run(own)
        own.commit()
