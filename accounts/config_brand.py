"""Read how pages look: pictures and a style sheet from files, the accent colour, and the links below each page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from accounts.config_colours import Accent, parse_accent
from accounts.config_images import Image, parse_image

MAX_IMAGE_BYTES = 200_000
MAX_STYLESHEET_BYTES = 100_000
MAX_LINKS, MAX_LABEL_CHARACTERS, MAX_URL_CHARACTERS = 8, 40, 1000
OWN_LABELS = frozenset({"privacy", "terms", "imprint"})
"""Labels that have words of ours, in each language; all others stand as they were written."""
WIDE_RATIO = 1.8
"""A logo that is so much wider than high has the name in it, mostly: it stands alone then."""
_NEXT_LINK = re.compile(r",\s*(?=[^=,/?#&]+=)")
_URL_CHARACTERS = re.compile(r"[!#-;=?-Z\\[\]_a-z~%]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A picture that a setting names, as it was at start."""

    path: str
    image: Image

    @property
    def is_wide(self) -> bool:
        """Whether it is so wide that it will be the name, in letters."""
        return self.image.width >= WIDE_RATIO * self.image.height

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class Stylesheet:
    """Rules that a setting names, as they were at start."""

    path: str
    text: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class FooterLink:
    """A link below each page.

    :ivar label: one of :data:`OWN_LABELS`, or what people read.
    :ivar url: an https address, or a path at the origin of the service.
    """

    label: str
    url: str

    @property
    def is_own_label(self) -> bool:
        """Whether the label stands for words of ours."""
        return self.label in OWN_LABELS

    def __str__(self) -> str:
        return f"{self.label}={self.url}"


def _read_image(value: Any) -> Any:
    if not isinstance(value, str | Path):
        return value
    data = _read_bytes(value, MAX_IMAGE_BYTES)
    try:
        return ImageFile(str(value), parse_image(data))
    except ValueError as error:
        raise ValueError(f"{value} {error}") from None


def _read_stylesheet(value: Any) -> Any:
    if not isinstance(value, str | Path):
        return value
    try:
        return Stylesheet(str(value), _read_bytes(value, MAX_STYLESHEET_BYTES).decode())
    except UnicodeDecodeError:
        raise ValueError(f"{value} is not UTF-8") from None


def _read_bytes(path: str | Path, limit: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > limit:
        raise ValueError(f"{path} is larger than {limit // 1000} kB")
    return data


def _parse_links(value: Any) -> Any:
    """Return links of ``Privacy=https://..., Imprint=/imprint``, or of a table of them."""
    if isinstance(value, str):
        pairs = [each.partition("=") for each in _NEXT_LINK.split(value.strip(" ,")) if each.strip()]
        value = [(label, url) for label, _, url in pairs]
    elif isinstance(value, Mapping):
        value = list(value.items())
    if not isinstance(value, list):
        return value
    if len(value) > MAX_LINKS:
        raise ValueError(f"are {len(value)} links; there is room for {MAX_LINKS}")
    return tuple(_footer_link(str(label), str(url)) for label, url in value)


def _footer_link(label: str, url: str) -> FooterLink:
    label, url = label.strip(), url.strip()
    if not (label and len(label) <= MAX_LABEL_CHARACTERS and label.isprintable()):
        raise ValueError("must be labels and addresses such as Privacy=https://example.org/privacy, Imprint=/imprint")
    if not _is_address(url):
        raise ValueError(
            f"{label} must lead to an address such as https://example.org/privacy, or a path such as /privacy"
        )
    known = label.lower()
    return FooterLink(known if known in OWN_LABELS else label, url)


def _is_address(url: str) -> bool:
    if len(url) > MAX_URL_CHARACTERS or not _URL_CHARACTERS.fullmatch(url) or "\\" in url:
        return False
    if url.startswith("/"):
        return not url.startswith("//")
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


LogoFile = Annotated[ImageFile, BeforeValidator(_read_image)]
StylesheetFile = Annotated[Stylesheet, BeforeValidator(_read_stylesheet)]
AccentColour = Annotated[Accent, BeforeValidator(parse_accent)]
FooterLinks = Annotated[tuple[FooterLink, ...], BeforeValidator(_parse_links)]
