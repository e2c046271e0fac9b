"""Limit tries per address and network: the ``limits`` library on a table of ours, shared by all processes."""

from __future__ import annotations

import hashlib
import ipaddress
import time
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import bindparam, case, delete, select
from sqlalchemy.exc import SQLAlchemyError

from accounts.core.database.sql import Upsert
from accounts.core.database.store import Store
from accounts.core.errors import TooManyRequests
from accounts.core.models.counters import RateLimit


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may be tried, as documented in ``docs/limits.md``."""

    name: str
    rate: RateLimitItem


SIGN_IN_PAIR = Limit("sign-in", parse("10 per 15 minutes"))
"""Per account and network. The pair, so that a stranger elsewhere cannot lock somebody out."""
SIGN_IN_ACCOUNT = Limit("sign-in-account", parse("100 per hour"))
SIGN_IN_NETWORK = Limit("sign-in-network", parse("300 per 15 minutes"))
MAIL_ADDRESS = Limit("mail", parse("3 per hour"))
MAIL_ACCOUNT = Limit("mail-account", parse("10 per hour"))
MAIL_NETWORK = Limit("mail-network", parse("300 per hour"))
LINK_NETWORK = Limit("link-network", parse("600 per 15 minutes"))
PASSWORD_ACCOUNT = Limit("password", parse("10 per 15 minutes"))
INVITER = Limit("invite", parse("500 per hour"))
INVITE_LISTS = Limit("invite-lists", parse("60 per hour"))
INVITE_LETTERS = Limit("invite-letters", parse("20000 per day"))
"""Per admin: emails by lists, and emails sent again. As many as the longest list, and not twice as many."""


class Throttle:
    """Counts tries before they are made, so that parallel tries cannot slip through.

    Successes count too and clear nothing: a right password of one's own must not buy new guesses.
    """

    def __init__(self, store: Store) -> None:
        self._storage = SqlStorage(store)
        self._limiter = FixedWindowRateLimiter(self._storage)

    def delete_expired(self) -> None:
        """Delete windows that are over."""
        self._storage.delete_expired()

    def hit(self, limit: Limit, *identifiers: str, cost: int = 1) -> None:
        """Count one try of ``identifiers``, or several at once.

        :param cost: how many tries.
        :raises TooManyRequests: with the seconds until the window ends.
        """
        # Looked at first where many are counted at once: what is refused whole must not use up what is left.
        left = cost == 1 or self._limiter.test(limit.rate, limit.name, bucket_key(*identifiers), cost=cost)
        if not left or not self._limiter.hit(limit.rate, limit.name, bucket_key(*identifiers), cost=cost):
            ends = self.window_ends(limit, *identifiers)
            raise TooManyRequests(f"limit {limit.name}", retry_after=max(1, int(ends - time.time()) + 1))

    def window_ends(self, limit: Limit, *identifiers: str) -> int:
        """Return when the window of ``identifiers`` ends, in seconds since 1970."""
        return int(self._limiter.get_window_stats(limit.rate, limit.name, bucket_key(*identifiers)).reset_time)

    def count_attempts(self, limit: Limit, *identifiers: str) -> int:
        """Return how often ``identifiers`` has tried in the current window."""
        return self._storage.get(limit.rate.key_for(limit.name, bucket_key(*identifiers)))

    def clear(self, limit: Limit, *identifiers: str) -> None:
        """Delete the current window of ``identifiers``."""
        self._limiter.clear(limit.rate, limit.name, bucket_key(*identifiers))


def bucket_key(*identifiers: str) -> str:
    """Return the key of ``identifiers`` in the table, a digest: addresses have no business there."""
    return hashlib.sha256("|".join(identifiers).encode()).hexdigest()[:40]


def client_network(address: str) -> str:
    """Return the bucket of a client address: IPv4 as it is, IPv6 by its /64, anything else as one bucket."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
    return str(ip)


def _build_count_upsert(insert: Any) -> Any:
    statement = insert(RateLimit)
    is_over = RateLimit.window_ends <= bindparam("moment")
    changes = {
        "count": case((is_over, statement.excluded.count), else_=RateLimit.count + statement.excluded.count),
        "window": case((is_over, statement.excluded.window), else_=RateLimit.window_ends),
    }
    return statement.on_conflict_do_update(index_elements=[RateLimit.key], set_=changes).returning(RateLimit.count)


_COUNT = Upsert(_build_count_upsert)


class SqlStorage(Storage):
    """Stores the counters of ``limits`` in the table ``rate_limits``. A window begins with the first try in it."""

    STORAGE_SCHEME = None

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    @property
    def base_exceptions(self) -> type[Exception]:
        """The exceptions that ``limits`` may wrap: those of the database."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to the counter of a key, and return it. A window that is over begins anew.

        :param expiry: the length of a window, in seconds.
        """
        moment = int(time.time())
        values = {"key": key, "window": moment + expiry, "count": amount, "moment": moment}
        with self._store.engine.begin() as connection:
            return int(connection.execute(_COUNT.for_dialect(connection.dialect), values).scalar_one())

    def get(self, key: str) -> int:
        """Return the counter of a key; 0 where no window runs."""
        return self._fetch_window(key)[0]

    def get_expiry(self, key: str) -> float:
        """Return when the window of a key ends, in seconds since 1970."""
        return self._fetch_window(key)[1]

    def check(self) -> bool:
        """Return whether the storage can be used."""
        with self._store.engine.connect() as connection:
            return bool(connection.execute(select(1)).scalar_one() == 1)

    def reset(self) -> int:
        """Delete all counters, and return how many."""
        with self._store.engine.begin() as connection:
            return len(connection.execute(delete(RateLimit).returning(RateLimit.key)).all())

    def clear(self, key: str) -> None:
        """Delete the counter of a key."""
        with self._store.engine.begin() as connection:
            connection.execute(delete(RateLimit).where(RateLimit.key == key))

    def delete_expired(self) -> int:
        """Delete windows that are over, and return how many."""
        with self._store.engine.begin() as connection:
            statement = delete(RateLimit).where(RateLimit.window_ends <= int(time.time()))
            return len(connection.execute(statement.returning(RateLimit.key)).all())

    def _fetch_window(self, key: str) -> tuple[int, float]:
        statement = select(RateLimit.count, RateLimit.window_ends).where(
            RateLimit.key == key, RateLimit.window_ends > int(time.time())
        )
        with self._store.engine.connect() as connection:
            row = connection.execute(statement).first()
        return (0, time.time()) if row is None else (row[0], float(row[1]))
