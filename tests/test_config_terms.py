"""Where the terms are and what their version is called: both are said, or neither, and nothing leads elsewhere."""

from __future__ import annotations

import pytest

from accounts.config import Settings
from tests.test_config import refused


def terms_url(terms: str, language: str = "de") -> str:
    return Settings.load({"ACCOUNTS_TERMS": terms, "ACCOUNTS_TERMS_VERSION": "2026-11"}).terms_url(language)


def test_terms_are_an_address_or_a_path_for_each_language() -> None:
    assert terms_url("https://example.org/terms?v=1") == "https://example.org/terms?v=1"
    assert terms_url("https://example.org/{language}/terms") == "https://example.org/de/terms"
    assert terms_url(" /terms/{language}.html ", "fr") == "http://127.0.0.1:8000/terms/fr.html"
    assert Settings.load({}).terms_url("en") == ""


@pytest.mark.parametrize(
    "terms",
    ["", "terms", "http://example.org/terms", "//example.org/terms", "https://", "https://u@example.org/", "/a b",
     "javascript:alert(1)", "/terms\\x", "/{locale}/terms", "https://example.org/" + 500 * "x", "/a\nb", "https://a:0/"],
)  # fmt: skip
def test_nothing_else_becomes_a_link(terms: str) -> None:
    assert refused(terms=terms, terms_version="1").startswith("ACCOUNTS_TERMS: must be an address such as https://")


@pytest.mark.parametrize("version", ["", "a b", "-1", 33 * "x", "ü", "1/2", "1\n2"])
def test_a_version_is_a_date_or_a_short_word(version: str) -> None:
    assert refused(terms="/terms", terms_version=version).startswith("ACCOUNTS_TERMS_VERSION: must be a date")


def test_both_are_said_or_neither() -> None:
    both = "ACCOUNTS_TERMS and ACCOUNTS_TERMS_VERSION are set together, or neither"
    assert refused(terms="/terms") == f"ACCOUNTS_TERMS_VERSION: {both}"
    assert refused(terms_version="1") == f"ACCOUNTS_TERMS: {both}"
