"""Hold how emails look: name, logo, colours, and what stands in their foot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from accounts.config_colours import contrast

DEFAULT_ACCENT, DEFAULT_ACCENT_DARK = "#1d4ed8", "#9ab8ff"
LIGHT_TEXT, DARK_TEXT = "#ffffff", "#10182b"
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_EMAIL = re.compile(r"[^\s@:/]+@[^\s@:/]+")


@dataclass(frozen=True, slots=True)
class LetterBrand:
    """Describe how the emails of one installation look.

    :ivar name: in head and foot; "" takes the name of the service.
    :ivar logo_url: an absolute http or https URL of our own origin; "" shows the name instead.
    :ivar accent: of buttons and links, ``#rrggbb``.
    :ivar accent_dark: the same where the reader prefers dark.
    :ivar support: where to ask for help: an address, a URL, or words; "" for none.
    :ivar links: of the foot, as label and URL. Labels of ours (``privacy``) have words in each language.
    :raises ValueError: a colour that is not ``#rrggbb``, or a URL that is not one for a browser. Both stand in style
        and markup, where other text would do more than it says.
    """

    name: str = ""
    logo_url: str = ""
    accent: str = DEFAULT_ACCENT
    accent_dark: str = DEFAULT_ACCENT_DARK
    support: str = ""
    links: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        for colour in (self.accent, self.accent_dark):
            if not _COLOUR.fullmatch(colour):
                raise ValueError(f"{colour!r} is no colour: write #rrggbb")
        for url in (*([self.logo_url] if self.logo_url else ()), *(url for _, url in self.links)):
            if not _is_web_url(url):
                raise ValueError(f"{url!r} is no http or https URL")

    @property
    def on_accent(self) -> str:
        """Return the colour of text on the accent."""
        return _text_on(self.accent)

    @property
    def on_accent_dark(self) -> str:
        """Return the colour of text on the accent where the reader prefers dark."""
        return _text_on(self.accent_dark)

    @property
    def support_url(self) -> str:
        """Return where the support contact leads; "" where it is words."""
        if _EMAIL.fullmatch(self.support):
            return f"mailto:{self.support}"
        return self.support if _is_web_url(self.support) else ""


def _text_on(colour: str) -> str:
    return max((LIGHT_TEXT, DARK_TEXT), key=lambda text: contrast(text, colour))


def _is_web_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not re.search(r"[\s\"'<>\\]", text)
