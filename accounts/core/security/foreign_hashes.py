"""Verify password hashes of other systems: recognised by their spelling, and replaced at the next sign-in.

Where the spelling of a system says all there is to know, the text is kept as it came. Where it does not (a pepper, a
digest before the hash), the name of the system stands in front: ``devise$2a$...``, ``flask-security$argon2id$...``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from accounts.core.security.hash_limits import (
    MAX_BCRYPT_PASSWORD_BYTES,
    MAX_DIGEST_BYTES,
    MIN_DIGEST_BYTES,
    HashRefused,
    Pbkdf2,
    Scrypt,
    check_argon2,
    check_bcrypt,
    verify_argon2,
    verify_bcrypt,
)

log = logging.getLogger("accounts")
MAX_HASH_CHARACTERS = 255
"""The width of the column."""
DEVISE, FLASK_SECURITY, FIREBASE = "devise", "flask-security", "firebase"
SETTING_OF_SYSTEM = {DEVISE: "devise_pepper", FLASK_SECURITY: "flask_security_salt", FIREBASE: "firebase_signer_key"}
"""The settings that hold what the hashes of a system alone do not say."""


@dataclass(frozen=True, slots=True)
class ForeignSecrets:
    """The secrets that other systems mixed into their hashes; None where one is not set."""

    devise_pepper: str | None = field(default=None, repr=False)
    flask_security_salt: str | None = field(default=None, repr=False)
    firebase_signer_key: str | None = field(default=None, repr=False)


PasswordCheck = Callable[[str, str], bool]
"""Whether a password is right, given the password and the old system's secret ("" where it has none)."""


@dataclass(frozen=True, slots=True)
class ForeignHash:
    """A hash of another system that can be verified here.

    :ivar format: its name for admins, such as ``Django pbkdf2_sha256``.
    :ivar setting: the setting without which it cannot be verified; "" for none.
    """

    format: str
    check: PasswordCheck = field(repr=False)
    setting: str = ""

    def matches(self, password: str, secrets: ForeignSecrets) -> bool:
        """Return whether the password is right, as it was typed or in the one form that passwords have here (NFC).

        The other system may have hashed what the browser sent as it was. Never raises for a stored hash. Without the
        secret no password is right, in the time of one that is wrong.
        """
        secret = (getattr(secrets, self.setting) or "") if self.setting else ""
        can_match = bool(secret) or not self.setting
        if not can_match:
            log.warning("a password hash needs ACCOUNTS_%s, which is not set", self.setting.upper())
        spellings = dict.fromkeys((password, unicodedata.normalize("NFC", password)))
        return any(self.check(each, secret) for each in spellings) and can_match


def parse_hash(text: str) -> ForeignHash:
    """Parse a hash by its spelling.

    :raises HashRefused: no format that is known here, malformed, or beyond the limits of cost.
    """
    if len(text) > MAX_HASH_CHARACTERS:
        raise HashRefused(f"longer than {MAX_HASH_CHARACTERS} characters")
    if not text.isascii():
        raise HashRefused("not a hash: letters that no hash has")
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
    _, name, iterations, salt, digest = _split_parts(text, "$", 5)
    name = name.removeprefix("pbkdf2-") if name != "pbkdf2" else "sha1"
    hashed = Pbkdf2(name, _parse_number(iterations), _decode_passlib_base64(salt), _decode_passlib_base64(digest))
    return ForeignHash(f"pbkdf2-{name}", lambda password, _: hashed.matches(password.encode()))


