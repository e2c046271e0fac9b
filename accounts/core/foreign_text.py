"""Show text from elsewhere on one line, and what other servers say without what they quote of an email."""

from __future__ import annotations

import re

MAX_READ_CHARACTERS = 2000
"""Of what another server says. The rest is not looked at."""

# Their words are kept longer than an account may be.
_ADDRESSES = re.compile(r"(?<=<)[^<>]*@[^<>]*(?=>)|\S*://\S*|[^\s<>]*@[^\s<>]*")
"""In angle brackets a whole one, with the blanks that its quoted part may have (RFC 5321, section 4.1.2)."""
_TOKENS = re.compile(r"[\w.~%/+=-]{40,}")
"""Whole ones, and pieces of them."""


def make_one_line(text: str) -> str:
    """Return a text as one line of printable characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def join_lines(text: str) -> str:
    """Return a text as one printable line without links and addresses, with whatever else is in it."""
    return _ADDRESSES.sub("[...]", make_one_line(text[:MAX_READ_CHARACTERS]))


def scrub(text: str, max_characters: int) -> str:
    """Return the beginning of one printable line without links, addresses and tokens."""
    return _TOKENS.sub("[...]", join_lines(text))[:max_characters]
