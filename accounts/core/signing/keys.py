"""Hold the key ring: oldest first, the newest whose time has come signs."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from accounts.config_sources import SettingsError
from accounts.core.clock import now

MIN_KEY_BYTES = 32
SAMPLE_KEY_PREFIXES = ("changeme", "change-me", "secret", "example", "sample", "your-", "insecure", "dev", "test-key")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the ring. ``name`` is a fingerprint that may be shown; ``secret`` never is."""

    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Eight hexadecimal digits that tell keys apart without telling anything about them."""
        return self.derive("name").hex()[:8]

    def derive(self, label: str) -> bytes:
        """Return a 32-byte key for one use, so that no use can be played against another (HMAC-SHA256 of a label)."""
        return hmac.digest(self.secret, b"accounts.key." + label.encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class RingEntry:
    """A key at its place in the ring.

    :ivar signs_from: from when on it signs, in seconds since 1970; 0 is always.
    """

    key: Key
    signs_from: int = 0


class KeyRing:
    """Keys that verify, oldest first; of those whose time to sign has come, the last one signs.

    :raises SettingsError: no key, a text where a list is due, a key under 32 bytes, a duplicate, a sample key.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        if isinstance(keys, str | bytes):
            raise SettingsError("secret keys must be a list, oldest first, not one text")
        self._entries = build_entries((text, 0) for text in keys)

    @property
    def entries(self) -> tuple[RingEntry, ...]:
        """The keys at their places, oldest first."""
        return self._entries

    @property
    def place(self) -> str:
        """Where the keys come from, for messages to the operator."""
        return "ACCOUNTS_SECRET_KEYS"

    @property
    def signing(self) -> Key:
        """The key that signs now. Read it once for one token: the next moment it may be another."""
        return signing_entry(self.entries).key

    def newest_first(self) -> Iterator[Key]:
        """Yield keys in the order in which a token should be tried."""
        for entry in reversed(self.entries):
            yield entry.key

    def retired(self) -> tuple[Key, ...]:
        """Return keys that were dropped and are still known: they explain invalid links, and verify nothing."""
        return ()

    def __len__(self) -> int:
        return len(self.entries)


def signing_entry(entries: Sequence[RingEntry]) -> RingEntry:
    """Return the entry that signs now: the newest whose time has come; the oldest, where none has."""
    moment = now().timestamp()
    return next((entry for entry in reversed(entries) if entry.signs_from <= moment), entries[0])


def build_entries(keys: Iterable[tuple[str, int]]) -> tuple[RingEntry, ...]:
    """Return keys, each with the seconds since 1970 from when on it signs, as the entries of a ring.

    :raises SettingsError: there is none, one of them may not be used, or one stands there twice.
    """
    pairs = list(keys)
    if not pairs:
        raise SettingsError("there is no secret key")
    for secret, _ in pairs:
        _check_secret(secret)
    if len({secret for secret, _ in pairs}) != len(pairs):
        raise SettingsError("a secret key stands in the ring twice")
    return tuple(RingEntry(Key(secret.encode()), signs_from) for secret, signs_from in pairs)


def _check_secret(secret: object) -> None:
    if not isinstance(secret, str) or not secret:
        raise SettingsError("a secret key is empty or not a text")
    if len(secret.encode()) < MIN_KEY_BYTES:
        raise SettingsError(f"a secret key is shorter than {MIN_KEY_BYTES} bytes; make one: accounts keys generate")
    lowered = secret.lower()
    if len(set(secret)) < 10 or lowered.startswith(SAMPLE_KEY_PREFIXES):
        raise SettingsError("a secret key looks like a sample, not like random; make one: accounts keys generate")


def new_key() -> str:
    """Return a fresh random key of 32 bytes, as text."""
    return secrets.token_urlsafe(32)


def load_or_create_key_file(path: Path) -> tuple[str, ...]:
    """Return the lines of the ring file, oldest key first; made with mode 0600 and one key when there is none.

    :raises SettingsError: the file cannot be read or written, or others may read it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create_key_file(path)
    except OSError as error:
        raise SettingsError(f"cannot keep the key ring at {path}: {error.strerror}") from None
    return read_key_file(path)[0]


def read_key_file(path: Path) -> tuple[tuple[str, ...], os.stat_result]:
    """Return the lines of a file of keys, without empty ones, and the ``stat`` of the file they were read from.

    :raises SettingsError: it cannot be read, or others may read it, too.
    """
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            if state.st_mode & 0o077:
                raise SettingsError(f"{path} can be read by others; run: chmod 600 {path}")
            text = file.read().decode("ascii")
    except OSError as error:
        raise SettingsError(f"cannot keep the key ring at {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"cannot keep the key ring at {path}: it is not text") from None
    return tuple(stripped for line in text.splitlines() if (stripped := line.strip())), state


def write_draft(path: Path, lines: Iterable[str]) -> Path:
    """Write a draft beside ``path`` that only its owner can read, synced to the disk, and return its path."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _create_key_file(path: Path) -> None:
    # Written aside and linked into place: two first starts at once agree on one ring, and nobody reads half of it.
    if path.exists():
        return
    draft = write_draft(path, [new_key()])
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