def _parse_django(text: str) -> ForeignHash:
    name, _, rest = text.partition("$")
    kind = f"Django {name}"
    if name.startswith("pbkdf2"):
        iterations, salt, digest = _split_parts(rest, "$", 3)
        hashed = Pbkdf2(
            name.removeprefix("pbkdf2_"), _parse_number(iterations), salt.encode(), _decode_base64(digest)
        )
        return ForeignHash(kind, lambda password, _: hashed.matches(password.encode()))
    if name == "scrypt":
        n, salt, r, p, digest = _split_parts(rest, "$", 5)
        scrypt, expected = (
            Scrypt(_parse_number(n), _parse_number(r), _parse_number(p), salt.encode()),
            _check_digest(_decode_base64(digest)),
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


def _parse_werkzeug(text: str) -> ForeignHash:
    method, salt, digest = _split_parts(text, "$", 3)
    name, *numbers = method.split(":")
    expected = _check_digest(_decode_hexadecimal(digest))
    if name == "scrypt":
        n, r, p = _split_parts(":".join(numbers), ":", 3)
        scrypt = Scrypt(_parse_number(n), _parse_number(r), _parse_number(p), salt.encode())
        return ForeignHash("Werkzeug scrypt", lambda password, _: scrypt.matches(password.encode(), expected))
    # Without its iterations the text means whatever the default of one Werkzeug version was: nobody can tell which.
    digest_name, iterations = _split_parts(":".join(numbers), ":", 2)
    hashed = Pbkdf2(digest_name, _parse_number(iterations), salt.encode(), expected)
    return ForeignHash(f"Werkzeug pbkdf2:{digest_name}", lambda password, _: hashed.matches(password.encode()))


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


def _parse_firebase(text: str) -> ForeignHash:
    """Parse Firebase's scrypt: a key is derived, it encrypts the signer key of the project, and that is the hash."""
    _, memory, rounds, separator, salt, digest = _split_parts(text, "$", 6)
    exponent = _parse_number(memory)
    if exponent > 20:
        raise HashRefused("the memory cost of Firebase scrypt is over what is computed here")
    scrypt = Scrypt(2**exponent, _parse_number(rounds), 1, _decode_base64(salt) + _decode_base64(separator))
    expected = _decode_base64(digest)
    if len(expected) < MIN_DIGEST_BYTES:
        raise HashRefused("the hash is cut short")

    def check(password: str, signer_key: str) -> bool:
        # On first use: it takes 20 ms and 5 MiB, and no other hash needs it.
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        key = scrypt.derive(password.encode(), 64)[:32]
        cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
        return hmac.compare_digest(cipher.update(_decode_base64(signer_key)), expected)

    return ForeignHash("Firebase scrypt", check, SETTING_OF_SYSTEM[FIREBASE])


HASH_FORMATS: tuple[tuple[re.Pattern[str], Callable[[str], ForeignHash]], ...] = (
    (re.compile(r"\$2"), _parse_bcrypt),
    (re.compile(r"\$argon2"), _parse_argon2),
    (re.compile(r"\$pbkdf2(?:-sha256|-sha512)?\$"), _parse_passlib_pbkdf2),
    (re.compile(r"(?:pbkdf2_sha1|pbkdf2_sha256|scrypt|argon2|bcrypt|bcrypt_sha256)\$"), _parse_django),
    (re.compile(r"(?:scrypt|pbkdf2):"), _parse_werkzeug),
    (re.compile(rf"{DEVISE}\$2"), _parse_devise),
    (re.compile(rf"{FLASK_SECURITY}\$(?:2|argon2|pbkdf2)"), _parse_flask_security),
    (re.compile(rf"{FIREBASE}\$"), _parse_firebase),
)


def is_own_hash(text: str) -> bool:
    """Return whether a stored hash is spelled like our own (argon2) and needs nothing of this module."""
    try:
        check_argon2(text)
    except HashRefused:
        return False
    return True


def _split_parts(text: str, separator: str, count: int) -> list[str]:
    parts = text.split(separator)
    if len(parts) != count:
        raise HashRefused("the hash is cut, or has parts too many")
    return parts


def _parse_number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII):
        raise HashRefused("a number of the hash is none")
    return int(text)


def _check_digest(digest: bytes) -> bytes:
    if not MIN_DIGEST_BYTES <= len(digest) <= MAX_DIGEST_BYTES:
        raise HashRefused("the digest is too short or too long")
    return digest


def _decode_base64(text: str) -> bytes:
    try:
        # Firebase writes either alphabet.
        plain = text.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise HashRefused("a part of the hash is not base64") from None


def _decode_passlib_base64(text: str) -> bytes:
    return _decode_base64(text.replace(".", "+"))


def _decode_hexadecimal(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise HashRefused("a part of the hash is not hexadecimal") from None
