"""Hashes that other systems wrote, from the vectors that their own code made (``tests/vectors/make.py``)."""

from __future__ import annotations

import json
import time
import unicodedata
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from accounts.core.security.foreign_hashes import SETTING_OF_SYSTEM, ForeignSecrets, find_hash_format, parse_hash
from accounts.core.security.hash_limits import HashRefused
from accounts.core.security.passwords import Passwords

FILE = Path(__file__).parents[2] / "vectors" / "foreign_hashes.json"
VECTORS: list[dict[str, Any]] = [each for each in json.loads(FILE.read_text("utf-8")) if "stored" in each]
BCRYPT = "$2b$06$abcdefghijklmnopqrstuuFwIEYgR7d/HQPu0Bt7vYUj7AbFVpmFu"
DIGEST = "A" * 43 + "="


def secrets_of(vector: dict[str, Any], **others: str) -> ForeignSecrets:
    data = {name: vector[name] for name in SETTING_OF_SYSTEM.values() if name in vector}
    return ForeignSecrets(**{**data, **others})


def named(vector: dict[str, Any]) -> str:
    return f"{parse_hash(vector['stored']).format}, {vector['made_by']}"


@pytest.mark.parametrize("vector", VECTORS, ids=named)
def test_the_right_password_is_right_and_gets_a_hash_of_our_own(vector: dict[str, Any]) -> None:
    passwords = Passwords(threads=1, foreign_secrets=secrets_of(vector))
    right, renewed = passwords.verify(vector["password"], vector["stored"])
    assert right
    assert renewed is not None
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify(vector["password"], renewed) == (True, None)


@pytest.mark.parametrize("vector", VECTORS, ids=named)
def test_another_password_is_wrong(vector: dict[str, Any]) -> None:
    passwords = Passwords(threads=1, foreign_secrets=secrets_of(vector))
    assert passwords.verify(vector.get("wrong", vector["password"][:-1]), vector["stored"]) == (False, None)


def test_every_family_has_a_vector() -> None:
    families = {named(each).partition(",")[0] for each in VECTORS}
    assert {
        "Django pbkdf2_sha256", "Django pbkdf2_sha1", "Django argon2", "Django bcrypt", "Django bcrypt_sha256",
        "Django scrypt", "Werkzeug scrypt", "Werkzeug pbkdf2:sha1", "Werkzeug pbkdf2:sha256",
        "Werkzeug pbkdf2:sha512",
        "bcrypt 2a", "bcrypt 2b", "bcrypt 2y", "argon2id", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512",
        "Devise bcrypt with pepper", "Firebase scrypt", "Flask-Security argon2id", "Flask-Security bcrypt 2b",
        "Flask-Security pbkdf2-sha512", "sha256-crypt", "sha512-crypt", "phpass", "WordPress bcrypt", "SSHA",
        "SSHA256", "SSHA512", "passlib scrypt", "passlib bcrypt-sha256", "ASP.NET Identity v2", "ASP.NET Identity v3",
    } <= families  # fmt: skip


