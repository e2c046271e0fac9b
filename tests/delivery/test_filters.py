from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.core.security import typed_text
from accounts.delivery import filters


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Anna Müller", "Anna Müller"),
        ("Dr. J. Smith Jr.", "Dr. J. Smith Jr."),
        ("  Anna\r\nBcc: evil ", ""),
        ("Anna\r\n\tMüller", "Anna Müller"),
        ("Zoë\u202e \u200bÅ", "Zoë Å"),
        ("Bert O'Neill", "Bert O'Neill"),
        ("山田 太郎", "山田 太郎"),
        ("Chrome 128 on Windows 11", "Chrome 128 on Windows 11"),
    ],
)
def test_names_of_people_stay(typed: str, shown: str) -> None:
    assert filters.plain(typed) == shown


@given(st.text(max_size=80))
def test_whatever_is_typed_a_letter_shows_no_makings_of_a_link(typed: str) -> None:
    shown = filters.plain(typed)
    assert len(shown) <= typed_text.MAX_TYPED_CHARACTERS
    assert not set(shown) & set("/\\:@。")
    assert not re.search(r"\.\S", shown)
    assert all(unicodedata.category(char)[0] != "C" for char in shown)
    assert filters.plain(shown) == shown
