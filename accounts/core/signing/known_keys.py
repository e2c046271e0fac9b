"""Tell whether a key ring and a database belong together: the database knows the names of keys it was used with.

Without that a lost ring would be replaced by a fresh one in silence, and everybody be signed out; and a database that
was not mounted by an empty one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, union
from sqlalchemy.exc import SQLAlchemyError

from accounts.core.clock import now
from accounts.core.database import schema
from accounts.core.database.schema import NotReady
from accounts.core.database.sql import CompiledStatement, Executor
from accounts.core.database.store import Store
from accounts.core.models.counters import KeyUse, KnownKey
from accounts.core.signing.key_file import FileKeyRing
from accounts.core.signing.keys import KeyRing

KEYS_UNKNOWN, DATABASE_EMPTY = "keys_unknown", "database_empty"
# What was signed before there were names of known keys is counted by key.
_LIST_KNOWN = CompiledStatement(union(select(KnownKey.key), select(KeyUse.key)))


def _build_insert(insert: Any) -> Any:
    return insert(KnownKey).on_conflict_do_nothing()


_INSERT_KNOWN = CompiledStatement(_build_insert)


def list_known_keys(store: Store) -> set[str]:
    """Return the names of all keys that a database was ever used with.

    :raises NotReady: the database does not answer, or has no tables.
    """
    try:
        return {name for (name,) in _LIST_KNOWN.fetch_all(store.engine)}
    except SQLAlchemyError as error:
        raise schema.not_ready(store, error) from None


def remember_keys(executor: Executor, ring: KeyRing) -> None:
    """Note in a transaction under way that the database is used with the keys of a ring."""
    moment = now()
    for entry in ring.entries:
        _INSERT_KNOWN.run(executor, {"key": entry.key.name, "first_seen_at": moment})


def check_before_upgrade(store: Store, ring: KeyRing) -> None:
    """Check that a ring that has served a database does not get an empty one, before there is a trace of it.

    :raises NotReady: it does, or the database does not answer.
    """
    if _served_database(ring) is None:
        return
    path = store.file_path
    # Looked for, not opened: SQLite would make it.
    if (path is not None and not path.exists()) or not schema.has_tables(store):
        raise _database_empty(store, ring)


def check_ring(store: Store, ring: KeyRing) -> None:
    """Check that a database, whose tables are there, was used with a key of this ring, or with none at all.

    A ring that was made just now for a database that had another one is taken away again.

    :raises NotReady: it was not, or the database does not answer.
    """
    known = list_known_keys(store)
    names = {entry.key.name for entry in ring.entries} | {key.name for key in ring.retired()}
    if known & names:
        return
    if not known:
        if _served_database(ring) is not None:
            raise _database_empty(store, ring)
        return
    if isinstance(ring, FileKeyRing) and ring.discard_if_new():
        raise NotReady(
            KEYS_UNKNOWN,
            f"there is no key ring at {ring.place}, and the database {store} was used with one; put that back,"
            " or, if it is lost for good, run: accounts keys adopt",
        )
    raise NotReady(
        KEYS_UNKNOWN,
        f"the database {store} was never used with a key of {ring.place}; put its own key ring back,"
        " or, if that is lost for good, run: accounts keys adopt",
    )


def join(store: Store, ring: KeyRing) -> None:
    """Note on both sides that a ring and a database belong together.

    :raises NotReady: the database does not answer.
    """
    if not {entry.key.name for entry in ring.entries} <= list_known_keys(store):
        try:
            with store.engine.begin() as connection:
                remember_keys(connection, ring)
        except SQLAlchemyError as error:
            raise schema.not_ready(store, error) from None
    if isinstance(ring, FileKeyRing):
        ring.remember_database(str(store))


def _served_database(ring: KeyRing) -> str | None:
    return ring.served_database() if isinstance(ring, FileKeyRing) else None


def _database_empty(store: Store, ring: KeyRing) -> NotReady:
    return NotReady(
        DATABASE_EMPTY,
        f"the database {store} is empty, but {ring.place} is the key ring of {_served_database(ring)}; put that"
        " database back, or, to begin anew with an empty one, run: accounts keys adopt",
    )
