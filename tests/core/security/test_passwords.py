"""Hashing and verifying passwords."""

from __future__ import annotations

import threading
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from argon2 import PasswordHasher, extract_parameters
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from accounts.core.errors import InvalidInput, Unavailable
from accounts.core.security.password_choice import MAX_PASSWORD_CHARACTERS
from accounts.core.security.passwords import QUEUED_HASHES_PER_THREAD, Passwords

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(threads=2)


def test_the_right_password_verifies_and_no_other(passwords: Passwords) -> None:
    stored = passwords.hash(PASSWORD)
    assert passwords.verify(PASSWORD, stored) == (True, None)
    for wrong in (
        "",
        PASSWORD[:-1],
        PASSWORD + "r",
        PASSWORD.upper(),
        f" {PASSWORD}",
        f"{PASSWORD} ",
        f"{PASSWORD}\x00",
    ):
        assert passwords.verify(wrong, stored) == (False, None)


def test_the_same_password_has_another_hash_each_time(passwords: Passwords) -> None:
    assert passwords.hash(PASSWORD) != passwords.hash(PASSWORD)


def test_the_hash_says_its_parameters(passwords: Passwords) -> None:
    stored = passwords.hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    found = extract_parameters(stored)
    assert (found.memory_cost, found.time_cost, found.parallelism) == (19456, 2, 1)
    assert len(stored) <= 255, "the column's width"


def test_composed_and_decomposed_letters_are_one_password(passwords: Passwords) -> None:
    composed = unicodedata.normalize("NFC", "größenwahn für Ångström")
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    assert passwords.verify(decomposed, passwords.hash(composed)) == (True, None)
    assert passwords.verify(composed, passwords.hash(decomposed)) == (True, None)


def test_a_long_decomposed_password_is_counted_like_the_composed_one(passwords: Passwords) -> None:
    composed = "äöüé" * (MAX_PASSWORD_CHARACTERS // 4)
    decomposed = unicodedata.normalize("NFD", composed)
    assert len(decomposed) > MAX_PASSWORD_CHARACTERS
    assert passwords.verify(decomposed, passwords.hash(composed)) == (True, None)


def test_look_alikes_are_not_folded_together(passwords: Passwords) -> None:
    assert passwords.verify("ﬁfteen characters", passwords.hash("fifteen characters")) == (False, None)


def test_every_byte_up_to_the_last_counts(passwords: Passwords) -> None:
    longest = "x" * (MAX_PASSWORD_CHARACTERS - 1)
    stored = passwords.hash(longest + "a")
    assert passwords.verify(longest + "a", stored)[0]
    assert not passwords.verify(longest + "b", stored)[0]
    assert not passwords.verify(longest + "aa", stored)[0], "too long, though it begins alike"


def test_what_follows_a_nul_counts(passwords: Passwords) -> None:
    assert not passwords.verify(PASSWORD + "\x00b", passwords.hash(PASSWORD + "\x00a"))[0]


@pytest.mark.parametrize(
    "weaker",
    [
        PasswordHasher(memory_cost=8192, time_cost=2, parallelism=1),
        PasswordHasher(memory_cost=19456, time_cost=1, parallelism=1),
        PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1, hash_len=16),
    ],
    ids=["memory", "time", "length"],
)
def test_a_hash_below_todays_parameters_is_renewed_when_the_password_is_right(
    passwords: Passwords, weaker: PasswordHasher
) -> None:
    stored = weaker.hash(PASSWORD)
    right, renewed = passwords.verify(PASSWORD, stored)
    assert right
    assert renewed is not None
    assert passwords.verify(PASSWORD, renewed) == (True, None)
    assert passwords.verify("wrong", stored) == (False, None)


def test_a_hash_of_another_cost_is_renewed_at_the_present_one() -> None:
    present = Passwords(threads=1, memory_kib=12288, passes=3)
    for stored in (Passwords(threads=1).hash(PASSWORD), PasswordHasher(parallelism=4).hash(PASSWORD)):
        right, renewed = present.verify(PASSWORD, stored)
        assert right
        assert renewed is not None
        assert renewed.startswith("$argon2id$v=19$m=12288,t=3,p=1$")


def test_the_dummy_costs_what_hashes_cost_at_present() -> None:
    present = Passwords(threads=1, memory_kib=12288, passes=3)
    assert present.verify(PASSWORD, None) == (False, None)
    assert present._dummy is not None
    assert present._dummy.startswith("$argon2id$v=19$m=12288,t=3,p=1$")


