"""Languages of the pages: English in the code, the others in ``translations/<language>.po``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from accounts.config import LOCALES

TRANSLATIONS_FOLDER = Path(__file__).parents[2] / "translations"
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}


class Languages:
    """What is spoken here. Catalogs are read once, on first use of each."""

    def __init__(self, default: str) -> None:
        self.default = default
        self._translations: dict[str, NullTranslations] = {}

    def supports(self, locale: str) -> bool:
        """Return whether there are translations for a language."""
        return locale in LOCALES

    def negotiate(self, preferred: str, accept_language: str) -> str:
        """Return the user's own language where it is supported, else the best of an Accept-Language header."""
        if self.supports(preferred):
            return preferred
        return self.accepted(accept_language) or self.default

    def accepted(self, accept_language: str) -> str:
        """Return the best language of an Accept-Language header; "" where none of them is supported."""
        return _negotiate(accept_language[:200]) or ""

    def translations(self, locale: str) -> NullTranslations:
        """Return the translations into a language, by the English text; what is missing stays English."""
        if locale not in self._translations:
            self._translations[locale] = _read_catalog(TRANSLATIONS_FOLDER / f"{locale}.po")
        return self._translations[locale]

    def translate(self, locale: str, message: str, values: Mapping[str, Any] | None = None) -> str:
        """Return a text in a language, its ``%(name)s`` filled in."""
        translation = self.translations(locale).gettext(message)
        return translation % values if values else translation


@lru_cache(maxsize=256)
def _negotiate(accept_language: str) -> str | None:
    accepted = parse_accept_header(accept_language, LanguageAccept)
    tags = [tag.replace("-", "_") for tag, quality in accepted if quality > 0]
    return negotiate_locale(tags, LOCALES, sep="_") if tags else None


def _read_catalog(path: Path) -> NullTranslations:
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=path.stem))
    compiled.seek(0)
    return GNUTranslations(compiled)
