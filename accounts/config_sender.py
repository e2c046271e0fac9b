"""Read the sender of emails: one mailbox, with or without a name."""

from __future__ import annotations

import re
import unicodedata

_MAILBOX = re.compile(
    r"""(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<name>[^<>]*?))\s*<(?P<named>[^<>]*)>|(?P<bare>[^<>]*)"""
)
_ADDRESS = re.compile(r"""[^\s@<>()\[\],;:\\"]+@[^\s@<>(),;:\\"]+""")


def parse_sender(text: str) -> tuple[str, str]:
    """Return name and address of one mailbox; the name is "" where there is none.

    A name is taken as it stands, with commas, brackets or quotation marks in it: whoever types it into a setting
    knows nothing of RFC 5322 3.2.4, and what ``email.utils.parseaddr`` makes of it differs from one Python to the
    next. The marks of a quoted string around it are dropped.

    :raises ValueError: it is not one mailbox, or holds a line break or another control character.
    """
    found = _MAILBOX.fullmatch(text.strip())
    address = (found["named"] or found["bare"] or "").strip() if found else ""
    has_control_characters = any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in text)
    if found is None or has_control_characters or not _ADDRESS.fullmatch(address):
        raise ValueError("must be an address, or a name and an address: Accounts <accounts@example.org>")
    name = re.sub(r"\\(.)", r"\1", found["quoted"][1:-1]) if found["quoted"] else found["name"] or ""
    return name.strip(), address


def format_sender(name: str, address: str) -> str:
    """Return one mailbox as :func:`parse_sender` reads it; not as it goes over the wire."""
    quoted = re.sub(r'(["\\])', r"\\\1", name)
    return f'"{quoted}" <{address}>'
