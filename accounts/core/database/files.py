"""Keep the file of a SQLite database private, and notice where it is not the one that was opened any more."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from pathlib import Path

log = logging.getLogger("accounts.store")
PRIVATE_MODE = 0o600
COMPANION_SUFFIXES = ("", "-wal", "-shm")
"""Of the file and of those that SQLite keeps beside it, which hold the same secrets."""


class DatabaseReplaced(sqlite3.OperationalError):
    """The file of the database was deleted or replaced while it was in use.

    What is written to a deleted file is acknowledged and gone at the next start; it must not be written.
    """


class DatabaseFile:
    """The file of one SQLite database, watched from its first use on.

    :param path: its absolute path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity: tuple[int, int] | None = None
        self._has_complained = False

    def prepare(self) -> None:
        """Make the file where there is none, and see to it that only its owner can read it, before it is opened.

        SQLite would make it as the umask says, mostly readable by everybody, and its companions alike.

        :raises DatabaseReplaced: another file was opened here before.
        """
        if self._identity is not None:
            self.check()
            return
        try:
            # The target of a link, which may not be there yet. Never opened where it is there: to close it would end
            # all locks that SQLite holds on it in this process.
            target = self.path.resolve()
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_MODE))
        except OSError:
            pass  # It is there, or SQLite is about to tell why it cannot be.
        for suffix in COMPANION_SUFFIXES:
            self._restrict(Path(f"{self.path}{suffix}"))

    def remember(self) -> None:
        """Remember which file it is, once it was opened."""
        if self._identity is None:
            self._identity = self._find_identity()

    def check(self) -> None:
        """Check that the path still leads to the file that was opened; one ``stat``.

        :raises DatabaseReplaced: it does not.
        """
        if self._identity is None or self._find_identity() == self._identity:
            self._has_complained = False
            return
        message = f"the database file {self.path} was deleted or replaced while it was in use"
        if not self._has_complained:
            self._has_complained = True
            log.error("%s: nothing is written until it is back, or all processes are started anew", message)
        raise DatabaseReplaced(message)

    def _find_identity(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @staticmethod
    def _restrict(path: Path) -> None:
        try:
            mode = path.stat().st_mode
            if not stat.S_ISREG(mode) or not mode & 0o077:
                return
            path.chmod(PRIVATE_MODE)
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("%s can be read by others, and that cannot be changed: %s", path, error.strerror)
        else:
            log.info("%s could be read by others (mode %o); its mode is 600 now", path, mode & 0o777)
