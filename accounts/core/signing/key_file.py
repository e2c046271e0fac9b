"""The ring in a file that all processes of an installation share: noticed when it changes, changed by one at a time.

A line is ``<key> <signs_from>``, oldest first; a line without a moment is a key that signs since ever. That one
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

from accounts.config import SettingsError
from accounts.core.clock import now
from accounts.core.errors import Conflict
from accounts.core.signing.keys import Entry, Key, KeyRing, checked, load_or_create, new_key, read_lines, write_aside

log = logging.getLogger("accounts.keys")
LOOK_EVERY = 1.0
"""Seconds between two looks at the file."""
LATEST = 10**11
"""Seconds since 1970 beyond which a number is no moment any more (the year 5138)."""


class FileRing(KeyRing):
    """The ring in ``path``, which is made with one key where there is none.

    The file is looked at again when the ring is used, at most once a second, and before a token is refused. One that
    cannot be used leaves the ring as it was: a slip of an editor must not sign everybody out.

    :raises SettingsError: the file cannot be used at the start.
    """

    def __init__(self, path: Path) -> None:
        # The target of a link: replacing the link itself would leave the file that others share as it was.
        self.path = path.resolve()
        load_or_create(self.path)
        self._stamp: Stamp | None
        self._entries, self._stamp = _read(self.path)
        self._look_at = time.monotonic() + LOOK_EVERY
        self._looking = threading.Lock()

    @property
    def entries(self) -> tuple[Entry, ...]:
        if time.monotonic() >= self._look_at:
            self._look()
        return self._entries

    def newest_first(self) -> Iterator[Key]:
        tried = self.entries
        for entry in reversed(tried):
            yield entry.key
        # Whoever gets here is about to refuse. Another process may sign with a key that came a moment ago.
        self._look(waiting=True)
        if self._entries is not tried:
            known = {entry.key for entry in tried}
            yield from (entry.key for entry in reversed(self._entries) if entry.key not in known)

    def retired(self) -> tuple[Key, ...]:
        live = {entry.key for entry in self.entries}
        try:
            return tuple(entry.key for entry in self._read_retired() if entry.key not in live)
        except SettingsError as wrong:
            log.warning("retired keys cannot be read: %s", wrong)
            return ()

    def add(self, wait: int) -> Entry:
        """Add a fresh key that opens at once and signs in ``wait`` seconds.

        :raises SettingsError: the file cannot be read or written.
        """
        with self._changing() as entries:
            fresh = Entry(Key(new_key().encode()), int(now().timestamp()) + wait)
            self._replace(self.path, [*entries, fresh])
            return fresh

    def drop(self, key: Key, *, last_too: bool = False) -> Entry | None:
        """Take a key out of the ring; it is retired, and opens nothing any more.

        :param last_too: even the last one; a fresh key that signs at once takes its place.
        :returns: that fresh key, if any.
        :raises Conflict: it is not in the ring any more, or it is the last one and was to stay then.
        :raises SettingsError: the file cannot be read or written.
        """
        with self._changing() as entries:
            left = [entry for entry in entries if entry.key != key]
            if len(left) == len(entries):
                raise Conflict(f"key {key.name} is not in the ring any more")
            if not (left or last_too):
                raise Conflict(f"key {key.name} is the last one; rotate first, or drop it with --emergency")
            moment = int(now().timestamp())
            fresh = None if left else Entry(Key(new_key().encode()), moment)
            older = [entry for entry in self._read_retired() if entry.key != key]
            # Retired first: cut off between the two, it still opens, and dropping it once more sets that right.
            self._replace(self._retired_path, [*older, Entry(key, moment)])
            self._replace(self.path, [*left, *([fresh] if fresh else [])])
            return fresh

    @property
    def _retired_path(self) -> Path:
        return self.path.with_name(self.path.name + ".retired")

    def _read_retired(self) -> tuple[Entry, ...]:
        return _read(self._retired_path)[0] if self._retired_path.exists() else ()

    def _look(self, *, waiting: bool = False) -> None:
        # One looks; the others go on with what is known, unless they would refuse somebody for it.
        if not self._looking.acquire(blocking=waiting):
            return
        try:
            self._look_at = time.monotonic() + LOOK_EVERY
            stamp = _stamp_at(self.path)
            if stamp != self._stamp:
                # Noted first, so that a file that cannot be used is complained of once.
                self._stamp = stamp
                self._entries, self._stamp = _read(self.path)
                log.info("key ring read anew: %d keys", len(self._entries))
        except SettingsError as wrong:
            log.warning("the key ring stays as it was: %s", wrong)
        finally:
            self._looking.release()

    @contextlib.contextmanager
    def _changing(self) -> Iterator[tuple[Entry, ...]]:
        """The entries as the file has them, while nobody else may change it."""
        try:
            # The folder is locked: the file is another one after each change, and whoever waited on the old one
            # would change what nobody reads any more.
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                yield _read(self.path)[0]
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as wrong:
            raise SettingsError(f"cannot change the key ring at {self.path}: {wrong.strerror}") from None
        self._look(waiting=True)

    def _replace(self, path: Path, entries: Iterable[Entry]) -> None:
        draft = write_aside(path, (_line(entry) for entry in entries))
        try:
            # Changed by root for a service that is not: a ring of root's own would be one the service cannot read.
            owner = self.path.stat()
            if owner.st_uid != draft.stat().st_uid:
                os.chown(draft, owner.st_uid, owner.st_gid)
            draft.replace(path)
        except OSError:
            draft.unlink()
            raise


Stamp = tuple[int, int, int, int]


def _read(path: Path) -> tuple[tuple[Entry, ...], Stamp]:
    lines, state = read_lines(path)
    return checked(_parsed(path, number, line) for number, line in enumerate(lines, 1)), _stamp(state)


def _parsed(path: Path, number: int, line: str) -> tuple[str, int]:
    key, *rest = line.split()
    if not rest:
        return key, 0
    if len(rest) > 1 or not rest[0].isdecimal() or int(rest[0]) > LATEST:
        raise SettingsError(f"{path}: key {number} is not followed by the moment from which it signs, in seconds")
    return key, int(rest[0])


def _line(entry: Entry) -> str:
    key = entry.key.secret.decode()
    return f"{key} {entry.signs_from}" if entry.signs_from else key


def _stamp(state: os.stat_result) -> Stamp:
    # With the change time: a file that others could read and was mended by chmod has no other sign of it.
    return state.st_ino, state.st_mtime_ns, state.st_ctime_ns, state.st_size


def _stamp_at(path: Path) -> Stamp | None:
    try:
        return _stamp(path.stat())
    except OSError:
        return None
