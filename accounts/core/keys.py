"""The key ring: oldest first, the last signs."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from accounts.config import SettingsError

MIN_BYTES = 32
SAMPLES = ("changeme", "change-me", "secret", "example", "sample", "your-", "insecure", "dev", "test-key")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the ring. ``name`` is a fingerprint that may be shown; ``secret`` never is."""

    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Eight hexadecimal digits that tell keys apart without telling anything about them."""
        return self.derive("name").hex()[:8]

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one use, so that no use can be played against another (HMAC-SHA256 of a label)."""
        return hmac.digest(self.secret, b"accounts.key." + label.encode(), hashlib.sha256)


class KeyRing:
    """Keys that may verify, oldest first; the last one signs.

    :raises SettingsError: no key, a text where a list is due, a key under 32 bytes, a duplicate, a sample key.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        if isinstance(keys, str | bytes):
            raise SettingsError("secret keys must be a list, oldest first, not one text")
        texts = list(keys)
        if not texts:
            raise SettingsError("there is no secret key")
        for text in texts:
            _check(text)
        if len(set(texts)) != len(texts):
            raise SettingsError("a secret key stands in the ring twice")
        self._keys = tuple(Key(text.encode()) for text in texts)

    @property
    def signing(self) -> Key:
        """The key that signs from now on."""
        return self._keys[-1]

    def newest_first(self) -> Iterator[Key]:
        """Keys in the order in which a token should be tried."""
        return reversed(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _check(text: object) -> None:
    if not isinstance(text, str) or not text:
        raise SettingsError("a secret key is empty or not a text")
    if len(text.encode()) < MIN_BYTES:
        raise SettingsError(f"a secret key is shorter than {MIN_BYTES} bytes; make one with: accounts keys new")
    low = text.lower()
    if len(set(text)) < 10 or low.startswith(SAMPLES):
        raise SettingsError("a secret key looks like a sample, not like random text; make one: accounts keys new")


def new_key() -> str:
    """A fresh random key of 32 bytes, as text."""
    return secrets.token_urlsafe(32)


def load_or_create(path: Path) -> tuple[str, ...]:
    """Keys from the ring file (one a line, oldest first), made with mode 0600 when there is none.

    :raises SettingsError: the file cannot be read or written, or others may read it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path)
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path} can be read by others; run: chmod 600 {path}")
        lines = path.read_text(encoding="ascii").split()
    except OSError as wrong:
        raise SettingsError(f"cannot keep the key ring at {path}: {wrong.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"cannot keep the key ring at {path}: it is not text") from None
    return tuple(lines)


def _create(path: Path) -> None:
    # Written aside and linked into place: two first starts at once agree on one ring, and nobody reads half of it.
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(new_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
