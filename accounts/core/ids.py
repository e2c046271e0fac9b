"""Make random ids for rows and tokens."""

from __future__ import annotations

import secrets


def new_id() -> str:
    """Return 96 random bits as 16 URL-safe characters. No id is ever given twice.

    The first is a letter or a digit: a command line would take "-" for the beginning of an option.
    """
    while not (candidate := secrets.token_urlsafe(12))[0].isalnum():
        pass
    return candidate
