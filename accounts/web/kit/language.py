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

FOLDER = Path(__file__).parents[2] / "translations"
MOMENT = {"de": "d. MMMM y, HH:mm"}
"""How people write a moment, where it is not the way that is understood everywhere."""
ANYWHERE = "d MMMM y, HH:mm"
NAMES = {"en": "English", "de": "Deutsch"}


class Languages:
    """What is spoken here. Catalogs are read once, on first use of each."""

    def __init__(self, default: str) -> None:
        self.default = default
        self._catalogs: dict[str, Mapping[str, str]] = {}

    def speaks(self, locale: str) -> bool:
        return locale in LOCALES

    def best(self, own: str, accept: str) -> str:
        """The person's own language where it is spoken, else the best of an Accept-Language header."""
        if self.speaks(own):
            return own
        accepted = parse_accept_header(accept[:200], LanguageAccept)
        wanted = [tag for tag, quality in accepted if quality > 0]
        found = negotiate_locale([tag.replace("-", "_") for tag in wanted], LOCALES, sep="_") if wanted else None
        return found or self.default

    def say(self, locale: str, text: str, values: Mapping[str, Any] | None = None) -> str:
        """A sentence in a language, its ``%(name)s`` filled in."""
        said = self._catalog(locale).get(text) or text
        return said % values if values else said

    def moment(self, locale: str, at: datetime) -> str:
        """Date and time, for people."""
        return f"{format_datetime(at, MOMENT.get(locale, ANYWHERE), locale=locale)} UTC"

    def _catalog(self, locale: str) -> Mapping[str, str]:
        if locale not in self._catalogs:
            self._catalogs[locale] = _read(FOLDER / f"{locale}.po")
        return self._catalogs[locale]


def _read(path: Path) -> Mapping[str, str]:
    if not path.exists():
        return {}
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.stem)
    return {
        message.id: message.string
        for message in catalog
        if isinstance(message.id, str) and isinstance(message.string, str) and message.string and not message.fuzzy
    }
