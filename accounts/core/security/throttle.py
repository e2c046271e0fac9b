"""Limit attempts per address and network, in windows that begin with the first attempt, for all processes together.

An attempt is counted before it is made, so that parallel ones cannot slip through, and in the transaction of the act
that it is about. Where it has to stay counted whatever becomes of the act, as a try of a password has, it is
reserved, in a transaction of its own. Successes count too and clear nothing: a right password of one's own must not
buy guesses.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import bindparam, case, delete, false, or_, select

from accounts.core.database.sql import CompiledStatement, Executor
from accounts.core.database.store import Store
from accounts.core.database.sweep import sweep_rows
from accounts.core.errors import TooManyRequests
from accounts.core.models.counters import RateLimit


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may be tried within a window, as documented in ``docs/limits.md``."""

    name: str
    amount: int
    window: timedelta

    def by(self, *identifiers: str, cost: int = 1) -> Attempt:
        """Return an attempt of ``identifiers``, or several at once.

        :param cost: how many.
        """
        return Attempt(self, identifiers, cost)

    def times(self, number: int) -> Limit:
        """Return the same limit for something that so many people share."""
        return replace(self, amount=self.amount * number)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that a limit counts, and by whom it is made."""

    limit: Limit
    identifiers: tuple[str, ...]
    cost: int = 1

    @property
    def key(self) -> str:
        """Return the key of its counter. No address stands in it."""
        return f"{self.limit.name}:{bucket_key(*self.identifiers)}"


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted in a window that runs.

    :ivar ends_at: in seconds since 1970.
    """

    count: int
    ends_at: int


class LimitReached(TooManyRequests):
    """An attempt is over its limit."""

    def __init__(self, attempt: Attempt, window_ends_at: int) -> None:
        seconds = max(1, window_ends_at - int(time.time()) + 1)
        super().__init__(f"limit {attempt.limit.name}", retry_after=seconds)
        self.attempt = attempt
        self.window_ends_at = window_ends_at


QUARTER_HOUR, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
SIGN_IN_PAIR = Limit("sign-in", 10, QUARTER_HOUR)
"""Per account and network. The pair, so that a stranger elsewhere cannot lock somebody out."""
SIGN_IN_ACCOUNT = Limit("sign-in-account", 100, HOUR)
SIGN_IN_DEVICE = Limit("sign-in-device", 30, HOUR)
"""Per account, on devices that it has signed in on before. No lock holds those up."""
SIGN_IN_NETWORK = Limit("sign-in-network", 300, QUARTER_HOUR)
MAIL_PAIR = Limit("mail", 3, HOUR)
"""Per address and network. The pair, so that a stranger elsewhere cannot use up the letters that somebody needs."""
MAIL_ADDRESS = Limit("mail-address", 20, HOUR)
MAIL_ACCOUNT = Limit("mail-account", 10, HOUR)
MAIL_NETWORK = Limit("mail-network", 300, HOUR)
JOIN_NETWORK = Limit("join", 3, HOUR)
"""For each place of an invitation for several people, per network: a class behind one has what it needs, and a
stranger elsewhere does not use it up."""
JOIN_INVITE = Limit("join-invite", 20, HOUR)
"""For each place of it, from anywhere."""
JOIN_SIGN_IN = Limit("join-sign-in", 8, HOUR)
"""For each place of it, per network: setting out for another service and coming back, both to ask and to join."""
LINK_NETWORK = Limit("link-network", 600, QUARTER_HOUR)
PASSWORD_ACCOUNT = Limit("password", 10, QUARTER_HOUR)
APPROVAL_ADDRESS = Limit("approval-address", 3, DAY)
APPROVAL_NETWORK = Limit("approval-network", 60, DAY)
APPROVAL = Limit("approval", 300, DAY)
"""Of the whole installation: each request for an account is a letter to every admin."""
INVITER = Limit("invite", 500, HOUR)
INVITE_LISTS = Limit("invite-lists", 60, HOUR)
INVITE_LETTERS = Limit("invite-letters", 20000, DAY)
"""Per admin: emails by lists, and emails sent again. As many as the longest list, and not twice as many."""
MAIL_BOUNCES = Limit("mail-bounces", 20000, HOUR)
"""Of the whole installation: requests with reports about bounces that are rightly signed."""
BULK_ACTS = Limit("bulk-acts", 60, HOUR)
BULK_LETTERS = Limit("bulk-letters", 20000, DAY)
"""Per admin: letters of acts on many accounts. None of them counts for the person who gets it."""


