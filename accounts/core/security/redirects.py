"""Check return targets: where a user wanted to go is kept only when it is a path of this very site."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

MAX_TARGET_CHARACTERS = 1500
_ASCII = "".join(map(chr, range(128)))
_NOT_PLAIN = re.compile(r"[\x00-\x20\x7f-\x9f\\]")


def local_path(text: str) -> str | None:
    r"""Return path and query of a target on this site, rebuilt; None for everything that could lead elsewhere.

    Browsers read ``\`` as ``/``, drop tabs and newlines, and servers in between may decode ``%5c`` once more:
    the text is judged as typed and as decoded.
    """
    try:
        # As it stands in a Location header, so that its length there is what counts.
        text = quote(text, safe=_ASCII)
    except UnicodeEncodeError:
        return None
    if not text.startswith("/") or len(text) > MAX_TARGET_CHARACTERS:
        return None
    decoded = text
    for _ in range(3):
        if _NOT_PLAIN.search(decoded) or decoded.startswith(("//", "/@")):
            return None
        decoded = unquote(decoded)
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme or parts.netloc:
        return None
    return parts.path + (f"?{parts.query}" if parts.query else "")
