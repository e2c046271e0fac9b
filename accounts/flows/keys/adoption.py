"""Use a key ring with a database that has never seen it: the ring it had is lost, or the database is a new one."""

from __future__ import annotations

from accounts.core.database import schema
from accounts.core.signing import known_keys
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork

KEYS_ADOPTED_EVENT = "keys.adopted"


def list_foreign_keys(site: Site) -> list[str]:
    """Return the names of keys that the database was used with and that the ring does not have, sorted.

    :raises NotReady: the database does not answer.
    """
    if not schema.has_tables(site.store):
        return []
    known = known_keys.list_known_keys(site.store)
    return sorted(known - {entry.key.name for entry in site.ring.entries})


def adopt_ring(site: Site) -> list[str]:
    """Migrate the tables, and have the database know the keys of the ring from now on; return their names.

    What other keys have signed stays invalid.

    :raises NotReady: the database does not answer, or is of a newer version.
    """
    schema.upgrade(site.store)
    names = [entry.key.name for entry in site.ring.entries]
    uow = UnitOfWork(site)
    with uow:
        known_keys.remember_keys(uow.executor, site.ring)
        uow.record_event(KEYS_ADOPTED_EVENT, facts={"keys": ", ".join(names)})
    known_keys.join(site.store, site.ring)
    return names
