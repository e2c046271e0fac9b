"""Pictures are known by what they hold, and refused where they are damaged or none."""

from __future__ import annotations

import struct

import pytest

from accounts.config_images import parse_image
from tests.kit.images import SVG_NAMESPACE, WEBP, png, svg

WEBP_LOSSY = (
    b"RIFF"
    + struct.pack("<I", 30)
    + b"WEBPVP8 "
    + struct.pack("<I", 18)
    + bytes(3)
    + b"\x9d\x01\x2a"
    + (struct.pack("<HH", 40, 20) + bytes(8))
)
WEBP_EXTENDED = (
    b"RIFF"
    + struct.pack("<I", 22)
    + b"WEBPVP8X"
    + struct.pack("<I", 10)
    + bytes(4)
    + ((199).to_bytes(3, "little") + (99).to_bytes(3, "little"))
)


@pytest.mark.parametrize(
    ("data", "content_type", "size"),
    [
        (png(7, 5), "image/png", (7, 5)),
        (WEBP, "image/webp", (1, 1)),
        (WEBP_LOSSY, "image/webp", (40, 20)),
        (WEBP_EXTENDED, "image/webp", (200, 100)),
        (svg(), "image/svg+xml", (32, 32)),
        (
            b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a logo -->" + svg(size='width="120px" height="40"'),
            "",
            (120, 40),
        ),
        (svg(size='viewBox="0, 0, 12000, 4000"'), "image/svg+xml", (1000, 333)),
        (svg(size='viewBox="0 0 1 2" width="100%"'), "image/svg+xml", (100, 200)),
    ],
)
def test_a_picture_is_known_by_its_bytes(data: bytes, content_type: str, size: tuple[int, int]) -> None:
    image = parse_image(data)
    assert image.content_type == (content_type or "image/svg+xml")
    assert (image.width, image.height) == size


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no PNG, WebP or SVG"),
        (b"GIF89a" + bytes(40), "is no PNG, WebP or SVG"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "is no PNG, WebP or SVG"),
        (b"<html><svg></svg></html>", "is no PNG, WebP or SVG"),
        (b"<svg viewBox='0 0 1 1'/>", "is no PNG, WebP or SVG"),
        (png()[:-5], "cut off"),
        (png()[:30] + b"!" + png()[31:], "damaged"),
        (png(5000, 1), "5000 by 1"),
        (png(0, 1), "0 by 1"),
        (WEBP[:20], "cut off"),
        (svg()[:-6], "no SVG that can be read"),
        (svg(size=""), "without a size"),
        (svg(size='width="100%" height="10em"'), "without a size"),
        (
            b'<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + svg("<text>&a;</text>"),
            "declares entities",
        ),
        (b"<?xml version='1.0' encoding='nonsense'?>" + svg(), "no SVG that can be read"),
        (f'<x xmlns="{SVG_NAMESPACE}"/>'.encode(), "is no PNG, WebP or SVG"),
        (b"\x00<\x00s", "no SVG that can be read"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_image(data)


def test_the_fingerprint_changes_with_the_picture() -> None:
    assert (
        parse_image(png(1, 1)).fingerprint == parse_image(png(1, 1)).fingerprint != parse_image(png(1, 2)).fingerprint
    )
