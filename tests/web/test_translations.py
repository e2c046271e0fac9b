"""Every word of the pages is said in every language, and no language says what nobody asks for."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from accounts.config import LOCALES
from accounts.core.security.password_choice import MIN_PASSWORD_CHARACTERS
from accounts.web.kit.language import LANGUAGE_NAMES, TRANSLATIONS_FOLDER

ROOT = TRANSLATIONS_FOLDER.parent
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]")
OTHERS = [locale for locale in LOCALES if locale != "en"]


def in_python() -> Iterator[str]:
    """Sentences marked in code."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("N_", "nN_"):
                assert len(node.args) == len(node.func.id) - 1, f"{path.name}:{node.lineno}"
                for text in node.args:
                    assert isinstance(text, ast.Constant), f"{path.name}:{node.lineno} marks what is not a literal"
                    yield str(text.value)


def in_templates() -> Iterator[str]:
    """Sentences that templates ask for. What they ask for by name is marked in code, and is None here."""
    for path in (ROOT / "templates").rglob("*.html"):
        parsed = Environment(autoescape=True).parse(path.read_text("utf-8"))
        for _, function, output in extract_from_ast(parsed, gettext_functions=("_", "N_", "ngettext")):
            texts = output if isinstance(output, tuple) else (output,)
            yield from (text for text in texts[: 2 if function == "ngettext" else 1] if text is not None)


def asked_for() -> set[str]:
    return {*in_python(), *in_templates()}


def catalog_of(locale: str) -> Catalog:
    with (TRANSLATIONS_FOLDER / f"{locale}.po").open("rb") as file:
        return read_po(file, locale=locale, abort_invalid=True)


def said(locale: str) -> dict[str, str]:
    translated: dict[str, str] = {}
    for each in catalog_of(locale):
        if each.id and not each.fuzzy:
            # Of a plural text each form stands by itself: all our languages have two.
            ids: Any = each.id if each.pluralizable else (each.id,)
            strings: Any = each.string if each.pluralizable else (each.string,)
            translated |= {str(text): str(words) for text, words in zip(ids, strings, strict=True)}
    return translated


def test_every_language_has_a_name_of_its_own() -> None:
    assert list(LANGUAGE_NAMES) == list(LOCALES)


def test_code_and_templates_are_both_looked_through() -> None:
    assert "Please sign in first." in set(in_python())
    assert "Skip to content" in set(in_templates())


@pytest.mark.parametrize("locale", OTHERS)
def test_every_message_is_translated(locale: str) -> None:
    done = {text for text, words in said(locale).items() if words}
    assert sorted(asked_for() - done) == []


@pytest.mark.parametrize("locale", OTHERS)
def test_no_translation_is_left_over(locale: str) -> None:
    assert sorted(set(said(locale)) - asked_for()) == []


@pytest.mark.parametrize("locale", OTHERS)
def test_a_translation_fills_in_the_same_values(locale: str) -> None:
    for text, words in said(locale).items():
        assert Counter(PLACEHOLDER.findall(words)) == Counter(PLACEHOLDER.findall(text)), text


@pytest.mark.parametrize("locale", OTHERS)
def test_nothing_is_translated_twice(locale: str) -> None:
    ids = re.findall(r'^msgid "(.+)"$', (TRANSLATIONS_FOLDER / f"{locale}.po").read_text("utf-8"), re.MULTILINE)
    assert [text for text, count in Counter(ids).items() if count > 1] == []


def test_the_hint_for_new_passwords_names_the_length_that_is_checked() -> None:
    (hint,) = {text for text in in_templates() if text.startswith("At least ")}
    assert f" {MIN_PASSWORD_CHARACTERS} " in hint
    assert all(f" {MIN_PASSWORD_CHARACTERS} " in said(locale)[hint] for locale in OTHERS)
