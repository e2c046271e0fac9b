"""Hash and verify passwords with bounded parallelism."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from accounts.config_password_hash import DEFAULT_HASH_COST, HashCost
from accounts.core.errors import Unavailable
from accounts.core.meters import Meters
from accounts.core.security import foreign_hashes
from accounts.core.security.foreign_hashes import ForeignSecrets
from accounts.core.security.password_choice import (
    MAX_PASSWORD_CHARACTERS,
    check_new_password,
    normalize_password,
)

T = TypeVar("T")

QUEUED_HASHES_PER_THREAD = 64


class Passwords:
    """Hashes and verifies passwords (argon2id, RFC 9106).

    Hashes run on a small pool of their own, one thread a core: more would only take turns, and each keeps the memory
    of a hash. A full queue answers 503 rather than growing.

    :param threads: how many hashes are computed at once; by default one a core.
    :param memory_kib: argon2id's memory, in KiB; with ``passes`` what a hash costs.
    :param foreign_secrets: secrets of other systems whose hashes were imported.
    :param meters: measures how long hashes wait and take.
    """

    def __init__(
        self,
        threads: int | None = None,
        *,
        memory_kib: int = DEFAULT_HASH_COST.memory_kib,
        passes: int = DEFAULT_HASH_COST.passes,
        foreign_secrets: ForeignSecrets | None = None,
        meters: Meters | None = None,
    ) -> None:
        self._meters = meters or Meters()
        self.foreign_secrets = foreign_secrets or ForeignSecrets()
        self._hasher = make_hasher(HashCost(memory_kib, passes))
        self._threads = threads or count_cores()
        self._slots = threading.BoundedSemaphore(self._threads * QUEUED_HASHES_PER_THREAD)
        self._pool_lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._dummy: str | None = None

    def hash(self, password: str) -> str:
        """Return a salted hash as text.

        :raises Unavailable: too many hashes are waiting already.
        """
        return self._run_in_pool(lambda: self._hasher.hash(normalize_password(password)))

    def check_and_hash(self, password: str, context: Iterable[str], *, field: str = "password") -> str:
        """Return the hash of a password that may be chosen.

        The check is Python that holds the interpreter's lock for milliseconds. Here no more threads than there are
        cores do that at once, however many requests choose a password.

        :param context: words an attacker would try first (service, name, address).
        :raises InvalidInput: too short, too long, common or guessable; names ``field``.
        :raises Unavailable: too many hashes are waiting already.
        """

        def check_and_hash() -> str:
            check_new_password(password, context, field=field)
            return self._hasher.hash(normalize_password(password))

        return self._run_in_pool(check_and_hash)

    def verify(
        self, password: str, stored: str | None, *, fallback_hash: str | None = None, renew: bool = True
    ) -> tuple[bool, str | None]:
        """Return whether the password is right, and a new hash when the stored one is foreign or too weak today.

        Without a stored hash the same work is done against another one, so that time does not tell who has an
        account: against ``fallback_hash``, the hash of another account, or else a dummy of our own kind. What cannot
        be a password is worked on like one, against the same hash: another time would tell whose hash that is.

        :param renew: whether a new hash is made. Not where the account may not sign in: the time that one takes would
            tell that the password is right.
        :raises Unavailable: too many hashes are waiting already.
        """
        # Counted in the canonical form, as when it was chosen: the decomposed one may be twice as long.
        text = normalize_password(password)
        may_match = stored is not None and len(text) <= MAX_PASSWORD_CHARACTERS and _is_encodable(text)
        if not may_match:
            text, password = (_make_hashable(each[:MAX_PASSWORD_CHARACTERS]) for each in (text, password))

        def work() -> tuple[bool, str | None]:
            compared_hash = stored or fallback_hash or self._dummy_hash()
            matches, is_outdated = self._compare(text, password, compared_hash)
            matches = matches and may_match
            return matches, (self._hasher.hash(text) if matches and is_outdated and renew else None)

        return self._run_in_pool(work)

    def _compare(self, text: str, password: str, compared_hash: str) -> tuple[bool, bool]:
        """Return whether the password is the one of a hash, and whether the hash is foreign or too weak today.

        :param text: the password in the canonical form.
        :param password: the same as it was typed; another system may have hashed that.
        """
        if foreign_hashes.is_own_hash(compared_hash):
            matches = self._hasher.verify(text, compared_hash)
            return matches, self._hasher.current_hasher.check_needs_rehash(compared_hash)
        foreign = foreign_hashes.find_hash_format(compared_hash)
        if foreign is None:
            self._hasher.verify(text, self._dummy_hash())
            return False, False
        return foreign.matches(password, self.foreign_secrets), True

    def _dummy_hash(self) -> str:
        if self._dummy is None:
            self._dummy = self._hasher.hash(secrets.token_urlsafe(16))
        return self._dummy

    def _run_in_pool(self, work: Callable[[], T]) -> T:
        if not self._slots.acquire(blocking=False):
            self._meters.note_refused_hash()
            raise Unavailable("password queue is full", retry_after=2)
        try:
            return self._get_pool().submit(self._meters.measure_hash(work)).result()
        finally:
            self._slots.release()

    def _get_pool(self) -> ThreadPoolExecutor:
        # On first use, never in the parent of a fork: threads do not survive one.
        with self._pool_lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="accounts-hash")
            return self._pool


def _is_encodable(text: str) -> bool:
    """Return whether a text has an encoding: half of a surrogate pair, as JSON can spell one, has none."""
    return _make_hashable(text) == text


def _make_hashable(text: str) -> str:
    return text.encode(errors="replace").decode()


def make_hasher(cost: HashCost) -> PasswordHash:
    """Return what hashes passwords here: argon2id with one lane, as more would only take cores from other hashes."""
    return PasswordHash((Argon2Hasher(memory_cost=cost.memory_kib, time_cost=cost.passes, parallelism=1),))


def count_cores() -> int:
    """Return how many cores this process may use, where the system can tell; a container often has fewer than all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
