"""Decide which passwords may be chosen (NIST SP 800-63B-4, 3.1.1.2)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from decimal import Decimal

from accounts.core.errors import N_, FieldError, InvalidInput

MIN_PASSWORD_CHARACTERS, MAX_PASSWORD_CHARACTERS = 15, 256
"""NIST SP 800-63B-4 3.1.1.2: at least 15 where the password is the only factor; no composition rules."""
MIN_GUESSES = 10**10
"""zxcvbn's highest grade. At the next one ``Password1234567!`` passes; a few unrelated words have 10**15 and more."""
LEET_CHARACTERS, MAX_LEET_CHARACTERS = frozenset("4@8({[<3691!|07$5+%2"), 10
ZXCVBN_CHARACTERS, ZXCVBN_LEET_CHARACTERS = 72, 24
"""How many characters zxcvbn looks at. It reads ``4`` as ``a`` and so on in every combination: seconds of work for
72 characters with all such signs. Of more than ``MAX_LEET_CHARACTERS`` different ones the beginning has to do."""

TOO_SHORT = N_("At least %(min)s characters, please: a few unrelated words are easy to remember.")
TOO_LONG = N_("At most %(max)s characters, please.")
TOO_EASY = N_("This password is too easy to guess: it is common, repetitive, or made of your own data.")


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
    if estimate_guesses(text, context) < MIN_GUESSES:
        raise _choice_error(field, "too_easy", TOO_EASY)


def estimate_guesses(text: str, context: Iterable[str]) -> int | Decimal:
    """Return the guesses of ``zxcvbn(text, user_inputs=context)``, without what that writes.

    ``zxcvbn()`` puts the context into a dictionary that all threads share: two at once would judge by each other's
    words, and one that waits for its turn waits for milliseconds of Python.
    """
    # Imported here: it takes 20 ms of every start.
    from zxcvbn import matching

    words = (word.lower() for word in context if word)
    return _score(text, {**matching.RANKED_DICTIONARIES, "user_inputs": matching.build_ranked_dict(words)})


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
