"""Compute slow hashes with a limit on their cost: a stored hash must never decide how long a sign-in may take.

A text that names a billion rounds would stop one core for hours with every try at its password. What is beyond the
limits is refused when it is imported, and checked again before it is computed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from accounts.config_password_hash import MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_WORK

PBKDF2_DIGESTS = ("sha1", "sha256", "sha512")
MIN_DIGEST_BYTES, MAX_DIGEST_BYTES = 16, 64
"""Bytes. A shorter digest would let a wrong password through now and then."""
MAX_PBKDF2_ITERATIONS = 3_000_000
MAX_SCRYPT_MEMORY_BYTES, MAX_SCRYPT_WORK = 128 * 1024 * 1024, 2**21
MAX_SCRYPT_EXPONENT = 20
MIN_BCRYPT_COST, MAX_BCRYPT_COST = 4, 15
MAX_ARGON2_LANES = 16
MAX_SHA_CRYPT_ROUNDS, MAX_PHPASS_EXPONENT = 700_000, 20
"""They are computed in Python: a second of one core, while other threads take turns with it."""
MAX_BCRYPT_PASSWORD_BYTES = 72
BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

BCRYPT_PATTERN = re.compile(r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53}", re.ASCII)
ARGON2_PATTERN = re.compile(
    r"\$argon2(?:id|i|d)\$(?:v=(?:16|19)\$)?m=(?P<memory>[0-9]{1,9}),t=(?P<passes>[0-9]{1,9}),p=(?P<lanes>[0-9]{1,9})"
    r"\$(?P<salt>[A-Za-z0-9+/]{10,86})\$(?P<digest>[A-Za-z0-9+/]{22,86})",
    re.ASCII,
)


class HashRefused(ValueError):
    """Raised for a hash that cannot be verified here. The text says why and never quotes it."""


@dataclass(frozen=True, slots=True)
class Pbkdf2:
    """A PBKDF2 hash (RFC 8018 5.2): ``digest`` is what the right password derives."""

    name: str
    iterations: int
    salt: bytes
    digest: bytes

    def __post_init__(self) -> None:
        if self.name not in PBKDF2_DIGESTS:
            raise HashRefused("PBKDF2 with another digest than SHA-1, SHA-256 or SHA-512")
        check_range("iterations", self.iterations, 1, MAX_PBKDF2_ITERATIONS)
        check_range("bytes of digest", len(self.digest), MIN_DIGEST_BYTES, MAX_DIGEST_BYTES)

    def matches(self, password: bytes) -> bool:
        """Return whether a password derives the digest."""
        derived = hashlib.pbkdf2_hmac(self.name, password, self.salt, self.iterations, len(self.digest))
        return hmac.compare_digest(derived, self.digest)


@dataclass(frozen=True, slots=True)
class Scrypt:
    """Parameters of scrypt (RFC 7914): ``n`` is the cost, ``r`` the block size, ``p`` the parallelization."""

    n: int
    r: int
    p: int
    salt: bytes

    def __post_init__(self) -> None:
        if self.n < 2 or self.n & (self.n - 1):
            raise HashRefused("the work factor of scrypt is no power of two")
        check_range("block size of scrypt", self.r, 1, 64)
        check_range("parallelism of scrypt", self.p, 1, 16)
        check_range("memory of scrypt", 128 * self.n * self.r, 0, MAX_SCRYPT_MEMORY_BYTES)
        check_range("work of scrypt", self.n * self.r * self.p, 0, MAX_SCRYPT_WORK)
        # RFC 7914 2: N is less than 2^(128 * r / 8). OpenSSL computes no other.
        check_range("work factor of scrypt", self.n, 2, 2 ** (16 * self.r) - 1)

    def derive(self, password: bytes, size: int) -> bytes:
        """Return what a password derives, ``size`` bytes."""
        memory = 128 * self.r * (self.n + self.p + 2) + 1024 * 1024
        return hashlib.scrypt(password, salt=self.salt, n=self.n, r=self.r, p=self.p, maxmem=memory, dklen=size)

    def matches(self, password: bytes, digest: bytes) -> bool:
        """Return whether a password derives the digest."""
        return hmac.compare_digest(self.derive(password, len(digest)), digest)


def check_bcrypt(text: str) -> None:
    """Check the spelling and the cost of a bcrypt hash.

    :raises HashRefused: not bcrypt of the kinds 2a, 2b or 2y, or of a cost beyond the limits.
    """
    match = BCRYPT_PATTERN.fullmatch(text)
    if match is None:
        raise HashRefused("not a bcrypt hash of the kinds 2a, 2b or 2y")
    check_range("cost of bcrypt", int(match["cost"]), MIN_BCRYPT_COST, MAX_BCRYPT_COST)


def verify_bcrypt(password: bytes, text: str) -> bool:
    """Return whether a password is the one of a bcrypt hash.

    bcrypt reads 72 bytes; whoever wrote the hash cut there, too. Some wrote nothing behind a NUL: a password that has
    one is never right, so that ``secret`` cannot be entered with anything behind it. It takes the same time.
    """
    readable = password.replace(b"\x00", b"")
    matches = bcrypt.checkpw(readable[:MAX_BCRYPT_PASSWORD_BYTES], _clear_padding_bits(text).encode())
    return matches and readable == password


def _clear_padding_bits(text: str) -> str:
    """Return a bcrypt hash as it is usually spelled.

    128 bits of salt and 184 of digest fill no whole number of characters. Some systems left what came to hand in the
    rest; the library calls such a salt invalid.
    """
    salt, digest = (BCRYPT_ALPHABET.index(text[index]) for index in (28, 59))
    return f"{text[:28]}{BCRYPT_ALPHABET[salt & ~15]}{text[29:59]}{BCRYPT_ALPHABET[digest & ~3]}"


def check_argon2(text: str) -> None:
    """Check the spelling and the cost of an argon2 hash.

    :raises HashRefused: not argon2 in its usual spelling, or of a cost beyond the limits.
    """
    match = ARGON2_PATTERN.fullmatch(text)
    # A stray bit at the end of a part and the library answers "wrong" without any work.
    if match is None or not all(_is_base64(match[part]) for part in ("salt", "digest")):
        raise HashRefused("not an argon2 hash in its usual spelling")
    memory, passes = int(match["memory"]), int(match["passes"])
    check_range("passes of argon2", passes, 1, MAX_ARGON2_WORK)
    check_range("lanes of argon2", int(match["lanes"]), 1, MAX_ARGON2_LANES)
    check_range("memory of argon2", memory, 8 * int(match["lanes"]), MAX_ARGON2_MEMORY_KIB)
    check_range("work of argon2", memory * passes, 0, MAX_ARGON2_WORK)


def verify_argon2(password: bytes, text: str) -> bool:
    """Return whether a password is the one of an argon2 hash of any kind."""
    try:
        return PasswordHasher().verify(text, password)
    except (VerificationError, InvalidHashError):
        return False


def _is_base64(text: str) -> bool:
    """Return whether a text is the one spelling of some bytes in base64 without padding."""
    try:
        return base64.b64encode(base64.b64decode(text + "=" * (-len(text) % 4))).decode().rstrip("=") == text
    except binascii.Error:
        return False


def check_range(label: str, value: int, minimum: int, maximum: int) -> None:
    """Check a number of a hash.

    :raises HashRefused: it is not within the limits.
    """
    if not minimum <= value <= maximum:
        raise HashRefused(f"{label}: {value} is {'over' if value > maximum else 'under'} what is computed here")
