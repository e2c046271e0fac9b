"""Parse hashes that frameworks spell their own way: Django, Werkzeug, Firebase, WordPress, ASP.NET Identity."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from accounts.core.security.crypt_hashes import Phpass
from accounts.core.security.foreign_hash import FIREBASE, SETTING_OF_SYSTEM, ForeignHash
from accounts.core.security.hash_limits import (
    MAX_SCRYPT_EXPONENT,
    MIN_DIGEST_BYTES,
    PBKDF2_DIGESTS,
    HashRefused,
    Pbkdf2,
    Scrypt,
    check_argon2,
    check_bcrypt,
    verify_argon2,
    verify_bcrypt,
)
from accounts.core.security.hash_parts import (
    check_digest,
    decode_base64,
    decode_hexadecimal,
    parse_number,
    split_parts,
)


def parse_django(text: str) -> ForeignHash:
    """Parse what ``django.contrib.auth.hashers`` writes.

    :raises HashRefused: malformed, or beyond the limits of cost.
    """
    name, _, rest = text.partition("$")
    kind = f"Django {name}"
    if name.startswith("pbkdf2"):
        iterations, salt, digest = split_parts(rest, "$", 3)
        hashed = Pbkdf2(name.removeprefix("pbkdf2_"), parse_number(iterations), salt.encode(), decode_base64(digest))
        return ForeignHash(kind, lambda password, _: hashed.matches(password.encode()))
    if name == "scrypt":
        n, salt, r, p, digest = split_parts(rest, "$", 5)
        scrypt, expected = (
            Scrypt(parse_number(n), parse_number(r), parse_number(p), salt.encode()),
            check_digest(decode_base64(digest)),
        )
        return ForeignHash(kind, lambda password, _: scrypt.matches(password.encode(), expected))
    if name == "argon2":
        check_argon2("$" + rest)
        return ForeignHash(kind, lambda password, _: verify_argon2(password.encode(), "$" + rest))
    check_bcrypt(rest)
    if name == "bcrypt":
        return ForeignHash(kind, lambda password, _: verify_bcrypt(password.encode(), rest))
    # The hexadecimal SHA-256 stands in for the password, so that all of it counts.
    return ForeignHash(
        kind, lambda password, _: verify_bcrypt(hashlib.sha256(password.encode()).hexdigest().encode(), rest)
    )


def parse_werkzeug(text: str) -> ForeignHash:
    """Parse what ``werkzeug.security.generate_password_hash`` writes.

    :raises HashRefused: malformed, or beyond the limits of cost.
    """
    method, salt, digest = split_parts(text, "$", 3)
    name, *numbers = method.split(":")
    expected = check_digest(decode_hexadecimal(digest))
    if name == "scrypt":
        n, r, p = split_parts(":".join(numbers), ":", 3)
        scrypt = Scrypt(parse_number(n), parse_number(r), parse_number(p), salt.encode())
        return ForeignHash("Werkzeug scrypt", lambda password, _: scrypt.matches(password.encode(), expected))
    # Without its iterations the text means whatever the default of one Werkzeug version was: nobody can tell which.
    digest_name, iterations = split_parts(":".join(numbers), ":", 2)
    hashed = Pbkdf2(digest_name, parse_number(iterations), salt.encode(), expected)
    return ForeignHash(f"Werkzeug pbkdf2:{digest_name}", lambda password, _: hashed.matches(password.encode()))


def parse_firebase(text: str) -> ForeignHash:
    """Parse Firebase's scrypt: a key is derived, it encrypts the signer key of the project, and that is the hash.

    :raises HashRefused: malformed, or beyond the limits of cost.
    """
    _, memory, rounds, separator, salt, digest = split_parts(text, "$", 6)
    exponent = parse_number(memory)
    if exponent > MAX_SCRYPT_EXPONENT:
        raise HashRefused("the memory cost of Firebase scrypt is over what is computed here")
    scrypt = Scrypt(2**exponent, parse_number(rounds), 1, decode_base64(salt) + decode_base64(separator))
    expected = decode_base64(digest)
    if len(expected) < MIN_DIGEST_BYTES:
        raise HashRefused("the hash is cut short")

    def check(password: str, signer_key: str) -> bool:
        # On first use: it takes 20 ms and 5 MiB, and no other hash needs it.
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        key = scrypt.derive(password.encode(), 64)[:32]
        cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
        return hmac.compare_digest(cipher.update(decode_base64(signer_key)), expected)

    return ForeignHash("Firebase scrypt", check, SETTING_OF_SYSTEM[FIREBASE])


def parse_phpass(text: str) -> ForeignHash:
    """Parse the portable hashes of phpass.

    :raises HashRefused: malformed, or beyond the limits of cost.
    """
    hashed = Phpass.parse(text)
    return ForeignHash("phpass", lambda password, _: _any_spelling(password, lambda it: hashed.matches(it.encode())))


def parse_wordpress(text: str) -> ForeignHash:
    """Parse what WordPress writes since 6.8.

    :raises HashRefused: malformed, or beyond the limits of cost.
    """
    # Since 6.8: bcrypt of an HMAC, so that bcrypt reads all of the password (wp_hash_password in wp-includes).
    inner = text.removeprefix("$wp")
    check_bcrypt(inner)

    def check(password: str) -> bool:
        keyed = base64.b64encode(hmac.digest(b"wp-sha384", password.encode(), "sha384"))
        return verify_bcrypt(keyed, inner)

    return ForeignHash("WordPress bcrypt", lambda password, _: _any_spelling(password, check))


def _any_spelling(password: str, check: Callable[[str], bool]) -> bool:
    """Return whether a password is right as typed, or without the blanks around it: WordPress takes them off."""
    return any(check(each) for each in dict.fromkeys((password, password.strip(" \n\r\t\v\0"))))


def parse_aspnet(text: str) -> ForeignHash:
    """Parse ASP.NET Identity's bytes (PasswordHasher.cs): version 3 says digest, iterations and size of the salt.

    :raises HashRefused: malformed, or beyond the limits of cost.
    """
    data = decode_base64(text)
    if data[0] == 0:
        if len(data) != 49:
            raise HashRefused("the hash is cut, or has parts too many")
        hashed = Pbkdf2("sha1", 1000, data[1:17], data[17:])
        return ForeignHash("ASP.NET Identity v2", lambda password, _: hashed.matches(password.encode()))
    kind, iterations, salt_bytes = (int.from_bytes(data[start : start + 4], "big") for start in (1, 5, 9))
    if kind >= len(PBKDF2_DIGESTS) or len(data) < 13 + salt_bytes:
        raise HashRefused("the hash is cut, or of a digest that is not known")
    hashed = Pbkdf2(PBKDF2_DIGESTS[kind], iterations, data[13 : 13 + salt_bytes], data[13 + salt_bytes :])
    return ForeignHash("ASP.NET Identity v3", lambda password, _: hashed.matches(password.encode()))