def test_the_hash_of_somebody_else_is_worked_on_at_its_own_cost() -> None:
    present = Passwords(threads=1, memory_kib=12288, passes=3)
    assert present.verify(PASSWORD, None, fallback_hash=Passwords(threads=1).hash(PASSWORD)) == (False, None)
    assert present._dummy is None, "not the dummy"


@pytest.mark.parametrize(
    "stored",
    [
        "$argon2id$v=19$m=19456,t=2,p=1$cYZhwcZhXITOkcQ1YORksw$eUZLLc0TQ9M3Hnry6FtJqSdIZ47aYjlJyFFP6Y6ZX90",
        "$argon2id$v=19$m=7168,t=5,p=1$Otsr+yI8v+ROpQSs78dBnw$ozY1aW7vQaLh0ol4wJBmJeuxic4ndZ/NMNJy6VsmbH0",
    ],
)
def test_what_libsodium_wrote_verifies(passwords: Passwords, stored: str) -> None:
    assert passwords.verify("größenwahn für Ångström", stored)[0]
    assert not passwords.verify("größenwahn für Angström", stored)[0]


def test_openssl_and_this_service_read_the_hashes_of_each_other(passwords: Passwords) -> None:
    Argon2id.verify_phc_encoded(PASSWORD.encode(), passwords.hash(PASSWORD))
    theirs = Argon2id(salt=bytes(range(16)), length=32, iterations=2, lanes=1, memory_cost=19456)
    assert passwords.verify(PASSWORD, theirs.derive_phc_encoded(PASSWORD.encode())) == (True, None)


def test_a_password_that_may_not_be_chosen_is_not_hashed(passwords: Passwords) -> None:
    with pytest.raises(InvalidInput) as caught:
        passwords.check_and_hash("annamillerannamiller", ["anna", "miller"], field="new_password")
    assert [(field.field, field.code) for field in caught.value.fields] == [("new_password", "too_easy")]
    assert passwords.verify(PASSWORD, passwords.check_and_hash(PASSWORD, ["anna"])) == (True, None)


@pytest.mark.parametrize(
    "stored",
    ["x", "plain text", "$2b$12$abcdefghijklmnopqrstuv", "pbkdf2:sha256:1000$a$b", "$argon2id$",
     "$argon2id$v=19$m=1$a$b", ""],
)  # fmt: skip
def test_a_hash_that_nobody_here_wrote_is_simply_not_right(passwords: Passwords, stored: str) -> None:
    assert passwords.verify(PASSWORD, stored) == (False, None)


def test_without_an_account_nothing_is_right_and_nothing_is_renewed(passwords: Passwords) -> None:
    assert passwords.verify(PASSWORD, None) == (False, None)
    assert passwords._dummy is not None
    assert passwords._dummy.startswith("$argon2id$v=19$m=19456,t=2,p=1$"), "the same work"
    assert passwords.verify("", None) == (False, None)


def test_making_it_starts_no_thread() -> None:
    before = threading.active_count()
    Passwords()
    assert threading.active_count() == before


def test_a_full_queue_answers_that_it_is_full() -> None:
    small, begun, gate = Passwords(threads=1), threading.Event(), threading.Event()

    def stand_in_the_way() -> None:
        begun.set()
        gate.wait()

    pool = small._get_pool()
    pool.submit(stand_in_the_way)
    begun.wait()
    with ThreadPoolExecutor(QUEUED_HASHES_PER_THREAD) as askers, ExitStack() as opened:
        opened.callback(gate.set)  # whatever fails: they must not wait for ever
        waiting = [askers.submit(small._run_in_pool, lambda: "served") for _ in range(QUEUED_HASHES_PER_THREAD)]
        # Asking for a place to see whether one is left would take it from one of them.
        while pool._work_queue.qsize() < QUEUED_HASHES_PER_THREAD:
            time.sleep(0.001)
        with pytest.raises(Unavailable) as full:
            small.hash(PASSWORD)
        assert full.value.retry_after == 2
        gate.set()
        assert {each.result(60) for each in waiting} == {"served"}
    assert small.verify(PASSWORD, None) == (False, None), "places are given back"


def test_an_error_gives_its_place_back() -> None:
    small = Passwords(threads=1)
    for _ in range(QUEUED_HASHES_PER_THREAD + 1):
        with pytest.raises(UnicodeEncodeError):
            small.hash("\ud800" * 20)
    assert small.hash(PASSWORD)
