"""Compute what crypt(3), phpass and LDAP servers store: Python's own library has no more than the digests in it.

passlib and its fork libpass have all of them, under one import name: a host app may have the one or the other, and of
two in one environment the one that is installed last overwrites the first.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from accounts.core.security.hash_limits import (
    MAX_PHPASS_EXPONENT,
    MAX_SHA_CRYPT_ROUNDS,
    HashRefused,
    check_range,
)
from accounts.core.security.hash_parts import CRYPT_ALPHABET, decode_base64, encode_crypt_base64

SHA_CRYPT_PATTERN = re.compile(
    r"\$(?P<kind>[56])\$(?:rounds=(?P<rounds>[1-9][0-9]{0,8})\$)?(?P<salt>[^$:\n]{0,16})\$(?P<digest>[./0-9A-Za-z]+)",
    re.ASCII,
)
DEFAULT_SHA_CRYPT_ROUNDS, MIN_SHA_CRYPT_ROUNDS = 5000, 1000
SHA_CRYPT_DIGESTS = {"5": ("sha256", 43), "6": ("sha512", 86)}
"""By the number of the kind: the digest, and the characters that it is written with."""
PHPASS_PATTERN = re.compile(
    r"\$[PH]\$(?P<exponent>[./0-9A-Za-z])(?P<salt>.{8})(?P<digest>[./0-9A-Za-z]{22})", re.ASCII
)
MIN_PHPASS_EXPONENT = 7
SALTED_SHA_DIGESTS = {
    "SSHA": ("sha1", 20),
    "SSHA256": ("sha256", 32),
    "SSHA384": ("sha384", 48),
    "SSHA512": ("sha512", 64),
}
"""By the name in braces (RFC 2307 5.3): the digest, and its bytes. The salt stands behind it."""


@dataclass(frozen=True, slots=True)
class ShaCrypt:
    """SHA-crypt, as crypt(3) writes it for ``$5$`` and ``$6$`` (Ulrich Drepper, "Unix crypt using SHA")."""

    name: str
    rounds: int
    salt: bytes
    digest: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> ShaCrypt:
        """Parse a stored hash.

        :raises HashRefused: malformed, or of more rounds than are computed here.
        """
        match = SHA_CRYPT_PATTERN.fullmatch(text)
        if match is None or len(match["digest"]) != SHA_CRYPT_DIGESTS[match["kind"]][1]:
            raise HashRefused("not SHA-crypt in its usual spelling, or cut")
        rounds = int(match["rounds"] or DEFAULT_SHA_CRYPT_ROUNDS)
        check_range("rounds of SHA-crypt", rounds, MIN_SHA_CRYPT_ROUNDS, MAX_SHA_CRYPT_ROUNDS)
        return cls(SHA_CRYPT_DIGESTS[match["kind"]][0], rounds, match["salt"].encode(), match["digest"])

    def matches(self, password: bytes) -> bool:
        """Return whether a password comes to the digest."""
        derived = encode_crypt_base64(_reorder(self._derive(password)))
        return hmac.compare_digest(derived, self.digest)

    def _derive(self, password: bytes) -> bytes:
        new = getattr(hashlib, self.name)
        between = new(password + self.salt + password).digest()
        first = new(password + self.salt + _repeat(between, len(password)))
        bits = len(password)
        while bits:
            first.update(between if bits & 1 else password)
            bits >>= 1
        digest: bytes = first.digest()
        long_password = _repeat(new(password * len(password)).digest(), len(password))
        long_salt = _repeat(new(self.salt * (16 + digest[0])).digest(), len(self.salt))
        # The two sides of the digest by the number of the round: it repeats after 2 x 3 x 7.
        sides = [_round_sides(number, long_password, long_salt) for number in range(42)]
        for number in range(self.rounds):
            before, behind = sides[number % 42]
            digest = new(before + digest + behind).digest()
        return digest


@dataclass(frozen=True, slots=True)
class Phpass:
    """phpass, the portable hashes (https://www.openwall.com/phpass/) of WordPress before 6.8 and of phpBB 3."""

    exponent: int
    salt: bytes
    digest: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Phpass:
        """Parse a stored hash.

        :raises HashRefused: malformed, or of more rounds than are computed here.
        """
        match = PHPASS_PATTERN.fullmatch(text)
        if match is None:
            raise HashRefused("not a phpass hash, or cut")
        exponent = CRYPT_ALPHABET.index(match["exponent"])
        check_range("exponent of phpass", exponent, MIN_PHPASS_EXPONENT, MAX_PHPASS_EXPONENT)
        return cls(exponent, match["salt"].encode(), match["digest"])

    def matches(self, password: bytes) -> bool:
        """Return whether a password comes to the digest."""
        digest = hashlib.md5(self.salt + password, usedforsecurity=False).digest()
        for _ in range(1 << self.exponent):
            digest = hashlib.md5(digest + password, usedforsecurity=False).digest()
        return hmac.compare_digest(encode_crypt_base64(digest), self.digest)


def parse_salted_sha(name: str, text: str) -> Callable[[bytes], bool]:
    """Parse what stands behind a name in braces, such as ``{SSHA}``; return what tells whether a password is right.

    :raises HashRefused: malformed, or without a salt.
    """
    digest_name, size = SALTED_SHA_DIGESTS[name]
    decoded = decode_base64(text)
    if len(decoded) <= size:
        raise HashRefused("the hash is cut, or has no salt")
    digest, salt = decoded[:size], decoded[size:]
    return lambda password: hmac.compare_digest(
        hashlib.new(digest_name, password + salt, usedforsecurity=False).digest(), digest
    )


def _repeat(digest: bytes, size: int) -> bytes:
    return (digest * (size // len(digest) + 1))[:size]


def _round_sides(number: int, password: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Return what stands before the digest in a round, and what stands behind it."""
    middle = (salt if number % 3 else b"") + (password if number % 7 else b"")
    return (b"", middle + password) if number % 2 == 0 else (password + middle, b"")


def _reorder(digest: bytes) -> bytes:
    """Return the bytes of a digest in the order in which SHA-crypt writes them."""
    third = len(digest) // 3
    rows = [[digest[index + row * third] for row in range(3)] for index in range(third)]
    # Of three bytes another one comes first with each step, by turns to the left or to the right.
    step = 1 if len(digest) == 64 else 2
    ordered = [row[index * step % 3 :] + row[: index * step % 3] for index, row in enumerate(rows)]
    rest = digest[third * 3 :]
    return bytes(byte for row in ordered for byte in reversed(row)) + rest
