"""Check the words that an inviter adds to an invitation.

They reach people who may have never heard of us, under our sender. Whoever took over an admin's session for a minute
could else mail a link of their own in our name, so a text with the makings of one is refused
(:mod:`accounts.core.security.typed_text`). Numbers are let through: people want to say a room, a date, a telephone
number.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from accounts.core.messages import N_
from accounts.core.models.invites import MAX_MESSAGE_CHARACTERS
from accounts.core.security import typed_text
from accounts.flows.shared.fields import has_unseen_characters

CONTROL_MESSAGE = N_("Use only text and line breaks. Control characters and invisible characters are not allowed.")
LINK_MESSAGE = N_(
    "Remove links, host names and email addresses. The invitation has its own link. Put a space after full stops."
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
    if typed_text.holds_address(typed_text.fold_typed(text)):
        raise PydanticCustomError("link", LINK_MESSAGE)
    return text


InviteMessage = Annotated[
    str,
    BeforeValidator(clean_message),
    Field(
        title=N_("Personal message"),
        max_length=MAX_MESSAGE_CHARACTERS,
        json_schema_extra={"input": "textarea", "maxlength": MAX_MESSAGE_CHARACTERS, "hint": "message"},
    ),
]
