"""Pictures made by hand: the smallest that a browser shows, and those that it must not."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
WEBP = b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
"""One pixel, lossless."""


def png(width: int = 4, height: int = 4) -> bytes:
    """A grey PNG of a size."""
    rows = b"".join(b"\x00" + b"\x80" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def svg(inside: str = "", size: str = 'viewBox="0 0 32 32"') -> bytes:
    """An SVG with something in it."""
    return f'<svg xmlns="{SVG_NAMESPACE}" {size}><rect width="9" height="9"/>{inside}</svg>'.encode()
