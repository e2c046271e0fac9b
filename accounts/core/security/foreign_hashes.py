"""Verify password hashes of other systems: recognised by their spelling, and replaced at the next sign-in.

Where the spelling of a system says all there is to know, the text is kept as it came. Where it does not (a pepper, a
digest before the hash), the name of the system stands in front: ``devise$2a$...``, ``flask-security$argon2id$...``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable

from accounts.core.security import framework_hashes
from accounts.core.security.crypt_hashes import SALTED_SHA_DIGESTS, ShaCrypt, parse_salted_sha
from accounts.core.security.foreign_hash import (
    DEVISE,
    FIREBASE,
    FLASK_SECURITY,
    SETTING_OF_SYSTEM,
    ForeignHash,
    ForeignSecrets,
)
from accounts.core.security.hash_limits import (
    MAX_BCRYPT_PASSWORD_BYTES,
    MAX_SCRYPT_EXPONENT,
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
    decode_passlib_base64,
    parse_number,
    split_parts,
)

__all__ = [
    "DEVISE",
    "FIREBASE",
    "FLASK_SECURITY",
    "SETTING_OF_SYSTEM",
    "ForeignHash",
    "ForeignSecrets",
    "find_hash_format",
    "is_own_hash",
    "parse_hash",
]

SCHEMES_OF_CRYPT = frozenset({
    "BCRYPT", "BLF-CRYPT", "CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "ARGON2", "ARGON2I", "ARGON2ID"
})  # fmt: skip
"""Names in braces behind which a hash stands as crypt(3) writes it."""
MAX_HASH_CHARACTERS = 255
"""The width of the column."""


def parse_hash(text: str) -> ForeignHash:
    """Parse a hash by its spelling.

    :raises HashRefused: no format that is known here, malformed, or beyond the limits of cost.
    """
    if len(text) > MAX_HASH_CHARACTERS:
        raise HashRefused(f"longer than {MAX_HASH_CHARACTERS} characters")
    for pattern, parse_format in HASH_FORMATS:
        if pattern.match(text):
            return parse_format(text)
    raise HashRefused("no hash format that is known here")


def find_hash_format(text: str) -> ForeignHash | None:
    """Parse a stored hash at sign-in, where nothing may be raised; None where it cannot be verified."""
    try:
        return parse_hash(text)
    except HashRefused:
        return None


def _parse_bcrypt(text: str) -> ForeignHash:
    check_bcrypt(text)
    return ForeignHash(f"bcrypt {text[1:3]}", lambda password, _: verify_bcrypt(password.encode(), text))


def _parse_argon2(text: str) -> ForeignHash:
    check_argon2(text)
    return ForeignHash(text[1:].partition("$")[0], lambda password, _: verify_argon2(password.encode(), text))


def _parse_passlib_pbkdf2(text: str) -> ForeignHash:
    # passlib's spelling, with its own base64: "." for "+", nothing at the end. Keycloak's are brought into it.
    _, name, iterations, salt, digest = split_parts(text, "$", 5)
    name = name.removeprefix("pbkdf2-") if name != "pbkdf2" else "sha1"
    hashed = Pbkdf2(name, parse_number(iterations), decode_passlib_base64(salt), decode_passlib_base64(digest))
    return ForeignHash(f"pbkdf2-{name}", lambda password, _: hashed.matches(password.encode()))


def _parse_devise(text: str) -> ForeignHash:
    inner = text.removeprefix(DEVISE)
    check_bcrypt(inner)
    return ForeignHash(
        "Devise bcrypt with pepper",
        lambda password, pepper: verify_bcrypt((password + pepper).encode(), inner),
        SETTING_OF_SYSTEM[DEVISE],
    )


def _parse_flask_security(text: str) -> ForeignHash:
    # What is hashed is the HMAC of the password, in base64, after normalising to NFKD, as that library does.
    inner = text.removeprefix(FLASK_SECURITY)
    hashed = parse_hash(inner)
    is_bcrypt = inner.startswith("$2")

    def check(password: str, salt: str) -> bool:
        normalized = unicodedata.normalize("NFKD", password).encode()
        keyed = base64.b64encode(hmac.digest(salt.encode(), normalized, "sha512")).decode()
        return hashed.check(keyed[:MAX_BCRYPT_PASSWORD_BYTES] if is_bcrypt else keyed, "")

    return ForeignHash(f"Flask-Security {hashed.format}", check, SETTING_OF_SYSTEM[FLASK_SECURITY])


def _parse_sha_crypt(text: str) -> ForeignHash:
    hashed = ShaCrypt.parse(text)
    return ForeignHash(f"{hashed.name}-crypt", lambda password, _: hashed.matches(password.encode()))


def _parse_passlib_scrypt(text: str) -> ForeignHash:
    match = re.fullmatch(r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,3}),p=([0-9]{1,3})\$([^$]*)\$([^$]*)", text, re.ASCII)
    if match is None or int(match[1]) > MAX_SCRYPT_EXPONENT:
        raise HashRefused("not a scrypt hash in passlib's spelling, or one whose work is over what is computed here")
    scrypt = Scrypt(2 ** int(match[1]), int(match[2]), int(match[3]), decode_passlib_base64(match[4]))
    expected = check_digest(decode_passlib_base64(match[5]))
    return ForeignHash("passlib scrypt", lambda password, _: scrypt.matches(password.encode(), expected))


def _parse_passlib_bcrypt_sha256(text: str) -> ForeignHash:
    # Version 1 hashes the SHA-256 of the password, version 2 an HMAC under the salt; both in base64.
    match = re.fullmatch(
        r"\$bcrypt-sha256\$(?:(v=2,)t=)?(2[ab]),(?:r=)?([0-9]{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})", text
    )
    if match is None:
        raise HashRefused("not a bcrypt-sha256 hash in passlib's spelling")
    inner = f"${match[2]}${match[3]:0>2}${match[4]}{match[5]}"
    check_bcrypt(inner)
    key = match[4].encode() if match[1] else None

    def check(password: str, _: str) -> bool:
        data = password.encode()
        digest = hashlib.sha256(data).digest() if key is None else hmac.digest(key, data, "sha256")
        return verify_bcrypt(base64.b64encode(digest), inner)

    return ForeignHash("passlib bcrypt-sha256", check)


def _parse_braces(text: str) -> ForeignHash:
    """Parse what LDAP servers (RFC 2307 5.3), Dovecot and Spring Security write: the name of the scheme in braces."""
    name, _, rest = text[1:].partition("}")
    scheme = name.upper().partition("@")[0]
    if scheme in SALTED_SHA_DIGESTS:
        matches = parse_salted_sha(scheme, rest)
        return ForeignHash(scheme, lambda password, _: matches(password.encode()))
    if scheme.startswith("PBKDF2") and rest[:1].isdecimal():
        rest = f"${scheme.lower()}${rest}".replace("$pbkdf2-sha1$", "$pbkdf2$")
    elif scheme not in SCHEMES_OF_CRYPT:
        raise HashRefused("a scheme in braces that is not verified here: without a salt, plain text, or not known")
    if not re.match(r"\$(?:2|5\$|6\$|argon2|pbkdf2)", rest):
        raise HashRefused("not a hash of the scheme that stands in braces before it")
    return parse_hash(rest)


HASH_FORMATS: tuple[tuple[re.Pattern[str], Callable[[str], ForeignHash]], ...] = (
    (re.compile(r"\$2"), _parse_bcrypt),
    (re.compile(r"\$argon2"), _parse_argon2),
    (re.compile(r"\$pbkdf2(?:-sha256|-sha512)?\$"), _parse_passlib_pbkdf2),
    (re.compile(r"(?:pbkdf2_(?:sha1|sha256)|scrypt|argon2|bcrypt|bcrypt_sha256)\$"), framework_hashes.parse_django),
    (re.compile(r"(?:scrypt|pbkdf2):"), framework_hashes.parse_werkzeug),
    (re.compile(rf"{DEVISE}\$2"), _parse_devise),
    (re.compile(rf"{FLASK_SECURITY}\$(?:2|argon2|pbkdf2)"), _parse_flask_security),
    (re.compile(rf"{FIREBASE}\$"), framework_hashes.parse_firebase),
    (re.compile(r"\$[56]\$"), _parse_sha_crypt),
    (re.compile(r"\$[PH]\$"), framework_hashes.parse_phpass),
    (re.compile(r"\$wp\$2"), framework_hashes.parse_wordpress),
    (re.compile(r"\$scrypt\$ln="), _parse_passlib_scrypt),
    (re.compile(r"\$bcrypt-sha256\$"), _parse_passlib_bcrypt_sha256),
    (re.compile(r"\{[A-Za-z0-9]"), _parse_braces),
    (re.compile(r"(?:AQAAAA|A[A-P])[A-Za-z0-9+/]{36,}={0,2}\Z", re.ASCII), framework_hashes.parse_aspnet),
)


def is_own_hash(text: str) -> bool:
    """Return whether a stored hash is spelled like our own (argon2) and needs nothing of this module."""
    try:
        check_argon2(text)
    except HashRefused:
        return False
    return True
