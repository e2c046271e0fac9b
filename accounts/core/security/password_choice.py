"""Decide which passwords may be chosen (NIST SP 800-63B-4, 3.1.1.2)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from functools import cache

from accounts.core.errors import FieldError, InvalidInput
from accounts.core.messages import N_

MIN_PASSWORD_CHARACTERS, MAX_PASSWORD_CHARACTERS = 15, 256
"""NIST SP 800-63B-4 3.1.1.2: at least 15 where the password is the only factor; no composition rules."""
MIN_GUESSES = 10**10
"""zxcvbn's highest grade. At the next one ``Password1234567!`` passes; a few unrelated words have 10**15 and more."""
LEET_CHARACTERS, MAX_LEET_CHARACTERS = frozenset("4@8({[<3691!|07$5+%2"), 10
ZXCVBN_CHARACTERS, ZXCVBN_LEET_CHARACTERS = 72, 24
"""How many characters zxcvbn looks at. It reads ``4`` as ``a`` and so on in every combination: seconds of work for
72 characters with all such signs. Of more than ``MAX_LEET_CHARACTERS`` different ones the beginning has to do."""
LONG_PART_CHARACTERS, LONG_PASSWORD_CHARACTERS = 10, 28
"""In three parts or fewer, one of 28 characters has a part of 10 or more: see :func:`has_long_match`."""

TOO_SHORT = N_("Use at least %(min)s characters. A few unrelated words are easy to remember.")
TOO_LONG = N_("Use at most %(max)s characters.")
TOO_EASY = N_("This password is too easy to guess. Avoid common or repetitive passwords and your own data.")


def normalize_password(password: str) -> str:
    """Return the one Unicode form (NFC) in which passwords are set and checked. Nothing is trimmed or cut."""
    return unicodedata.normalize("NFC", password)


def check_new_password(password: str, context: Iterable[str], *, field: str = "password") -> None:
    """Check that a password may be chosen. Takes some milliseconds of Python.

    :param context: words an attacker would try first (service, name, address).
    :raises InvalidInput: too short, too long, common or guessable; names ``field``.
    """
    text = normalize_password(password)
    if len(text) < MIN_PASSWORD_CHARACTERS:
        raise _choice_error(field, "too_short", TOO_SHORT, min=MIN_PASSWORD_CHARACTERS)
    if len(text) > MAX_PASSWORD_CHARACTERS:
        raise _choice_error(field, "too_long", TOO_LONG, max=MAX_PASSWORD_CHARACTERS)
    text = text[:ZXCVBN_CHARACTERS]
    if len(LEET_CHARACTERS.intersection(text)) > MAX_LEET_CHARACTERS:
        text = text[:ZXCVBN_LEET_CHARACTERS]
    words = list(context)
    if has_long_match(text, words) and estimate_guesses(text, words) < MIN_GUESSES:
        raise _choice_error(field, "too_easy", TOO_EASY)


def has_long_match(text: str, context: Iterable[str]) -> bool:
    """Return whether zxcvbn may find fewer than ``MIN_GUESSES``; False spares most of its work.

    zxcvbn takes a password apart into what it knows and what is random. To four parts or more it gives 10**12 guesses
    at least, and to 10 random characters 10**10. So a password of 28 characters is only weak where a third of it, or
    more, is one thing that zxcvbn knows; of its words those with 10 characters or more are enough to find that.
    """
    if len(text) < LONG_PASSWORD_CHARACTERS:
        return True
    from zxcvbn import matching

    matches = matching.omnimatch(text, {"long": _long_words(), "user_inputs": _rank_words(context)})
    return any(3 * (match["j"] - match["i"] + 1) >= len(text) for match in matches)


@cache
def _long_words() -> dict[str, int]:
    from zxcvbn import matching

    # What another program in this process told zxcvbn() about its users is none of our words.
    ranked = [words for name, words in matching.RANKED_DICTIONARIES.items() if name != "user_inputs"]
    return {word: 1 for words in ranked for word in words if len(word) >= LONG_PART_CHARACTERS}


def _rank_words(context: Iterable[str]) -> dict[str, int]:
    from zxcvbn import matching

    return matching.build_ranked_dict([word.lower() for word in context if word])


def estimate_guesses(text: str, context: Iterable[str]) -> int | Decimal:
    """Return the guesses of ``zxcvbn(text, user_inputs=context)``, without what that writes.

    ``zxcvbn()`` puts the context into a dictionary that all threads share: two at once would judge by each other's
    words, and one that waits for its turn waits for milliseconds of Python.
    """
    # Imported here: it takes 20 ms of every start.
    from zxcvbn import matching

    return _score(text, {**matching.RANKED_DICTIONARIES, "user_inputs": _rank_words(context)})


def _score(text: str, dictionaries: dict[str, dict[str, int]]) -> int | Decimal:
    from zxcvbn import matching, scoring

    matches = matching.omnimatch(text, dictionaries)
    for match in matches:
        if match["pattern"] == "repeat":
            # What is repeated was scored by the shared dictionaries alone: a name twice would be no name.
            match["base_guesses"] = _score(match["base_token"], dictionaries)
    return scoring.most_guessable_match_sequence(text, matches)["guesses"]


def _choice_error(field: str, code: str, message: str, **values: int) -> InvalidInput:
    return InvalidInput(f"password {code}", fields=[FieldError(field, code, message, values)])
