"""An empty, migrated SQLite database."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from accounts.core.database import schema
from accounts.core.database.store import Store


@cache
def empty_sqlite() -> bytes:
    """The file's content. Migrating takes most of a second: once a process, not once a run of tests in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "accounts.db"
        store = Store(f"sqlite:///{path}")
        schema.upgrade(store)
        store.close()
        return path.read_bytes()
