"""Check whom people are told to ask: an address for mail, or a page."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator

MAX_CONTACT_CHARACTERS = 1000
_EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]\\]{1,64}@[^\s@<>\"(),:;\[\]\\]{1,253}")
_URL_CHARACTERS = re.compile(r"[!#-;=?-Z\\[\]_a-z~%]+", re.ASCII)


def check_contact(value: str) -> str:
    """Return a contact: an email address, or an https address. Nothing else may become a link on a page.

    :raises ValueError: it is neither.
    """
    text = value.strip()
    if len(text) <= MAX_CONTACT_CHARACTERS and text.isprintable():
        if _EMAIL.fullmatch(text):
            return text
        if text.startswith("https://") and _URL_CHARACTERS.fullmatch(text) and _has_plain_host(text):
            return text
    raise ValueError("must be an email address, or an address such as https://example.org/help")


def contact_url(contact: str) -> str:
    """Return where a contact leads: itself, or ``mailto:`` (RFC 6068) for an email address."""
    if contact.startswith("https://"):
        return contact
    local, _, domain = contact.rpartition("@")
    return f"mailto:{quote(local, safe='')}@{quote(domain, safe='')}"


def _has_plain_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


Contact = Annotated[str, AfterValidator(check_contact)]
