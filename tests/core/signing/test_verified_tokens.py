"""A signature that was verified is not verified again, and all else is judged each time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import time_machine
from itsdangerous import TimestampSigner

from accounts.core.clock import LEEWAY, now
from accounts.core.signing import tokens
from accounts.core.signing.key_file import FileKeyRing
from accounts.core.signing.keys import new_key
from accounts.core.signing.token_kind import BadToken, TokenKind
from accounts.core.signing.tokens import KEPT_TOKENS, TokenSigner
from tests.core.sites import ISSUER, make_signer


@dataclass(frozen=True, slots=True)
class Word:
    text: str


WORD = TokenKind(purpose="word", payload=Word, is_repeated=True)
OTHER_WORD = TokenKind(purpose="other-word", payload=Word, is_repeated=True)
MINUTE_WORD = TokenKind(purpose="minute-word", payload=Word, lifetime=timedelta(minutes=1), is_repeated=True)
WORD_OF_LINK = TokenKind(purpose="link-word", payload=Word)


@contextmanager
def count_verifications() -> Iterator[list[str]]:
    """How often itsdangerous looks at a signature meanwhile."""
    calls: list[str] = []

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code is TimestampSigner.unsign.__code__:
            calls.append("")

    before: Callable[..., Any] | None = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def test_a_token_that_is_shown_again_is_verified_once() -> None:
    signer = make_signer()
    token = signer.sign(WORD, Word("a"))
    with count_verifications() as verifications:
        assert [signer.verify(WORD, token) for _ in range(3)] == [Word("a")] * 3
    assert len(verifications) == 1


def test_a_token_of_a_kind_that_is_shown_once_is_not_kept() -> None:
    signer = make_signer()
    token = signer.sign(WORD_OF_LINK, Word("a"))
    with count_verifications() as verifications:
        assert [signer.verify(WORD_OF_LINK, token) for _ in range(3)] == [Word("a")] * 3
    assert len(verifications) == 3


def test_a_verified_token_is_one_of_its_kind_alone() -> None:
    signer = make_signer()
    token = signer.sign(WORD, Word("a"))
    signer.verify(WORD, token)
    assert signer.read(OTHER_WORD, token) is None


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: f"{text}A", lambda text: f".{text}"])
def test_no_other_spelling_of_a_verified_token_is_taken_for_it(change: Callable[[str], str]) -> None:
    signer = make_signer()
    token = signer.sign(WORD, Word("a"))
    signer.verify(WORD, token)
    assert signer.read(WORD, change(token)) is None


@pytest.mark.parametrize("text", ["", "\ud800", "x" * 100_000, "a.b." + "A" * 43])
def test_what_was_refused_is_refused_again(text: str) -> None:
    signer = make_signer()
    assert [signer.read(WORD, text) for _ in range(2)] == [None, None]


def test_a_verified_token_ends_with_its_lifetime() -> None:
    signer = make_signer()
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as clock:
        token = signer.sign(MINUTE_WORD, Word("a"))
        assert signer.read(MINUTE_WORD, token) == Word("a")
        clock.shift(61)
        assert signer.read(MINUTE_WORD, token) is None


def test_a_verified_token_from_the_future_is_refused_when_the_clock_goes_back() -> None:
    signer = make_signer()
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as clock:
        token = signer.sign(WORD, Word("a"))
        assert signer.read(WORD, token) == Word("a")
        clock.shift(-LEEWAY - timedelta(seconds=1))
        with pytest.raises(BadToken, match="future"):
            signer.verify(WORD, token)


def test_a_verified_token_is_refused_as_soon_as_its_key_is_dropped(tmp_path: Path) -> None:
    ring = FileKeyRing(tmp_path / "instance" / "secret-keys")
    signer, old = TokenSigner(ring, ISSUER), ring.signing
    token = signer.sign(WORD, Word("a"))
    ring.add(0)
    assert signer.read(WORD, token) == Word("a")
    ring.drop(old)
    assert signer.read(WORD, token) is None


def test_two_installations_share_no_verified_token() -> None:
    one, other = make_signer(), make_signer(new_key())
    token = one.sign(WORD, Word("a"))
    assert one.read(WORD, token) == Word("a")
    assert other.read(WORD, token) is None


def test_a_signer_keeps_a_bounded_number_of_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "KEPT_TOKENS", 3)
    signer = make_signer()
    texts = [signer.sign(WORD, Word(str(number))) for number in range(20)]
    for text in texts:
        signer.verify(WORD, text)
    with count_verifications() as verifications:
        for text in reversed(texts):
            signer.verify(WORD, text)
    assert len(texts) - 2 * 3 <= len(verifications) < len(texts)
    assert KEPT_TOKENS * 2 * 1024 <= 4 * 1024 * 1024


def test_a_token_that_is_signed_as_of_a_moment_is_the_one_of_that_moment() -> None:
    signer, moment = make_signer(), now()
    with time_machine.travel(moment, tick=False):
        expected = signer.sign(WORD, Word("a"))
    with time_machine.travel(moment + timedelta(hours=1), tick=False):
        assert signer.sign(WORD, Word("a"), as_of=moment) == expected
