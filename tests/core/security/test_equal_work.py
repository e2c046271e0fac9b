"""What is asked of the hash functions does not depend on what was typed: only the account's own hash says it.

Counted where Python calls the libraries, in the thread that hashes; nothing of ours is replaced.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher

from accounts.core.security.foreign_hashes import ForeignSecrets, find_hash_format
from accounts.core.security.hash_limits import HashRefused, Scrypt, check_argon2
from accounts.core.security.passwords import Passwords
from tests.core.security.test_foreign_hashes import BCRYPT, VECTORS, named, secrets_of

HASH_FUNCTIONS = frozenset({"checkpw", "pbkdf2_hmac", "scrypt", "argon2_verify", "argon2_hash"})
SHORT = "ten tired ferrets in a lift"
OWN_HASH = "$argon2id$v=19$m=19456,t=2,p=1$cYZhwcZhXITOkcQ1YORksw$eUZLLc0TQ9M3Hnry6FtJqSdIZ47aYjlJyFFP6Y6ZX90"
KINDS = [
    {"stored": OWN_HASH, "made_by": "own"},
    *(VECTORS[each] for each in (0, 2, 3, 4, 5, 12, 13, 15, 16, 21, 22, 23)),
]
ODD_PASSWORDS = {
    "empty": "",
    "long": "x" * 257,
    "as long as a form takes": "ü" * 1024,
    "long, with a NUL": "a\x00" * 300,
    "with a NUL": "secret\x00word",
    "a NUL alone": "\x00",
    "73 bytes": "x" * 73,
    "half of a surrogate pair": "secret \ud800 word",
    "long, with half of a surrogate pair": "\udfff" * 300,
}


@contextmanager
def recorded_hashing() -> Iterator[list[str]]:
    """Record which hash functions are called by threads that begin meanwhile."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and function.__name__ in HASH_FUNCTIONS:
            calls.append(function.__name__)

    threading.setprofile(note)
    try:
        yield calls
    finally:
        threading.setprofile(None)


def hashing_of(
    password: str, stored: str | None, *, fallback: str | None = None, secrets: ForeignSecrets | None = None
) -> list[str]:
    with recorded_hashing() as calls:
        matches, _ = Passwords(threads=1, foreign_secrets=secrets).verify(password, stored, fallback_hash=fallback)
    assert not matches
    return calls


@pytest.mark.parametrize("vector", KINDS, ids=named)
def test_whatever_is_typed_is_worked_on_against_the_accounts_own_hash(vector: dict[str, Any]) -> None:
    stored, other = vector["stored"], BCRYPT if "$2" not in vector["stored"] else OWN_HASH
    usual = hashing_of(SHORT, stored, fallback=other, secrets=secrets_of(vector))
    assert len(usual) == 1
    for name, odd in ODD_PASSWORDS.items():
        assert hashing_of(odd, stored, fallback=other, secrets=secrets_of(vector)) == usual, name


@pytest.mark.parametrize("fallback", [None, OWN_HASH, BCRYPT])
def test_whatever_is_typed_is_worked_on_against_a_strangers_stand_in(fallback: str | None) -> None:
    usual = hashing_of(SHORT, None, fallback=fallback)
    assert usual[-1] == ("checkpw" if fallback == BCRYPT else "argon2_verify")
    for name, odd in ODD_PASSWORDS.items():
        assert hashing_of(odd, None, fallback=fallback) == usual, name


def test_too_long_a_password_never_matches_though_it_begins_with_the_right_one() -> None:
    passwords = Passwords(threads=1)
    right = "x" * 256
    for stored in (passwords.hash(right), bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()):
        assert passwords.verify(right, stored)[0]
        assert passwords.verify(right + "x", stored) == (False, None)


def test_what_stands_for_half_of_a_surrogate_pair_does_not_match_in_its_place() -> None:
    passwords = Passwords(threads=1)
    assert passwords.verify("ten tired ferrets \ud800", passwords.hash("ten tired ferrets ?")) == (False, None)


def test_a_nul_is_never_part_of_a_right_bcrypt_password() -> None:
    stored = bcrypt.hashpw(b"secretword", bcrypt.gensalt(4)).decode()
    assert Passwords(threads=1).verify("secretword", stored)[0]
    for password in ("secret\x00word", "secretword\x00", "\x00secretword"):
        assert Passwords(threads=1).verify(password, stored) == (False, None)


@pytest.mark.parametrize(
    "vector", [each for each in VECTORS if len(each) > 3 and "also_right" not in each], ids=named
)
def test_a_hash_whose_secret_is_not_set_takes_the_work_of_one_whose_secret_is(vector: dict[str, Any]) -> None:
    assert hashing_of(vector["password"], vector["stored"]) == hashing_of(
        SHORT, vector["stored"], secrets=secrets_of(vector)
    )


@pytest.mark.parametrize(
    "stored",
    [
        f"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHR${'A' * 43}",  # a bit too much behind the salt
        f"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAA${'A' * 43}",  # 13 characters are no base64
        f"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRz${'A' * 45}",
        f"argon2$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHR${'A' * 43}",
        f"scrypt:65536:1:1$salt${'ab' * 32}",  # OpenSSL: N < 2^(128 * r / 8)
        "",
        "!",
        "{SMD5}nothing that is known here",
    ],
)
def test_a_hash_that_cannot_be_verified_takes_the_work_of_our_own(stored: str) -> None:
    assert hashing_of(SHORT, stored)[-1] == "argon2_verify"
    assert find_hash_format(stored) is None


def test_parameters_that_the_libraries_refuse_are_refused_when_they_are_read() -> None:
    with pytest.raises(HashRefused, match="work factor"):
        Scrypt(65536, 1, 1, b"salt")
    assert Scrypt(32768, 1, 1, b"salt").derive(b"password", 32)
    with pytest.raises(HashRefused):
        check_argon2(f"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHR${'A' * 43}")


@pytest.mark.parametrize(
    "make_hash",
    [
        lambda: bcrypt.hashpw(SHORT.encode(), bcrypt.gensalt(4)).decode(),
        lambda: PasswordHasher(memory_cost=8192, time_cost=1).hash(SHORT),
    ],
    ids=["foreign", "weaker"],
)
def test_who_may_not_sign_in_does_not_have_a_hash_renewed(make_hash: Callable[[], str]) -> None:
    """Its time would say that the password is right, behind a lock that says nothing."""
    stored = make_hash()
    with recorded_hashing() as calls:
        assert Passwords(threads=1).verify(SHORT, stored, renew=False) == (True, None)
    assert calls == hashing_of("another one that is wrong", stored)