class Throttle:
    """Counts attempts, and refuses those over their limits.

    :param enforced: whether they are refused. Load tests count without.
    """

    def __init__(self, store: Store, *, enforced: bool = True) -> None:
        self._store = store
        self._enforced = enforced

    def count(self, executor: Executor, *attempts: Attempt) -> None:
        """Count attempts in a transaction under way, in one statement.

        The exception has to roll it back: an attempt that is refused by one limit must not use up what is left of
        another, or a network that was refused long ago could go on and use up the attempts of an account.

        :raises LimitReached: one of them is over its limit.
        """
        moment = int(time.time())
        # In one order: two that count the same at once must not wait for each other crosswise.
        ordered = sorted(attempts, key=lambda attempt: attempt.key)
        values: dict[str, Any] = {"moment": moment}
        for index, attempt in enumerate(ordered):
            values[f"key_{index}"], values[f"count_{index}"] = attempt.key, attempt.cost
            values[f"window_{index}"] = moment + int(attempt.limit.window.total_seconds())
        windows = {key: Window(*row) for key, *row in _count_statement(len(ordered)).run(executor, values)}
        # As they were given: the widest comes first, and says most about who is refused.
        for attempt in attempts:
            window = windows[attempt.key]
            if self._enforced and window.count > attempt.limit.amount:
                raise LimitReached(attempt, window.ends_at)

    def reserve(self, *attempts: Attempt) -> None:
        """Count attempts at once, before what they are about is tried. They stay counted whatever becomes of it.

        :raises LimitReached: one of them is over its limit; none is counted.
        """
        with self._store.engine.begin() as connection:
            self.count(connection, *attempts)

    def check(self, *attempts: Attempt) -> None:
        """Refuse what is over its limit already: before slow work whose own transaction counts these attempts.

        :raises LimitReached: one of them would be over its limit; none is counted.
        """
        windows = self.fetch_windows(attempts) if attempts else {}
        for attempt, window in windows.items():
            if self._enforced and window.count + attempt.cost > attempt.limit.amount:
                raise LimitReached(attempt, window.ends_at)

    def fetch_windows(self, attempts: Collection[Attempt]) -> Mapping[Attempt, Window]:
        """Return the windows that run for these attempts."""
        values: dict[str, Any] = {f"key_{index}": attempt.key for index, attempt in enumerate(attempts)}
        rows = _fetch_statement(len(values)).fetch_all(self._store.engine, values | {"moment": int(time.time())})
        windows = {key: Window(*row) for key, *row in rows}
        return {attempt: windows[attempt.key] for attempt in attempts if attempt.key in windows}

    def clear(self, attempts: Collection[Attempt]) -> None:
        """Delete the windows that run for these attempts."""
        with self._store.engine.begin() as connection:
            connection.execute(delete(RateLimit).where(RateLimit.key.in_([attempt.key for attempt in attempts])))

    def delete_expired(self) -> int:
        """Delete windows that are over, and return how many."""
        is_over = RateLimit.window_ends <= int(time.time())
        return sweep_rows(self._store.engine, delete(RateLimit), RateLimit.key, is_over)


def bucket_key(*identifiers: str) -> str:
    """Return the key of ``identifiers`` in the table, a digest: addresses have no business there."""
    return hashlib.sha256("|".join(identifiers).encode()).hexdigest()[:40]


@lru_cache(maxsize=4096)
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


@cache
def _fetch_statement(attempts: int) -> CompiledStatement:
    """Return the statement that looks so many attempts up, and returns the key, count and end of each window."""
    is_asked_for = or_(false(), *(RateLimit.key == bindparam(f"key_{index}") for index in range(attempts)))
    columns = (RateLimit.key, RateLimit.count, RateLimit.window_ends)
    return CompiledStatement(select(*columns).where(is_asked_for, RateLimit.window_ends > bindparam("moment")))


@cache
def _count_statement(attempts: int) -> CompiledStatement:
    """Return the statement that counts so many attempts, and returns the key, count and end of each window."""
    columns = ("key", "window", "count")
    rows: list[Any] = [{column: bindparam(f"{column}_{index}") for column in columns} for index in range(attempts)]

    def build(insert: Any) -> Any:
        statement = insert(RateLimit.__table__).values(rows)
        is_over = RateLimit.window_ends <= bindparam("moment")
        changes = {
            "count": case((is_over, statement.excluded.count), else_=RateLimit.count + statement.excluded.count),
            "window": case((is_over, statement.excluded.window), else_=RateLimit.window_ends),
        }
        statement = statement.on_conflict_do_update(index_elements=[RateLimit.key], set_=changes)
        return statement.returning(RateLimit.key, RateLimit.count, RateLimit.window_ends)

    return CompiledStatement(build)
