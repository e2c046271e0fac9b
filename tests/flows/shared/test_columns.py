"""What columns of other systems are called, and the words in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from accounts.config import LOCALES
from accounts.flows.shared.cell_words import NO_WORDS, NULL_WORDS, STATE_OF_WORD, STATUS_WORDS, YES_WORDS
from accounts.flows.shared.columns import COLUMNS, MEANING_OF_NAME, Meaning, is_suspicious, normalize_name

DOCUMENT = (Path(__file__).parents[3] / "docs" / "moving-in.md").read_text("utf-8")


def test_no_name_has_two_meanings() -> None:
    for meaning, names in COLUMNS.items():
        for name in names:
            assert MEANING_OF_NAME[normalize_name(name.removeprefix("profile."))] is meaning, name


def test_every_meaning_has_names() -> None:
    assert set(COLUMNS) == set(Meaning)


def test_yes_and_no_are_known_in_every_language_that_is_spoken_here() -> None:
    assert set(YES_WORDS) == set(NO_WORDS) == set(LOCALES)


def test_no_word_says_yes_and_no() -> None:
    yes, no = (frozenset().union(*words.values()) for words in (YES_WORDS, NO_WORDS))
    assert not yes & no
    assert not (yes | no) & NULL_WORDS
    assert len(STATE_OF_WORD) == sum(map(len, STATUS_WORDS.values()))


@pytest.mark.parametrize(
    "word", ["email_verified", "E-Mail Verified", "emailVerified [x]", "EMAIL (a) verified", " email  verified:"]
)
def test_names_are_compared_without_case_blanks_and_brackets(word: str) -> None:
    assert normalize_name(word) == "emailverified"


@pytest.mark.parametrize(
    "name", ["blockchain", "hashtag", "urban", "Statement", "clock", "activity", "passport", "compass"]
)
def test_a_word_within_another_is_no_warning(name: str) -> None:
    assert not is_suspicious(name)


def test_the_document_names_every_column_and_word() -> None:
    table = DOCUMENT[DOCUMENT.index("## Columns") :]
    told = set(re.findall(r"`([^`]+)`", table))
    for meaning, names in COLUMNS.items():
        missing = set(names) - told
        assert not missing, f"{meaning.value}: {missing}"
        assert meaning.value in table
    words = {word for states in STATUS_WORDS.values() for word in states}
    words |= {word for spoken in (YES_WORDS, NO_WORDS) for each in spoken.values() for word in each}
    assert not words - told, words - told
    assert not (NULL_WORDS - {""}) - told, NULL_WORDS - told
