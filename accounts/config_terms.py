"""Check where the terms of use are that people accept, and the name of their version."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

MAX_TERMS_CHARACTERS, MAX_VERSION_CHARACTERS = 500, 32
LANGUAGE_PLACE = "{language}"
"""Stands in the address where it depends on the language of the reader."""
_URL_CHARACTERS = re.compile(r"[!#-;=?-Z\\[\]_a-z~%]+", re.ASCII)
_VERSION = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_VERSION_CHARACTERS - 1}}}", re.ASCII)


def check_terms_address(value: str) -> str:
    """Return the address of the terms: https, or a path at our own origin.

    :raises ValueError: it is neither.
    """
    text = value.strip()
    plain = text.replace(LANGUAGE_PLACE, "en")
    if len(text) <= MAX_TERMS_CHARACTERS and _URL_CHARACTERS.fullmatch(plain) and "\\" not in plain:
        if plain.startswith("/") and not plain.startswith("//"):
            return text
        if plain.startswith("https://") and _has_plain_host(plain):
            return text
    raise ValueError(
        f"must be an address such as https://example.org/terms or /terms, perhaps with {LANGUAGE_PLACE} in it"
    )


def is_terms_version(text: str) -> bool:
    """Return whether a version of terms may be called so."""
    return _VERSION.fullmatch(text) is not None


def check_terms_version(value: str) -> str:
    """Return the name of a version of the terms.

    :raises ValueError: it is no date and no short word.
    """
    text = value.strip()
    if not is_terms_version(text):
        raise ValueError("must be a date or a short word, such as 2026-11-01")
    return text


def _has_plain_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


TermsAddress = Annotated[str, AfterValidator(check_terms_address)]
TermsVersion = Annotated[str, AfterValidator(check_terms_version)]
