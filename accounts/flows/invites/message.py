"""Check the words that an inviter adds to an invitation.

They reach people who may have never heard of us, under our sender. Whoever took over an admin's session for a minute
could else mail a link of their own in our name, and a mail program makes a link of every bare host name: so a text
with the makings of one is refused. What is broken up can be put together again by the next program, and
reads as if we had hidden something. Numbers are let through: people want to say a room, a date, a telephone number.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from accounts.core.errors import N_
from accounts.core.models.invites import MAX_MESSAGE_CHARACTERS
from accounts.flows.shared.fields import has_unseen_characters

LINK_PATTERN = re.compile(
    r"""://  |  //\w  |  \\  |  @  |  \bwww\b  |  \b(?:https?|mailto|tel|ftp|javascript|data):  # any kind
      | [^\W_] [.\u3002] (?:xn--|[^\W\d_]{2})  # example.org, also with the full stops of other scripts
      | (?<![\d.]) \d{1,3} (?:\.\d{1,3}){3} (?![\d.])  # 192.0.2.1
    """,
    re.IGNORECASE | re.VERBOSE,
)
CONTROL_MESSAGE = N_("Only text and line breaks, please: no control characters, and none that are not seen.")
LINK_MESSAGE = N_(
    "No links, host names or mail addresses, please: the invitation has its own link. Put a space behind full stops."
)


def clean_message(value: Any) -> Any:
    """Return lines of text, each without blanks around it, and at most one empty line between two.

    :raises PydanticCustomError: it has characters that are not seen, or what mail programs make a link of.
    """
    if not isinstance(value, str):
        return value
    lines = [" ".join(line.split(" ")).replace("\t", " ").strip() for line in re.split(r"\r\n|[\r\n]", value)]
    if any(map(has_unseen_characters, lines)):
        raise PydanticCustomError("control", CONTROL_MESSAGE)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    # Compatibility forms (U+FF0E, U+2024 for a dot) are judged by what they fold to.
    if LINK_PATTERN.search(unicodedata.normalize("NFKC", text)):
        raise PydanticCustomError("link", LINK_MESSAGE)
    return text


InviteMessage = Annotated[
    str,
    BeforeValidator(clean_message),
    Field(
        title=N_("A few words of your own"),
        max_length=MAX_MESSAGE_CHARACTERS,
        json_schema_extra={"input": "textarea", "maxlength": MAX_MESSAGE_CHARACTERS, "hint": "message"},
    ),
]
