"""Keep the ring in a file that all processes of an installation share and notice when it changes.

A line is ``<key> <signs_from>``, oldest first; a line without a time is a key that has always signed. That one
number is what several processes need: a new key is accepted at once and signs later, when all of them know it.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from accounts.config_sources import SettingsError
from accounts.core.clock import now
from accounts.core.errors import Conflict
from accounts.core.signing.keys import (
    Key,
    KeyRing,
    RingEntry,
    build_entries,
    load_or_create_key_file,
    new_key,
    read_key_file,
    write_draft,
)

log = logging.getLogger("accounts.keys")
RELOAD_INTERVAL_SECONDS = 1.0
"""Seconds between two looks at the file."""
MAX_TIMESTAMP = 10**11
"""Seconds since 1970 beyond which a number is no moment any more (the year 5138)."""


class FileKeyRing(KeyRing):
    """The ring in ``path``, which is made with one key where there is none.

    The file is looked at again when the ring is used, at most once a second, and before a token is refused. One that
    cannot be used leaves the ring as it was: a slip of an editor must not sign everybody out.

    :raises SettingsError: the file cannot be used at the start.
    """

    def __init__(self, path: Path) -> None:
        # The target of a link: replacing the link itself would leave the file that others share as it was.
        self.path = path.resolve()
        is_new = not self.path.exists()
        load_or_create_key_file(self.path)
        self._stamp: FileStamp | None
        self._entries, self._stamp = _read_entries(self.path)
        self._made = self._entries if is_new else None
        self._reload_at = time.monotonic() + RELOAD_INTERVAL_SECONDS
        self._reload_lock = threading.Lock()

    @property
    def place(self) -> str:
        """The path of the file."""
        return str(self.path)

    @property
    def entries(self) -> tuple[RingEntry, ...]:
        """The keys as the file has them, oldest first."""
        if time.monotonic() >= self._reload_at:
            self._reload()
        return self._entries

    def newest_first(self) -> Iterator[Key]:
        """Yield keys in the order in which a token should be tried, and those that the file has got meanwhile."""
        tried = self.entries
        for entry in reversed(tried):
            yield entry.key
        # Whoever gets here is about to refuse. Another process may sign with a key that came a moment ago.
        self._reload(blocking=True)
        if self._entries is not tried:
            known = {entry.key for entry in tried}
            yield from (entry.key for entry in reversed(self._entries) if entry.key not in known)

    def retired(self) -> tuple[Key, ...]:
        """Return keys that were dropped from the file and are still known."""
        live = {entry.key for entry in self.entries}
        try:
            return tuple(entry.key for entry in self._read_retired() if entry.key not in live)
        except SettingsError as error:
            log.warning("retired keys cannot be read: %s", error)
            return ()

    def discard_if_new(self) -> bool:
        """Take the file away again if this object has made it and nobody has changed it since; return whether it had.

        The keys stay in memory.
        """
        if self._made is None:
            return False
        with contextlib.suppress(SettingsError, OSError):
            if _read_entries(self.path)[0] == self._made:
                self.path.unlink()
        return True

    def served_database(self) -> str | None:
        """Return which database this ring is the ring of, as was noted beside it; None where nothing was."""
        try:
            return self._database_path.read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def remember_database(self, name: str) -> None:
        """Note beside the file which database this ring is the ring of, unless that stands there."""
        if self.served_database() == name:
            return
        try:
            write_draft(self._database_path, [name]).replace(self._database_path)
        except OSError as error:
            log.warning("cannot note the database of the key ring in %s: %s", self._database_path, error)

    def add(self, delay_seconds: int) -> RingEntry:
        """Add a fresh key that verifies at once and signs in ``delay_seconds`` seconds.

        :raises SettingsError: the file cannot be read or written.
        """
        with self._locked() as entries:
            fresh = RingEntry(Key(new_key().encode()), int(now().timestamp()) + delay_seconds)
            self._replace(self.path, [*entries, fresh])
            return fresh

    def drop(self, key: Key, *, allow_last: bool = False) -> RingEntry | None:
        """Take a key out of the ring; it is retired, and verifies nothing any more.

        :param allow_last: even the last one; a fresh key that signs at once takes its place.
        :returns: that fresh key, if any.
        :raises Conflict: it is not in the ring any more, or it is the last one and was to stay then.
        :raises SettingsError: the file cannot be read or written.
        """
        with self._locked() as entries:
            remaining = [entry for entry in entries if entry.key != key]
            if len(remaining) == len(entries):
                raise Conflict(f"key {key.name} is not in the ring any more")
            if not (remaining or allow_last):
                raise Conflict(f"key {key.name} is the last one; rotate first, or drop it with --emergency")
            moment = int(now().timestamp())
            fresh = None if remaining else RingEntry(Key(new_key().encode()), moment)
            older = [entry for entry in self._read_retired() if entry.key != key]
            # Retired first: cut off between the two, it still verifies, and dropping it once more sets that right.
            self._replace(self._retired_path, [*older, RingEntry(key, moment)])
            self._replace(self.path, [*remaining, *([fresh] if fresh else [])])
            return fresh

    @property
    def _retired_path(self) -> Path:
        return self.path.with_name(self.path.name + ".retired")

    @property
    def _database_path(self) -> Path:
        return self.path.with_name(self.path.name + ".database")

    def _read_retired(self) -> tuple[RingEntry, ...]:
        return _read_entries(self._retired_path)[0] if self._retired_path.exists() else ()

    def _reload(self, *, blocking: bool = False) -> None:
        # One thread looks; the others go on with what is known, unless they would refuse a token for it.
        if not self._reload_lock.acquire(blocking=blocking):
            return
        try:
            self._reload_at = time.monotonic() + RELOAD_INTERVAL_SECONDS
            stamp = _stamp_at(self.path)
            if stamp != self._stamp:
                # Noted first, so that a file that cannot be used is complained of once.
                self._stamp = stamp
                self._entries, self._stamp = _read_entries(self.path)
                log.info("key ring read anew: %d keys", len(self._entries))
        except SettingsError as error:
            log.warning("the key ring stays as it was: %s", error)
        finally:
            self._reload_lock.release()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[tuple[RingEntry, ...]]:
        """Yield the entries as the file has them, while no other process may change it."""
        try:
            # The folder is locked: the file is another one after each change, and whoever waited on the old one
            # would change what nobody reads any more.
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                yield _read_entries(self.path)[0]
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise SettingsError(f"cannot change the key ring at {self.path}: {error.strerror}") from None
        self._reload(blocking=True)

    def _replace(self, path: Path, entries: Iterable[RingEntry]) -> None:
        draft = write_draft(path, (_format_line(entry) for entry in entries))
        try:
            # Changed by root for a service that is not: a ring of root's own would be one the service cannot read.
            owner = self.path.stat()
            if owner.st_uid != draft.stat().st_uid:
                os.chown(draft, owner.st_uid, owner.st_gid)
            draft.replace(path)
        except OSError:
            draft.unlink()
            raise


FileStamp = tuple[int, int, int, int]


def _read_entries(path: Path) -> tuple[tuple[RingEntry, ...], FileStamp]:
    lines, state = read_key_file(path)
    keys = [_parse_line(path, number, line) for number, line in enumerate(lines, 1)]
    try:
        return build_entries(keys), _stamp_of(state)
    except SettingsError as error:
        raise SettingsError(f"cannot use the key ring at {path}: {error}") from None


def _parse_line(path: Path, number: int, line: str) -> tuple[str, int]:
    key, *rest = line.split()
    if not rest:
        return key, 0
    if len(rest) > 1 or not rest[0].isdecimal() or int(rest[0]) > MAX_TIMESTAMP:
        raise SettingsError(f"{path}: key {number} is not followed by the moment from which it signs, in seconds")
    return key, int(rest[0])


def _format_line(entry: RingEntry) -> str:
    key = entry.key.secret.decode()
    return f"{key} {entry.signs_from}" if entry.signs_from else key


def _stamp_of(state: os.stat_result) -> FileStamp:
    # With the change time: a file that others could read and was mended by chmod has no other sign of it.
    return state.st_ino, state.st_mtime_ns, state.st_ctime_ns, state.st_size


def _stamp_at(path: Path) -> FileStamp | None:
    try:
        return _stamp_of(path.stat())
    except OSError:
        return None
