"""Which passwords may be chosen."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable

import pytest
from zxcvbn import matching, zxcvbn
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from accounts.core.errors import InvalidInput
from accounts.core.security.password_choice import (
    LEET_CHARACTERS,
    LONG_PASSWORD_CHARACTERS,
    MAX_LEET_CHARACTERS,
    MAX_PASSWORD_CHARACTERS,
    MIN_GUESSES,
    MIN_PASSWORD_CHARACTERS,
    ZXCVBN_CHARACTERS,
    check_new_password,
    estimate_guesses,
    has_long_match,
)
from tests.kit.concurrency import run_concurrently

CONTEXT = ["Accounts", "anna.miller@example.org", "anna.miller", "example.org", "example", "Anna", "Miller", ""]


def refused(password: str, context: list[str] = CONTEXT) -> str | None:
    """The code of the refusal; None when the password is taken."""
    try:
        check_new_password(password, context)
    except InvalidInput as wrong:
        (field,) = wrong.fields
        return field.code
    return None


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple", "seven purple umbrellas dancing", "Mein Hund frisst gern Zwiebelkuchen",
        "teapot-lantern-gravel-owl", "kX9#vLq2!mZr7$Tw", "k7jW2pQx9rTn4bVc", "wir fahren 3 mal nach Lummerland",
        "öde Übung am frühen Ötscher", "пять зелёных попугаев поют", "窓辺で猫が静かに雨を眺めている午後",
        "🐙 eight 🫖 cups 🪁 of 🌵 tea",
        "violets are not exactly purple", "x" * 8 + " quartz jumble " + "y" * 8,
    ],
)  # fmt: skip
def test_a_good_password_is_taken(password: str) -> None:
    assert refused(password) is None


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword", "password123456789", "password1234567!", "Password1234567!", "Welcome2024Welcome",
        "00112233445566778899",         "P@ssw0rdP@ssw0rd", "123456789012345",
        "1234567890123456789", "111111111111111", "aaaaaaaaaaaaaaaaaaaa", "abcdefghijklmnop", "abcabcabcabcabcabc",
        "qwertyuiopasdfgh", "qwertyuiopasdfghjkl", "qwertzuiopasdfgh", "1qaz2wsx3edc4rfv", "zaq12wsxzaq12wsx",
        "letmeinletmeinletmein", "iloveyouiloveyou", "adminadminadmin", "welcome123welcome", "changemechangeme",
        "trustno1trustno1", "monkeymonkeymonkey", "dragondragondragon", "footballfootball", "baseball12345678",
        "princess12345678", "superman12345678", "asdfasdfasdfasdf", "abc123abc123abc123", "q1w2e3r4q1w2e3r4",
        "0000000000000000", "aAaAaAaAaAaAaAaA", "               ", "drowssapdrowssap", "zyxwvutsrqponmlkjihgfedcba",
        "2020202020202020", "1q2w3e4r1q2w3e4r",
    ],
)  # fmt: skip
def test_a_common_or_repetitive_password_is_refused(password: str) -> None:
    assert refused(password) == "too_easy"


@pytest.mark.parametrize(
    "password",
    ["anna.miller@example.org", "annamillerannamiller", "AccountsAccounts1", "anna.miller1234", "example.org2024!",
     "millermillermiller", "4nn4m1ll3r4nn4m1ll3r"],
)  # fmt: skip
def test_a_password_made_of_ones_own_data_is_refused(password: str) -> None:
    assert refused(password) == "too_easy"


def test_a_password_is_judged_by_the_context_of_its_owner_only() -> None:
    word = "zyqx7wvutkrmpb"
    assert refused(word + "1", [word]) == "too_easy"
    assert refused(word + "1", []) is None
    found = run_concurrently(16, lambda number: refused(word + "1", [word] if number % 2 else ["other"]))
    assert found == [None, "too_easy"] * 8


@pytest.mark.parametrize("length", [0, 1, 14])
def test_under_15_characters_is_too_short(length: int) -> None:
    assert refused("kX9vLq2mZr7Twpb"[:length]) == "too_short"


def test_15_and_256_characters_are_taken_and_257_are_not() -> None:
    good = "violets are not exactly purple; " * 9
    assert (MIN_PASSWORD_CHARACTERS, MAX_PASSWORD_CHARACTERS) == (15, 256)
    assert refused("kX9vLq2mZr7Twpb") is None
    assert refused(good[:256]) is None
    assert refused(good[:257]) == "too_long"
    assert refused("x" * 1_000_000) == "too_long"


def test_characters_are_counted_in_the_form_that_is_kept() -> None:
    good = unicodedata.normalize("NFD", "äöüßé kleine große Übungen")
    assert refused(unicodedata.normalize("NFD", "äöüéàèìòùâêîôû")) == "too_short"
    assert refused(good) is None
    assert refused("e\u0301" * 200) in (None, "too_easy"), "256 would be too long"


def test_an_error_names_the_field_that_was_asked_for() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_new_password("short", [], field="new_password")
    (field,) = caught.value.fields
    assert (field.field, field.values) == ("new_password", {"min": 15})
    assert "short" not in field.message


ALL_SIGNS = "4@8({[<3691!|07$5+%2"


@pytest.mark.parametrize("password", [ALL_SIGNS * 3 + ALL_SIGNS[:12], (ALL_SIGNS[::-1] + "aeiou") * 3])
def test_signs_that_could_be_letters_are_not_read_in_every_combination(password: str) -> None:
    """They would be hundreds of readings, seconds for each password; few others are judged meanwhile."""
    assert set(ALL_SIGNS) == LEET_CHARACTERS
    assert len(LEET_CHARACTERS.intersection(password)) > MAX_LEET_CHARACTERS
    assert refused(password) is None


def test_of_many_signs_the_beginning_has_to_be_good_enough() -> None:
    assert refused("1234567890" * 2 + "12345" + ALL_SIGNS) == "too_easy"
    assert refused("1234567890 correct horse battery staple") is None
    assert refused("kX9#vLq2!mZr7$Tw(8{[<3+%4601") is None


JUDGED = [
    "correct horse battery staple", "Password1234567!", "anna.miller@example.org", "millermillermiller", "a" * 40,
    "MillerannaMillerannaMilleranna", "4nn4m1ll3r4nn4m1ll3r", "rellimannaannarellim", "annaannabobannaannabob",
    "miller19901990miller", "x" * 8 + " quartz jumble " + "y" * 8, "İstanbul'da güzel bir günİİİ",
    "窓辺で猫が静かに雨を眺めている午後",
    "1qaz2wsx3edc4rfv", "accountsaccounts1990accountsaccounts1990", "kX9#vLq2!mZr7$Tw",
]  # fmt: skip


@pytest.mark.parametrize("context", [[], CONTEXT, ["anna", "rellim"]], ids=["nothing", "own data", "other words"])
def test_a_password_is_worth_the_guesses_that_zxcvbn_says(context: list[str]) -> None:
    words = [word for word in context if word]
    told = [zxcvbn(text[:ZXCVBN_CHARACTERS], user_inputs=words)["guesses"] for text in JUDGED]
    assert [estimate_guesses(text[:ZXCVBN_CHARACTERS], context) for text in JUDGED] == told


def test_threads_at_once_judge_by_their_own_words_only() -> None:
    contexts = [[word] for word in ("anna", "miller", "accounts", "quartz")]
    alone = [[estimate_guesses(text, context) for text in JUDGED] for context in contexts]
    assert len({tuple(found) for found in alone}) == len(contexts), "the words count"
    at_once = run_concurrently(4, lambda number: [estimate_guesses(text, contexts[number]) for text in JUDGED])
    assert at_once == alone


def test_judging_leaves_no_word_behind_and_takes_none_that_another_program_left() -> None:
    word = "zyqx7wvutkrmpb"
    zxcvbn("x", user_inputs=[word])
    assert refused(word + "1", []) is None
    assert refused(word * 2, []) is None
    before = {name: len(words) for name, words in matching.RANKED_DICTIONARIES.items()}
    assert refused(word + "1", [word, "more", "words"]) == "too_easy"
    assert {name: len(words) for name, words in matching.RANKED_DICTIONARIES.items()} == before


def make_long_passwords(count: int) -> list[str]:
    """Passwords of up to five parts that zxcvbn knows, or does not, of 28 to 40 characters."""
    chance = random.Random(20260101)
    words = [word for words in FREQUENCY_LISTS.values() for word in words]
    long_words = [word for word in words if len(word) >= 9]
    makers: list[Callable[[], str]] = [
        lambda: chance.choice(long_words), lambda: chance.choice(long_words)[::-1], lambda: chance.choice(words),
        lambda: chance.choice(long_words).title().replace("a", "4"), lambda: chance.choice(CONTEXT),
        lambda: chance.choice(words) * chance.randint(2, 5), lambda: "qwertyuiopasdfghjkl"[: chance.randint(3, 19)],
        lambda: "abcdefghijklmnopqrst"[: chance.randint(3, 20)], lambda: "31.12.1999",
        lambda: "".join(chance.sample("kX9vLq2mZr7TwpbJ", chance.randint(1, 12))),
    ]  # fmt: skip
    made: list[str] = []
    while len(made) < count:
        text = "".join(chance.choice(makers)() for _ in range(chance.randint(1, 5)))[:40]
        if len(text) >= LONG_PASSWORD_CHARACTERS:
            made.append(text)
    return made


def test_what_is_taken_without_all_of_zxcvbn_is_never_what_it_refuses() -> None:
    judged = [
        (has_long_match(text, CONTEXT), estimate_guesses(text, CONTEXT) < MIN_GUESSES)
        for text in make_long_passwords(60)
    ]
    assert (False, True) not in judged
    assert {(True, True), (True, False), (False, False)} <= set(judged), "there are some of each kind"


@pytest.mark.parametrize("text", ["kX9vLq2mZr7Twpb", "anna.miller" + "kX9vLq2mZr7Twpbq"])
def test_a_shorter_password_is_always_judged_by_all_of_zxcvbn(text: str) -> None:
    assert len(text) < LONG_PASSWORD_CHARACTERS
    assert has_long_match(text, [])
