"""Read what is uploaded as a list: a file or pasted text, and what counts for rows that leave it out."""

from __future__ import annotations

import io
from typing import Annotated, Any, BinaryIO

from pydantic import BeforeValidator, Field

from accounts.core.errors import InvalidInput
from accounts.core.messages import N_
from accounts.flows.invites.batch_rows import EMPTY_LIST_MESSAGE
from accounts.flows.invites.link import INVITE_TTL
from accounts.flows.invites.message import InviteMessage
from accounts.flows.invites.send import AppChoice, Days
from accounts.flows.shared.columns import normalize_name
from accounts.flows.shared.fields import Checkbox, Form, Groups, Locale, Next, clean_name
from accounts.flows.shared.uploads import UploadedFile

MAX_LIST_BYTES = 4 * 1024 * 1024


def _split_headings(value: Any) -> Any:
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, list) and all(
        isinstance(each, str) and normalize_name(each) for each in filter(None, value)
    ):
        return [each.strip() for each in value if each.strip()]
    return value


class NewBatchForm(Form):
    """A list of people to invite. What a row leaves out is taken from here."""

    name: Annotated[
        str,
        BeforeValidator(clean_name),
        Field(
            title=N_("Name of the invitation list"),
            min_length=1,
            max_length=100,
            json_schema_extra={"input": "text", "maxlength": 100, "hint": "batch"},
        ),
    ]
    file: Annotated[UploadedFile, Field(title=N_("CSV file"), json_schema_extra={"input": "file"})] = None
    people: Annotated[
        str,
        Field(
            title=N_("Or paste the list"),
            max_length=MAX_LIST_BYTES,
            json_schema_extra={"input": "textarea", "hint": "list"},
        ),
    ] = ""
    groups: Groups = Field(default_factory=list)
    days: Days = INVITE_TTL.days
    locale: Locale = "en"
    next: Next = ""
    app: AppChoice = ""
    message: InviteMessage = ""
    group_columns: Annotated[
        list[str],
        BeforeValidator(_split_headings),
        Field(
            title=N_("Columns used as additional groups"),
            max_length=10,
            json_schema_extra={"input": "text", "hint": "group-columns"},
        ),
    ] = Field(default_factory=list)
    suspended: Checkbox = Field(
        default=False,
        title=N_("Also invite people the list marks as suspended, disabled or removed"),
        json_schema_extra={"input": "checkbox"},
    )

    def stream(self) -> BinaryIO:
        """Return the list, as a file that can be read again.

        :raises InvalidInput: neither a file nor text.
        """
        if self.file is not None:
            file: BinaryIO = self.file
            return file
        if not self.people.strip():
            raise InvalidInput.for_field("no list", "people", "empty", EMPTY_LIST_MESSAGE)
        return io.BytesIO(self.people.encode("utf-8", "replace"))
