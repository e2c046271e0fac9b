"""Take the text of a stored hash apart: its parts, numbers, and bytes in the alphabets of base64 that hashes use."""

from __future__ import annotations

import base64
import binascii
import re

from accounts.core.security.hash_limits import MAX_DIGEST_BYTES, MIN_DIGEST_BYTES, HashRefused

CRYPT_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""The 64 characters of crypt(3), by their value. Six bits each, the lowest ones first."""


def split_parts(text: str, separator: str, count: int) -> list[str]:
    """Return the parts of a text.

    :raises HashRefused: there are more or fewer than ``count``.
    """
    parts = text.split(separator)
    if len(parts) != count:
        raise HashRefused("the hash is cut, or has parts too many")
    return parts


def parse_number(text: str) -> int:
    """Return a number of at most nine digits.

    :raises HashRefused: it is none.
    """
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII):
        raise HashRefused("a number of the hash is none")
    return int(text)


def check_digest(digest: bytes) -> bytes:
    """Return a digest that is long enough to tell passwords apart.

    :raises HashRefused: it is shorter, or longer than any that is known.
    """
    if not MIN_DIGEST_BYTES <= len(digest) <= MAX_DIGEST_BYTES:
        raise HashRefused("the digest is too short or too long")
    return digest


def decode_base64(text: str) -> bytes:
    """Return the bytes of base64 in either alphabet (Firebase writes both), with or without the signs at its end.

    :raises HashRefused: it is not base64.
    """
    try:
        plain = text.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise HashRefused("a part of the hash is not base64") from None


def decode_passlib_base64(text: str) -> bytes:
    """Return the bytes of passlib's base64: "." for "+", and nothing at the end.

    :raises HashRefused: it is not base64.
    """
    return decode_base64(text.replace(".", "+"))


def decode_hexadecimal(text: str) -> bytes:
    """Return the bytes of hexadecimal digits.

    :raises HashRefused: a digit is none.
    """
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise HashRefused("a part of the hash is not hexadecimal") from None


def encode_crypt_base64(data: bytes) -> str:
    """Return bytes in the alphabet of crypt(3): three bytes, the first one lowest, are four characters."""
    characters = []
    for start in range(0, len(data), 3):
        group = data[start : start + 3]
        value = int.from_bytes(group, "little")
        characters += [CRYPT_ALPHABET[value >> 6 * index & 63] for index in range(len(group) + 1)]
    return "".join(characters)
