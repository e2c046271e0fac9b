"""Judge text that somebody typed and that reaches readers its author has never met, under our sender.

"Your parcel: evil.example" as a name would be a mail from us. Mail programs make links out of bare host names,
addresses and telephone numbers, and what is broken up can be put together again by the next program.
"""

from __future__ import annotations

import re
import unicodedata

MAX_TYPED_CHARACTERS = 60
"""Characters of typed text that an email shows at most."""

_LINK_CHARACTERS = re.compile(r"[/\\:@。]|\.(?![\s]|$)|www", re.IGNORECASE)
_MAX_DIGITS = 7
_ADDRESS = re.compile(
    r"""://  |  //\w  |  \\  |  @  |  \bwww\b  |  \bhttps?\b  |  \b(?:mailto|tel|ftp|javascript|data):
      | [^\W_] \. (?:xn--|[^\W\d_]{2})  # example.org, in any script
      | [a-z0-9] 。 (?:xn--|[a-z])  # this full stop ends sentences, but between ASCII letters it stands for the dot
      | (?<![\d.]) \d{1,3} (?:\.\d{1,3}){3} (?![\d.])  # 192.0.2.1
    """,
    re.IGNORECASE | re.VERBOSE,
)


def fold_typed(text: str) -> str:
    """Return one line of typed text as it is read: compatibility forms folded, and nothing that is not seen.

    U+FF0E and U+2024 become the dot that they look like; controls, bidi overrides and zero-width characters go.
    """
    folded = unicodedata.normalize("NFKC", text)
    spaced = "".join(" " if char.isspace() else char for char in folded)
    # Everything in C (controls, bidi overrides, zero-width, private) can hide or turn around what is read.
    visible = "".join(char for char in spaced if unicodedata.category(char)[0] != "C")
    return " ".join(visible.split())


def is_plain(folded: str) -> bool:
    """Return whether a folded text is short, and holds not even the makings of a link or of a telephone number.

    The rule for names. A dot that ends a word ("J. Smith", "Jr.") is no link.
    """
    digits = sum(char.isdigit() for char in folded)
    return len(folded) <= MAX_TYPED_CHARACTERS and digits < _MAX_DIGITS and not _LINK_CHARACTERS.search(folded)


def holds_address(folded: str) -> bool:
    """Return whether a folded sentence names a web or mail address. "e.g.", "and/or" and "at 9:30" are none."""
    return _ADDRESS.search(folded) is not None
