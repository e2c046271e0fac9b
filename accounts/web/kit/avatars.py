"""Draw who somebody is by two letters on a colour: no picture, and nobody is asked for one."""

from __future__ import annotations

import zlib

AVATAR_COLOURS = 8
"""So many classes in style.css, ``avatar-0`` and on."""


def avatar_class(account_id: str) -> str:
    """Return the class that gives an account its colour, the same everywhere and for ever."""
    return f"avatar-{zlib.crc32(account_id.encode()) % AVATAR_COLOURS}"


def initials(name: str, email: str) -> str:
    """Return the first letters of the first and the last word of a name; without one, the first of the address."""
    words = [word for word in name.split() if word[0].isalnum()]
    letters = [words[0][0], *([words[-1][0]] if len(words) > 1 else [])] if words else [email[:1]]
    return "".join(letters).upper()[:2]
