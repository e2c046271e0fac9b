"""What is known about the key that signed a link."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from accounts.core.models.counters import KeyUse
from accounts.core.signing.keys import Key
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.links.facts import ISSUE_TIME_RESOLUTION


@dataclass(frozen=True, slots=True)
class KeyFact:
    """The key that signed a link. ``number`` counts from the oldest; 0 for one that is not in the ring any more."""

    name: str
    number: int
    state: str
    since: datetime | None


def build_key_fact(uow: UnitOfWork, key: Key) -> KeyFact:
    """Where a key stands in the ring, and since when it is known to have signed."""
    ring = uow.site.ring
    oldest_first = list(ring.newest_first())[::-1]
    number = oldest_first.index(key) + 1 if key in oldest_first else 0
    state = "retired" if not number else "signs" if key == ring.signing else "opens"
    since = uow.session.scalar(select(func.min(KeyUse.first_signed_at)).where(KeyUse.key == key.name))
    return KeyFact(key.name, number, state, since)


def find_dropped_key(uow: UnitOfWork, at: datetime, purposes: Iterable[str]) -> str:
    """Return the name of a dropped key that signed such links around a moment; "" for none."""
    ring_names = [key.name for key in uow.site.ring.newest_first()]
    key_name = uow.session.scalar(
        select(KeyUse.key)
        .where(KeyUse.key.not_in(ring_names), KeyUse.purpose.in_(tuple(purposes)))
        .where(KeyUse.first_signed_at <= at + ISSUE_TIME_RESOLUTION, KeyUse.alive_until >= at)
        .order_by(KeyUse.first_signed_at.desc())
        .limit(1)
    )
    return key_name or ""
