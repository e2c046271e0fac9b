"""Letters on paper: what a reader of QR codes sees on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import zxingcpp

T = TypeVar("T")

PIXELS_PER_MODULE = 4
"""A module of a code as a scanner would see it."""


class PrintedLetter(NamedTuple):
    """The link of a letter, as it is printed in letters and as its code says it."""

    printed: str
    scanned: str


def parse_letters(page: str) -> list[PrintedLetter]:
    """The letters of a page."""
    return [
        PrintedLetter(
            _single(re.findall(r'class="link">(\S+)</p>', text)),
            scan_qr_code(_single(re.findall("<svg.*?</svg>", text))),
        )
        for text in re.findall(r"<article.*?</article>", page, re.DOTALL)
    ]


def scan_qr_code(svg: str) -> str:
    """What a code says that is drawn as one line of horizontal strokes, read from its pixels by ZXing."""
    width, height = (int(each) for each in _single(re.findall(r'viewBox="0 0 (\d+) (\d+)"', svg)))
    rows = [bytearray(b"\xff" * width * PIXELS_PER_MODULE) for _ in range(height)]
    x, y = 0, 0.0
    for step, across, down in re.findall(
        r"([Mmh])(-?\d+)(?: (-?[\d.]+))?", _single(re.findall(r' d="([^"]+)"', svg))
    ):
        if step == "h":
            rows[int(y)][x * PIXELS_PER_MODULE : (x + int(across)) * PIXELS_PER_MODULE] = bytes(
                int(across) * PIXELS_PER_MODULE
            )
            x += int(across)
        else:
            x, y = (int(across), float(down)) if step == "M" else (x + int(across), y + float(down))
    pixels = b"".join(bytes(row) * PIXELS_PER_MODULE for row in rows)
    image = memoryview(pixels).cast("B", shape=[height * PIXELS_PER_MODULE, width * PIXELS_PER_MODULE])
    # Of no other kind: now and then ZXing takes a part of a code for a barcode with a few bars, too.
    found = [each for each in zxingcpp.read_barcodes(image) if each.format == zxingcpp.BarcodeFormat.QRCode]
    return str(_single(found).text)


def _single(items: Sequence[T]) -> T:
    assert len(items) == 1, items
    return items[0]
