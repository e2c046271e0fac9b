"""Have the writers of one process take turns at SQLite's write lock, in the order in which they come."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections import deque

from sqlalchemy.exc import OperationalError

from accounts.core.database.files import DatabaseFile

BEGIN_WRITE = "BEGIN IMMEDIATE"
MIN_RETRY_SECONDS, MAX_RETRY_SECONDS = 0.001, 0.004
"""Between two looks whether another process has given the lock back."""


class TurnLock:
    """A lock that is handed to whoever has waited longest.

    ``threading.Lock`` lets whoever comes at the right moment go first, and SQLite's own way of waiting is to sleep,
    up to 100 ms at a time, and to try again: among a few threads that write, some waited for most of a second.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._is_held = False
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self, timeout: float) -> bool:
        """Wait for one's turn, and return whether it came.

        :param timeout: in seconds.
        """
        with self._mutex:
            if not self._is_held:
                self._is_held = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=timeout):
            return True
        with self._mutex:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
        return True  # it was handed over at the last moment

    def release(self) -> None:
        """Hand the lock to the next in turn."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_held = False


class SqliteConnection(sqlite3.Connection):
    """A connection that waits for its turn among the writers of this process before it asks for the write lock.

    So only one thread of each process waits for the lock itself. The turn ends with the transaction, however that
    ends; a connection that is closed or lost gives it back, too.

    :ivar turns: shared by all connections of a process to one file.
    :ivar file: that file; nothing is written once it was deleted or replaced. None is not watched.
    """

    turns: TurnLock
    file: DatabaseFile | None
    busy_timeout: float
    _has_turn = False

    def begin_write(self) -> None:
        """Begin a transaction that may write, unless one is under way.

        :raises OperationalError: others have written for too long, or the file is not the one that was opened.
        """
        # At once, and not with the first change: a transaction that read first and then turns writer fails with
        # "database is locked" as soon as somebody else has written meanwhile, however long the busy timeout.
        if self.in_transaction:
            return
        try:
            # It has one still where SQLite itself rolled back: on a full disk, for example.
            if not self._has_turn and not self.turns.acquire(self.busy_timeout):
                raise sqlite3.OperationalError("database is locked")
            self._has_turn = True
            if self.file is not None:
                self.file.check()
            self._take_write_lock()
        except sqlite3.Error as error:
            self._end_turn()
            raise OperationalError(BEGIN_WRITE, None, error) from error

    def _take_write_lock(self) -> None:
        # Not by SQLite's busy handler: it sleeps for longer the longer somebody waits, up to 100 ms. So whoever has
        # waited long looks least often, and gets nothing while two other processes write again and again.
        self.execute("PRAGMA busy_timeout=0")
        deadline = time.monotonic() + self.busy_timeout
        try:
            while True:
                try:
                    self.execute(BEGIN_WRITE)
                    return
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                        raise
                time.sleep(random.uniform(MIN_RETRY_SECONDS, MAX_RETRY_SECONDS))  # noqa: S311 - not a secret
        finally:
            self.execute(f"PRAGMA busy_timeout={int(self.busy_timeout * 1000)}")

    def commit(self) -> None:
        """Commit, and let the next writer have its turn."""
        super().commit()
        # Not where it failed: the transaction is still open, and its rollback is what ends it.
        self._end_turn()

    def rollback(self) -> None:
        """Roll back, and let the next writer have its turn."""
        try:
            super().rollback()
        finally:
            self._end_turn()

    def close(self) -> None:
        """Close, and let the next writer have its turn."""
        try:
            super().close()
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self.turns.release()
