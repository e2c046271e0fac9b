"""Encrypt secrets that have to be read again, such as private keys, with keys derived from the ring."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from accounts.core.signing.keys import Key, KeyRing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class DecryptionFailed(Exception):
    """Raised where no key of the ring decrypts a text for a purpose. The message never quotes it."""


def encrypt(ring: KeyRing, purpose: str, text: str) -> str:
    """Encrypt a text (AES-256-GCM) under the key that signs now, for one purpose."""
    key, nonce = ring.signing, os.urandom(NONCE_BYTES)
    return (
        f"{key.name}.{urlsafe_b64encode(nonce + _cipher(key, purpose).encrypt(nonce, text.encode(), None)).decode()}"
    )


def decrypt(ring: KeyRing, purpose: str, encrypted: str) -> str:
    """Decrypt a text.

    :raises DecryptionFailed: encrypted under a key that has left the ring, for another purpose, or changed since.
    """
    from cryptography.exceptions import InvalidTag

    name, _, body = encrypted.partition(".")
    for key in ring.newest_first():
        if key.name != name:
            continue
        try:
            raw = urlsafe_b64decode(body)
            return _cipher(key, purpose).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], None).decode()
        except (InvalidTag, ValueError):
            raise DecryptionFailed("changed, or sealed for another use") from None
    raise DecryptionFailed(f"its key {name[:8]} is not in the ring")


def needs_reencryption(ring: KeyRing, encrypted: str) -> bool:
    """Return whether a text is encrypted under an older key than the one that signs now."""
    return encrypted.partition(".")[0] != ring.signing.name


def _cipher(key: Key, purpose: str) -> AESGCM:
    # On first use: it takes 20 ms and 5 MiB, and an installation without other apps encrypts nothing.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key.derive(f"seal|{purpose}"))
