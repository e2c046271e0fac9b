"""Keep connections to SQLite aside for statements that run outside of any transaction."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from sqlalchemy import PoolProxiedConnection, QueuePool

# SQLAlchemy names the log of a pool after its class, and keeps only those of its own classes this quiet.
logging.getLogger(__name__).setLevel(logging.WARNING)


class ReadingPool(QueuePool):
    """A pool that keeps readers beside its connections, for one statement at a time.

    There is nothing to reset after one, and a checkout with its reset costs more than a short read. Readers are not
    counted by the pool: whoever holds one of its connections may read all the same. They go with it when it is
    disposed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle_readers: list[PoolProxiedConnection] = []
        self._is_disposed = False

    def take_reader(self) -> PoolProxiedConnection:
        """Return a connection that nobody else uses; the caller gives it back, or closes it after an error.

        :raises sqlite3.Error: none is idle, and the database cannot be opened.
        """
        try:
            return self._idle_readers.pop()
        except IndexError:
            reader = self.connect()
            reader.detach()
            return reader

    def give_back(self, reader: PoolProxiedConnection) -> None:
        """Keep a reader for the next statement; no transaction and no cursor may be open on it."""
        self._idle_readers.append(reader)
        # Looked at afterwards: a pool that is disposed meanwhile has not seen this one.
        if self._is_disposed:
            self._close_readers()

    def dispose(self) -> None:
        """Close all connections that nobody uses, and each reader in use as soon as it is given back."""
        self._is_disposed = True
        self._close_readers()
        super().dispose()

    def _close_readers(self) -> None:
        with contextlib.suppress(IndexError):  # none is left; others may be closing them, too
            while True:
                self._idle_readers.pop().close()
