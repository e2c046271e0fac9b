"""Mutated tokens by the thousand: none is accepted, and only ``Unreadable`` is ever raised."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from accounts.core.signing.token_kind import BadToken
from tests.core.sites import make_signer
from tests.kit.properties import examples

BOX = make_signer()
TOKENS = [
    BOX.sign_payload("reset-password", 1, ["abcdefghijklmnop", "abcdefghijklmnopqrst"]),
    BOX.sign_payload("reset-password", 1, ["x" * 400, 1, None]),
]
LETTERS = "ABCXYZabcxyz0189-_.=+/ %\x00\néK"
CHANGES: tuple[Callable[[str, int, str], str], ...] = (
    lambda token, place, letter: token[:place] + letter + token[place:],
    lambda token, place, letter: token[:place] + letter + token[place + 1 :],
    lambda token, place, letter: token[:place] + token[place + 1 :],
    lambda token, place, letter: (
        token[:place] + token[place + 1 : place + 2] + token[place : place + 1] + token[place + 2 :]
    ),
    lambda token, place, letter: token[:place],
    lambda token, place, letter: token[place:],
    lambda token, place, letter: token[:place] + token,
    lambda token, place, letter: token[:place] + token[place : place + 1].swapcase() + token[place + 1 :],
    lambda token, place, letter: token[:place] + "".join(chr(ord(one) ^ 1) for one in token[place:]),
)


def mutated(which: int, seeds: list[int]) -> str:
    """A genuine token with small changes: each seed is a place, a kind of change and a letter."""
    token = TOKENS[which]
    for seed in seeds:
        rest, change = divmod(seed, len(CHANGES))
        place, letter = divmod(rest, len(LETTERS))
        token = CHANGES[change](token, place % (len(token) + 1), LETTERS[letter])
    return token


MUTATED = st.builds(mutated, st.integers(0, 1), st.lists(st.integers(0, 2**32), min_size=1, max_size=4))


@examples(2000)
@given(MUTATED)
def test_no_mutated_token_is_accepted(token: str) -> None:
    try:
        BOX.verify_payload("reset-password", 1, token)
    except BadToken:
        assert token not in TOKENS
    else:
        assert token in TOKENS, "only a mutation that changed nothing may open"


@examples(100)
@given(st.text(max_size=200))
def test_no_other_text_is_accepted_either(token: str) -> None:
    try:
        BOX.verify_payload("reset-password", 1, token)
    except BadToken:
        return
    raise AssertionError("a text that nobody signed")
