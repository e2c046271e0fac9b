"""Secrets that have to be read again, such as private keys: encrypted with keys derived from the ring."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from accounts.core.signing.keys import Key, KeyRing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class DecryptionFailed(Exception):
    """No key of the ring opens this for this use. The text never quotes what was sealed."""


def encrypt(ring: KeyRing, purpose: str, text: str) -> str:
    """Encrypt a text (AES-256-GCM) under the key that signs now. What is sealed for one use opens for no other."""
    key, nonce = ring.signing, os.urandom(NONCE_BYTES)
    return (
        f"{key.name}.{urlsafe_b64encode(nonce + _cipher(key, purpose).encrypt(nonce, text.encode(), None)).decode()}"
    )


def decrypt(ring: KeyRing, purpose: str, encrypted: str) -> str:
    """The text again.

    :raises Unsealable: sealed under a key that has left the ring, for another use, or changed since.
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
    """Whether it stands under an older key than the one that signs now: seal it anew before that key is dropped."""
    return encrypted.partition(".")[0] != ring.signing.name


def _cipher(key: Key, purpose: str) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key.derive(f"seal|{purpose}"))
