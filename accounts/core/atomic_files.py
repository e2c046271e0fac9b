"""Write files that appear whole or not at all, readable by their owner alone from the first byte on.

What is written goes to a file beside the target until all of it is on the disk. A file that a crash has cut short
would look like a whole one to whoever needs it months later.
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

ABANDONED_AFTER_SECONDS = 12 * 3600
"""Seconds after which an unfinished file that nobody writes to was left by a process that was killed."""


@contextmanager
def open_atomic(path: Path) -> Iterator[TextIO]:
    """Open a text file that takes the place of ``path`` when the block ends without an error.

    What is no regular file (a pipe, ``/dev/stdout``) is written to directly.

    :raises OSError: it cannot be written; an older file is as it was.
    """
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="") as out:
            yield out
        return
    with replace_atomically(path) as part, part.open("w", encoding="utf-8", newline="") as out:
        yield out


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Yield an empty file that takes the place of ``path`` when the block ends, and is removed on an error.

    :raises OSError: it cannot be written, or ``path`` is no regular file.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    _delete_abandoned_parts(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield part
        _fsync(part)
        part.replace(path)
        with suppress(OSError):  # not every file system lets a folder be flushed
            _fsync(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _delete_abandoned_parts(path: Path) -> None:
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - ABANDONED_AFTER_SECONDS:
                part.unlink()


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
