"""What another server says is one line without what it quotes of us and of our users."""

from __future__ import annotations

import pytest

from accounts.core.foreign_text import join_lines, scrub


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("550 5.1.1 <ann@example.org>: no such user", "550 5.1.1 <[...]>: no such user"),
        ('550 <"ann lee"@example.org> unknown', "550 <[...]> unknown"),
        ("550 ann@b@example.org, unknown", "550 [...] unknown"),
        ("554 blocked\r\n  for https://here.example/l/reset/abc\x00", "554 blocked for [...]"),
        (f"554 because of {'aZ0-' * 12}.x", "554 because of [...]"),
        ("450 4.7.1 <mx.example.com> is busy", "450 4.7.1 <mx.example.com> is busy"),
    ],
)
def test_links_addresses_and_tokens_are_left_out(said: str, shown: str) -> None:
    assert scrub(said, 300) == shown


def test_a_line_is_cut_off_behind_what_was_left_out() -> None:
    assert scrub("550 ann@example.org is unknown", 9) == "550 [...]"


def test_the_reason_is_looked_for_in_words_that_a_token_would_hide() -> None:
    assert join_lines("x" * 50 + " a@b.example") == "x" * 50 + " [...]"
