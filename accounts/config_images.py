"""Read pictures by what they hold: PNG, WebP or SVG, with the size that a page needs before it has them."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_SIDE_PIXELS = 4096
"""A small file may unpack to a picture that fills the memory of a browser."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SVG_ROOT = "http://www.w3.org/2000/svg svg"
_PIXELS = re.compile(r"\s*(\d{1,6}(?:\.\d+)?)(?:px)?\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture whose kind and size were read from its bytes.

    :ivar width, height: in pixels; of an SVG in its own units.
    """

    content_type: str
    width: int
    height: int
    data: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Return what changes with the picture, so that its address may be cached for ever."""
        return hashlib.sha256(self.data).hexdigest()[:16]


def parse_image(data: bytes) -> Image:
    """Return a picture.

    What an SVG does is not looked into: it is shown by ``<img>``, and served so that it can do nothing.

    :raises ValueError: the bytes are no whole PNG, WebP or SVG; the text says what is wrong.
    """
    if data.startswith(PNG_SIGNATURE):
        content_type, (width, height) = "image/png", _png_size(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        content_type, (width, height) = "image/webp", _webp_size(data)
    elif b"<" in data[:1024]:
        content_type, (width, height) = "image/svg+xml", _svg_size(data)
    else:
        raise ValueError("is no PNG, WebP or SVG")
    if not (0 < width <= MAX_SIDE_PIXELS and 0 < height <= MAX_SIDE_PIXELS):
        raise ValueError(f"is {width} by {height} pixels; at most {MAX_SIDE_PIXELS} a side are shown")
    return Image(content_type, width, height, data)


def _png_size(data: bytes) -> tuple[int, int]:
    size, position = None, len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 12 + length
        kind, body = data[position + 4 : position + 8], data[position + 4 : end - 4]
        if end > len(data) or zlib.crc32(body) != struct.unpack_from(">I", data, end - 4)[0]:
            break
        if kind == b"IHDR" and length == 13:
            size = struct.unpack_from(">II", data, position + 8)
        if kind == b"IEND" and size is not None:
            return size
        position = end
    raise ValueError("is a PNG that is damaged or cut off")


def _webp_size(data: bytes) -> tuple[int, int]:
    (length,) = struct.unpack_from("<I", data, 4)
    chunk = data[12:16]
    if length + 8 <= len(data) and len(data) >= 30:
        if chunk == b"VP8X":
            return (int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
        if chunk == b"VP8L" and data[20] == 0x2F:
            bits = int.from_bytes(data[21:25], "little")
            return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    raise ValueError("is a WebP that is damaged or cut off")


def _svg_size(data: bytes) -> tuple[int, int]:
    roots: list[tuple[str, Mapping[str, str]]] = []

    def note_root(name: str, attributes: Mapping[str, str]) -> None:
        if not roots:
            roots.append((name, attributes))

    def refuse_entity(*declaration: object) -> None:
        raise ValueError("is an SVG that declares entities; save it without them")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = note_root
    parser.EntityDeclHandler = refuse_entity
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError) as error:
        raise ValueError(f"is no SVG that can be read: {error}") from None
    name, attributes = roots[0]
    if name != SVG_ROOT:
        raise ValueError("is no PNG, WebP or SVG")
    return _viewbox_size(attributes.get("viewBox", "")) or _stated_size(attributes)


def _viewbox_size(view_box: str) -> tuple[int, int] | None:
    numbers = [_PIXELS.fullmatch(each) for each in re.split(r"[\s,]+", view_box.strip())[2:]]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        return None
    width, height = float(numbers[0][1]), float(numbers[1][1])
    # Units of its own, which may be few or many: only how they stand to each other counts.
    scale = max(width, height) / 1000 if max(width, height) > 1000 else 1 if min(width, height) >= 8 else 0.01
    return max(1, round(width / scale)), max(1, round(height / scale))


def _stated_size(attributes: Mapping[str, str]) -> tuple[int, int]:
    width, height = (_PIXELS.fullmatch(attributes.get(side, "")) for side in ("width", "height"))
    if width is None or height is None:
        raise ValueError("is an SVG without a size: it needs a viewBox, or width and height in pixels")
    return max(1, round(float(width[1]))), max(1, round(float(height[1])))
