"""Write headers of emails as they go over the wire: ASCII, folded, the same on every Python.

``email.policy`` folds them by a parser whose faults change from one Python to the next: of a long name it has
dropped the quotation marks around a comma, so that one mailbox became two. Here a name is encoded whole
(RFC 2047 5), which leaves nothing to fold wrongly.
"""

from __future__ import annotations

import re
from email.header import Header

MAX_LINE_CHARACTERS = 76
"""Of a line with an encoded word (RFC 2047 2)."""

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
"""A phrase that needs no quotation marks (RFC 5322 3.2.3)."""
_MAX_PLAIN_CHARACTERS = 60


def format_text(name: str, text: str) -> str:
    """Return the value of a header of free text, such as a subject.

    :param name: of the header, for the length of its first line.
    """
    is_plain = text.isascii() and "=?" not in text and len(name) + len(text) + 2 <= MAX_LINE_CHARACTERS
    return text if is_plain else _encode(name, text)


def format_mailbox(header: str, name: str, address: str) -> str:
    """Return the value of a header that names one mailbox.

    :param name: shown to people; "" for none.
    :param address: ASCII.
    """
    if not name:
        return address
    if not name.isascii() or "=?" in name or len(name) > _MAX_PLAIN_CHARACTERS:
        phrase = _encode(header, name)
    elif _ATOMS.fullmatch(name):
        phrase = name
    else:
        phrase = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    last_line = f"{header}: {phrase}".rpartition("\n")[2]
    is_long = len(last_line) + len(address) + 3 > MAX_LINE_CHARACTERS
    return phrase + ("\r\n" if is_long else "") + f" <{address}>"


def _encode(name: str, text: str) -> str:
    return Header(text, "utf-8", maxlinelen=MAX_LINE_CHARACTERS, header_name=name).encode(linesep="\r\n")