@pytest.mark.parametrize("vector", [each for each in VECTORS if parse_hash(each["stored"]).setting], ids=named)
def test_without_the_old_secret_or_with_another_nothing_is_right(
    vector: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    stored, setting = parse_hash(vector["stored"]), parse_hash(vector["stored"]).setting
    assert not stored.matches(vector["password"], ForeignSecrets())
    assert f"ACCOUNTS_{setting.upper()}" in caplog.text
    other = vector[setting][:-4] + "AAA="
    assert not stored.matches(vector["password"], secrets_of(vector, **{setting: other}))


@pytest.mark.parametrize("vector", [each for each in VECTORS if "ö" in each["password"]], ids=named)
def test_letters_typed_as_letter_and_accent_are_the_same_password(vector: dict[str, Any]) -> None:
    typed = unicodedata.normalize("NFD", vector["password"])
    assert typed != vector["password"]
    assert parse_hash(vector["stored"]).matches(typed, secrets_of(vector))


def test_bcrypt_counts_72_bytes_and_no_more() -> None:
    vector = next(each for each in VECTORS if "also_right" in each)
    stored = parse_hash(vector["stored"])
    assert stored.matches(vector["also_right"], ForeignSecrets())
    assert not stored.matches(vector["wrong"], ForeignSecrets())


@pytest.mark.parametrize("place", [28, 59], ids=["salt", "digest"])
def test_bits_of_a_bcrypt_hash_that_mean_nothing_change_nothing(place: int) -> None:
    """Salt and digest fill no whole number of letters. Some systems left what came to hand in the rest."""
    right, wrong = "correct horse", "correct horsf"
    stored = bcrypt.hashpw(right.encode(), bcrypt.gensalt(4)).decode()
    meaning = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    step = 16 if place == 28 else 4
    first = meaning.index(stored[place])
    assert first % step == 0
    for letter in meaning[first : first + step]:
        hashed = parse_hash(stored[:place] + letter + stored[place + 1 :])
        assert hashed.matches(right, ForeignSecrets())
        assert not hashed.matches(wrong, ForeignSecrets())


def test_a_nul_hides_nothing_behind_it() -> None:
    for vector in (each for each in VECTORS if "bcrypt 2" in named(each) and "Flask" not in named(each)):
        assert not parse_hash(vector["stored"]).matches(vector["password"] + "\x00more", ForeignSecrets())


@pytest.mark.parametrize(
    ("stored", "because"),
    [
        ("", "no hash format"),
        ("plain text", "no hash format"),
        ("größe", "no hash format"),
        ("a" * 256, "longer than 255"),
        ("md5$salt$d41d8cd98f00b204e9800998ecf8427e", "no hash format"),
        ("$6$rounds=656000$salt$abc", "not SHA-crypt in its usual spelling, or cut"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "no hash format"),
        ("$2x$06$abcdefghijklmnopqrstuuFwIEYgR7d/HQPu0Bt7vYUj7AbFVpmFu", "not a bcrypt hash"),
        ("$2b$31$abcdefghijklmnopqrstuuFwIEYgR7d/HQPu0Bt7vYUj7AbFVpmFu", "cost of bcrypt: 31 is over"),
        ("$2b$16$abcdefghijklmnopqrstuuFwIEYgR7d/HQPu0Bt7vYUj7AbFVpmFu", "cost of bcrypt: 16 is over"),
        ("$2b$03$abcdefghijklmnopqrstuuFwIEYgR7d/HQPu0Bt7vYUj7AbFVpmFu", "cost of bcrypt: 3 is under"),
        (BCRYPT[:-1], "not a bcrypt hash"),
        (BCRYPT + "\n", "not a bcrypt hash"),
        (f"bcrypt${BCRYPT[:-1]}", "not a bcrypt hash"),
        (f"devise{BCRYPT[:-1]}", "not a bcrypt hash"),
        (f"flask-security{BCRYPT[:-1]}", "not a bcrypt hash"),
        (f"pbkdf2_sha256$3000001$salt${DIGEST}", "iterations: 3000001 is over"),
        (f"pbkdf2_sha256$0$salt${DIGEST}", "iterations: 0 is under"),
        (f"pbkdf2_sha256$-1$salt${DIGEST}", "a number of the hash is none"),
        (f"pbkdf2_sha256$99999999999999999999$salt${DIGEST}", "a number of the hash is none"),
        (f"pbkdf2_sha256$٣$salt${DIGEST}", "a number of the hash is none"),
        ("pbkdf2_sha256$1000$salt$AAAA", "bytes of digest: 3 is under"),
        ("pbkdf2_sha256$1000$salt$", "bytes of digest: 0 is under"),
        ("pbkdf2_sha256$1000$salt$!!!!", "not base64"),
        ("pbkdf2_sha256$1000$salt", "cut, or has parts too many"),
        (f"pbkdf2:md5:1000$salt${'a' * 32}", "another digest"),
        (f"pbkdf2:sha256$salt${'a' * 64}", "cut, or has parts too many"),
        (f"pbkdf2:sha256:1000$salt${'g' * 64}", "not hexadecimal"),
        (f"scrypt:32767:8:1$salt${'a' * 128}", "no power of two"),
        (f"scrypt:1048576:8:1$salt${'a' * 128}", "memory of scrypt"),
        (f"scrypt:16384:8:17$salt${'a' * 128}", "parallelism of scrypt"),
        (f"scrypt:32768:8:16$salt${'a' * 128}", "work of scrypt"),
        (f"scrypt:16384:8:1$salt${'a' * 8}", "too short or too long"),
        (f"scrypt$16384$salt$8$1${'A' * 8}", "too short or too long"),
        ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0", "not an argon2 hash"),
        (f"$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHRzYWx0${'A' * 43}", "memory of argon2"),
        (f"$argon2id$v=19$m=262144,t=5,p=1$c2FsdHNhbHRzYWx0${'A' * 43}", "work of argon2"),
        (f"$argon2id$v=19$m=19456,t=2,p=200$c2FsdHNhbHRzYWx0${'A' * 43}", "lanes of argon2"),
        (f"$pbkdf2-sha512$9999999$c2FsdA${'A' * 86}", "iterations: 9999999 is over"),
        (f"firebase$21$8$Bw==$c2FsdA==${'A' * 86}==", "memory cost of Firebase"),
        (f"firebase$17$64$Bw==$c2FsdA==${'A' * 86}==", "memory of scrypt"),
        ("firebase$14$8$Bw==$c2FsdA==$AAAA", "cut short"),
        ("firebase$14$8$Bw==$c2FsdA==", "cut, or has parts too many"),
        (f"$6$rounds=700001$salt${'a' * 86}", "rounds of SHA-crypt: 700001 is over"),
        (f"$6$rounds=999$salt${'a' * 86}", "rounds of SHA-crypt: 999 is under"),
        (f"$6$salt${'a' * 85}", "not SHA-crypt"),
        (f"$5$salt${'a' * 86}", "not SHA-crypt"),
        (f"$5${'s' * 17}${'a' * 43}", "not SHA-crypt"),
        (f"$P$J{'s' * 8}{'a' * 22}", "exponent of phpass: 21 is over"),
        (f"$P$4{'s' * 8}{'a' * 22}", "exponent of phpass: 6 is under"),
        (f"$P$B{'s' * 8}{'a' * 21}", "not a phpass hash"),
        ("$wp$2y$31$abcdefghijklmnopqrstuuFwIEYgR7d/HQPu0Bt7vYUj7AbFVpmFu", "cost of bcrypt: 31 is over"),
        (f"$scrypt$ln=30,r=8,p=1$c2FsdA${'A' * 43}", "over what is computed here"),
        (f"$scrypt$ln=18,r=8,p=1$c2FsdA${'A' * 43}", "memory of scrypt"),
        (f"$scrypt$ln=14,r=8,p=1$c2FsdA${'A' * 8}", "too short or too long"),
        (f"$bcrypt-sha256$v=2,t=2b,r=31${'a' * 22}${'a' * 31}", "cost of bcrypt: 31 is over"),
        (f"$bcrypt-sha256$v=3,t=2b,r=6${'a' * 22}${'a' * 31}", "not a bcrypt-sha256"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "without a salt, plain text"),
        ("{MD5}X03MO1qnZdYdgyfeuILPmQ==", "without a salt, plain text"),
        ("{noop}password", "without a salt, plain text"),
        ("{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "is cut, or has no salt"),
        ("{SSHA512}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "is cut, or has no salt"),
        ("{SSHA}not base64!", "not base64"),
        ("{CRYPT}ab01FAX.bQRSU", "not a hash of the scheme"),
        (f"{{bcrypt}}devise{BCRYPT}", "not a hash of the scheme"),
        (f"{{CRYPT}}{{CRYPT}}{BCRYPT}", "not a hash of the scheme"),
        (f"{{PBKDF2-SHA256}}9999999$c2FsdA${'A' * 43}", "iterations: 9999999 is over"),
        ("AQAAAAEAD0JAAAAAEOMwvh3+FZxqkdMBz2ek", "no hash format"),
        ("AQAAAAL/////AAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw", "iterations: 4294967295 is over"),
        ("AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4A=", "bytes of digest: 3 is under"),
        ("AQAAAAIAAAAy/////+MwvgGhwQ4Bh3+FZxqkdMBz2ekgGhwQ4A=", "is cut, or of a digest"),
        ("AQAAAAkAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw", "is cut, or of a digest"),
        ("AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggE=AAAA", "no hash format"),
        ("AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM", "cut, or has parts too many"),
    ],
)  # fmt: skip
def test_what_is_malformed_or_too_dear_is_refused_and_never_computed(stored: str, because: str) -> None:
    with pytest.raises(HashRefused, match=because):
        parse_hash(stored)
    assert find_hash_format(stored) is None
    began = time.perf_counter()
    # Text that is argon2 by its spelling goes to the hasher of our own; nothing dear may get there either.
    assert Passwords(threads=1).verify("password", stored) == (False, None)
    assert time.perf_counter() - began < 5


def test_the_hash_of_somebody_else_is_worked_on_and_never_right() -> None:
    vector = next(each for each in VECTORS if "bcrypt 2b" in named(each))
    passwords = Passwords(threads=1)
    assert passwords.verify(vector["password"], None, fallback_hash=vector["stored"]) == (False, None)
    assert passwords._dummy is None, "the stand-in was worked on, not the dummy"
    own = passwords.hash("correct horse battery staple")
    assert passwords.verify("correct horse battery staple", None, fallback_hash=own) == (False, None)


def test_what_a_hash_is_shows_nothing_of_it() -> None:
    for vector in VECTORS:
        assert vector["stored"][-20:] not in repr(parse_hash(vector["stored"]))
    assert "pepper" not in repr(ForeignSecrets("pepper", "salt", "key")).replace("devise_pepper", "")
