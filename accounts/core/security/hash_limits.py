"""Slow hash functions with a bound on their cost: a stored hash must never decide how long a sign-in may take.

A text that names a billion rounds would stop one core for hours with every try at its password. What is over these
bounds is refused when it is brought in, and looked at again before it is computed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

DIGESTS = ("sha1", "sha256", "sha512")
MIN_DIGEST, MAX_DIGEST = 16, 64
"""Bytes. A shorter digest would let a wrong password through now and then."""
MAX_ITERATIONS = 3_000_000
MAX_SCRYPT_MEMORY, MAX_SCRYPT_WORK = 128 * 1024 * 1024, 2**21
MIN_BCRYPT_COST, MAX_BCRYPT_COST = 4, 15
MAX_ARGON2_MEMORY, MAX_ARGON2_WORK, MAX_ARGON2_LANES = 2**18, 2**20, 16
"""Memory in KiB; work is memory times passes."""
BCRYPT_BYTES = 72
BCRYPT_LETTERS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53}", re.ASCII)
ARGON2 = re.compile(
    r"\$argon2(?:id|i|d)\$(?:v=(?:16|19)\$)?m=(?P<memory>[0-9]{1,9}),t=(?P<passes>[0-9]{1,9}),p=(?P<lanes>[0-9]{1,9})"
    r"\$[A-Za-z0-9+/]{10,86}\$(?P<digest>[A-Za-z0-9+/]{22,86})",
    re.ASCII,
)


class HashRefused(ValueError):
    """Not a hash that can be verified here. The text says why and never quotes it."""


@dataclass(frozen=True, slots=True)
class Pbkdf2:
    """PBKDF2 (RFC 8018 5.2): ``digest`` is what the right password comes to."""

    name: str
    iterations: int
    salt: bytes
    digest: bytes

    def __post_init__(self) -> None:
        if self.name not in DIGESTS:
            raise HashRefused("PBKDF2 with another digest than SHA-1, SHA-256 or SHA-512")
        _within("iterations", self.iterations, 1, MAX_ITERATIONS)
        _within("bytes of digest", len(self.digest), MIN_DIGEST, MAX_DIGEST)

    def matches(self, password: bytes) -> bool:
        """Whether the password comes to the digest."""
        found = hashlib.pbkdf2_hmac(self.name, password, self.salt, self.iterations, len(self.digest))
        return hmac.compare_digest(found, self.digest)


@dataclass(frozen=True, slots=True)
class Scrypt:
    """scrypt (RFC 7914): ``n`` is the work factor, ``r`` the block size, ``p`` the parallelism."""

    n: int
    r: int
    p: int
    salt: bytes

    def __post_init__(self) -> None:
        if self.n < 2 or self.n & (self.n - 1):
            raise HashRefused("the work factor of scrypt is no power of two")
        _within("block size of scrypt", self.r, 1, 64)
        _within("parallelism of scrypt", self.p, 1, 16)
        _within("memory of scrypt", 128 * self.n * self.r, 0, MAX_SCRYPT_MEMORY)
        _within("work of scrypt", self.n * self.r * self.p, 0, MAX_SCRYPT_WORK)

    def derive(self, password: bytes, size: int) -> bytes:
        """What the password comes to, in so many bytes."""
        memory = 128 * self.r * (self.n + self.p + 2) + 1024 * 1024
        return hashlib.scrypt(password, salt=self.salt, n=self.n, r=self.r, p=self.p, maxmem=memory, dklen=size)

    def matches(self, password: bytes, digest: bytes) -> bool:
        """Whether the password comes to the digest."""
        return hmac.compare_digest(self.derive(password, len(digest)), digest)


def check_bcrypt(text: str) -> None:
    """:raises HashRefused: not bcrypt of the kinds 2a, 2b or 2y, or of a cost beyond the bounds."""
    found = BCRYPT.fullmatch(text)
    if found is None:
        raise HashRefused("not a bcrypt hash of the kinds 2a, 2b or 2y")
    _within("cost of bcrypt", int(found["cost"]), MIN_BCRYPT_COST, MAX_BCRYPT_COST)


def bcrypt_matches(password: bytes, text: str) -> bool:
    """Whether a password is the one of a bcrypt hash.

    bcrypt reads 72 bytes; whoever wrote the hash cut there, too. Some wrote nothing behind a NUL: a password that has
    one is never right, so that ``secret`` cannot be said with anything behind it.
    """
    return b"\x00" not in password and bcrypt.checkpw(password[:BCRYPT_BYTES], _without_rest(text).encode())


def _without_rest(text: str) -> str:
    """A bcrypt hash as it is usually spelled.

    128 bits of salt and 184 of digest fill no whole number of letters. Some systems left what came to hand in the
    rest; the library calls such a salt invalid.
    """
    salt, digest = (BCRYPT_LETTERS.index(text[place]) for place in (28, 59))
    return f"{text[:28]}{BCRYPT_LETTERS[salt & ~15]}{text[29:59]}{BCRYPT_LETTERS[digest & ~3]}"


def check_argon2(text: str) -> None:
    """:raises HashRefused: not argon2 in its usual spelling, or of a cost beyond the bounds."""
    found = ARGON2.fullmatch(text)
    if found is None:
        raise HashRefused("not an argon2 hash in its usual spelling")
    memory, passes = int(found["memory"]), int(found["passes"])
    _within("passes of argon2", passes, 1, MAX_ARGON2_WORK)
    _within("lanes of argon2", int(found["lanes"]), 1, MAX_ARGON2_LANES)
    _within("memory of argon2", memory, 8 * int(found["lanes"]), MAX_ARGON2_MEMORY)
    _within("work of argon2", memory * passes, 0, MAX_ARGON2_WORK)


def argon2_matches(password: bytes, text: str) -> bool:
    """Whether a password is the one of an argon2 hash of any kind."""
    try:
        return PasswordHasher().verify(text, password)
    except (VerificationError, InvalidHashError):
        return False


def _within(what: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise HashRefused(f"{what}: {value} is {'over' if value > most else 'under'} what is computed here")
