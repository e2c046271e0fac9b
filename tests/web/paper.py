"""Letters on paper: what a reader of QR codes sees on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import zxingcpp

T = TypeVar("T")

PIXELS = 4
"""A module of a code as a scanner would see it."""


class Letter(NamedTuple):
    """The link of a letter, as it is printed in letters and as its code says it."""

    printed: str
    scanned: str


def letters_on(page: str) -> list[Letter]:
    """The letters of a page."""
    return [
        Letter(_only(re.findall(r'class="link">(\S+)</p>', text)), scanned(_only(re.findall("<svg.*?</svg>", text))))
        for text in re.findall(r"<article.*?</article>", page, re.DOTALL)
    ]


def scanned(svg: str) -> str:
    """What a code says that is drawn as one line of horizontal strokes, read from its pixels by ZXing."""
    width, height = (int(each) for each in _only(re.findall(r'viewBox="0 0 (\d+) (\d+)"', svg)))
    rows = [bytearray(b"\xff" * width * PIXELS) for _ in range(height)]
    x, y = 0, 0.0
    for step, across, down in re.findall(r"([Mmh])(-?\d+)(?: (-?[\d.]+))?", _only(re.findall(r' d="([^"]+)"', svg))):
        if step == "h":
            rows[int(y)][x * PIXELS : (x + int(across)) * PIXELS] = bytes(int(across) * PIXELS)
            x += int(across)
        else:
            x, y = (int(across), float(down)) if step == "M" else (x + int(across), y + float(down))
    pixels = b"".join(bytes(row) * PIXELS for row in rows)
    image = memoryview(pixels).cast("B", shape=[height * PIXELS, width * PIXELS])
    return str(_only(zxingcpp.read_barcodes(image)).text)


def _only(found: Sequence[T]) -> T:
    assert len(found) == 1, found
    return found[0]
