"""Languages of the pages: English in the code, the others in ``translations/<language>.po``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from babel.core import negotiate_locale
from babel.dates import format_datetime
from babel.messages.pofile import read_po
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from accounts.config import LOCALES

TRANSLATIONS_FOLDER = Path(__file__).parents[2] / "translations"
DATETIME_PATTERNS = {"de": "d. MMMM y, HH:mm"}
"""How people write a moment, where it is not the way that is understood everywhere."""
DEFAULT_DATETIME_PATTERN = "d MMMM y, HH:mm"
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}


class Languages:
    """What is spoken here. Catalogs are read once, on first use of each."""

    def __init__(self, default: str) -> None:
        self.default = default
        self._catalogs: dict[str, Mapping[str, str]] = {}

    def supports(self, locale: str) -> bool:
        """Return whether there are translations for a language."""
        return locale in LOCALES

    def negotiate(self, preferred: str, accept_language: str) -> str:
        """Return the user's own language where it is supported, else the best of an Accept-Language header."""
        if self.supports(preferred):
            return preferred
        accepted = parse_accept_header(accept_language[:200], LanguageAccept)
        tags = [tag for tag, quality in accepted if quality > 0]
        match = negotiate_locale([tag.replace("-", "_") for tag in tags], LOCALES, sep="_") if tags else None
        return match or self.default

    def translate(self, locale: str, message: str, values: Mapping[str, Any] | None = None) -> str:
        """Return a text in a language, its ``%(name)s`` filled in."""
        translation = self._catalog(locale).get(message) or message
        return translation % values if values else translation

    def format_timestamp(self, locale: str, at: datetime) -> str:
        """Return date and time as users read them."""
        return f"{format_datetime(at, DATETIME_PATTERNS.get(locale, DEFAULT_DATETIME_PATTERN), locale=locale)} UTC"

    def _catalog(self, locale: str) -> Mapping[str, str]:
        if locale not in self._catalogs:
            self._catalogs[locale] = _read_catalog(TRANSLATIONS_FOLDER / f"{locale}.po")
        return self._catalogs[locale]


def _read_catalog(path: Path) -> Mapping[str, str]:
    if not path.exists():
        return {}
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.stem)
    return {
        message.id: message.string
        for message in catalog
        if isinstance(message.id, str) and isinstance(message.string, str) and message.string and not message.fuzzy
    }
