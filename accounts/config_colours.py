"""Check an accent colour by its contrast (WCAG 2.2, 1.4.3), and derive the shades that pages need."""

from __future__ import annotations

import re
from dataclasses import dataclass

MIN_CONTRAST = 4.5
"""Of text on its ground (WCAG 2.2, 1.4.3, level AA)."""
DARK_CONTRAST = 5.5
"""What the accent is lightened to on dark pages: more than it needs, since thin letters are hard to read there."""
LIGHT_GROUND, DARK_GROUND = "#f3f5f8", "#232b34"
"""What the accent stands on: of the grounds in style.css those on which it stands out least."""
WHITE, BLACK, INK = "#ffffff", "#000000", "#10182b"
"""``INK`` is the text on the lightened accent."""
STEPS = 256
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Accent:
    """The accent colour of an installation, and what is derived of it.

    :ivar light, light_strong: on light pages; the second is for what the pointer is over.
    :ivar dark, dark_strong: the same on dark pages.
    :ivar on_light, on_dark: text on them.
    """

    light: str
    light_strong: str
    dark: str
    dark_strong: str
    on_light: str = WHITE
    on_dark: str = INK

    def __str__(self) -> str:
        return self.light


def parse_accent(value: object) -> object:
    """Return the accent of a colour, ``#rrggbb``.

    :raises ValueError: it is no colour, or one that cannot be read; the text names the nearest that can.
    """
    if not isinstance(value, str):
        return value
    colour = value.strip().lower()
    if not _COLOUR.fullmatch(colour):
        raise ValueError("must be a colour such as #1d4ed8")
    ratio = contrast(colour, LIGHT_GROUND)
    if ratio < MIN_CONTRAST:
        nearest = shift_to_contrast(colour, BLACK, LIGHT_GROUND, MIN_CONTRAST)
        raise ValueError(
            f"{colour} has a contrast of {format_ratio(ratio)} on our pages, where text needs {MIN_CONTRAST}:1; "
            f"the nearest colour that has it is {nearest}"
        )
    dark = shift_to_contrast(colour, WHITE, DARK_GROUND, DARK_CONTRAST)
    return Accent(colour, mix(colour, BLACK, 0.2), dark, mix(dark, WHITE, 0.4))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def format_ratio(ratio: float) -> str:
    """Return a ratio as people write it, never rounded up to what it does not reach: ``4.49:1``."""
    return f"{int(ratio * 100) / 100:g}:1"


def mix(colour: str, other: str, share: float) -> str:
    """Return a colour with a share of another, 0 to 1."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def shift_to_contrast(colour: str, towards: str, ground: str, ratio: float) -> str:
    """Return the first colour on the way to another that has a contrast on a ground; its hue stays."""
    shades = (mix(colour, towards, step / STEPS) for step in range(STEPS + 1))
    return next((shade for shade in shades if contrast(shade, ground) >= ratio), towards)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    shares = [channel / 255 for channel in _channels(colour)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
