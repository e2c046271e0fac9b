"""Read the rows of a list of people to invite: which column is what, and whether its values are accepted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pydantic import Field, ValidationError

from accounts.core import csv_files
from accounts.core.errors import N_, FieldError, InvalidInput
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.invites.send import MAX_INVITE_TTL
from accounts.flows.shared.fields import Email, Form, Groups, Locale, Name

MAX_LIST_ROWS = 20_000
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "email": (
        "email", "e-mail", "mail", "mail address", "email address", "e-mail address", "e-mail 1 - value",
        "mailadresse", "mail-adresse", "emailadresse", "e-mailadresse", "e-mail-adresse", "email-adresse",
    ),
    "name": ("name", "full name", "display name", "vollständiger name", "anzeigename"),
    "first": ("first name", "given name", "firstname", "vorname"),
    "last": ("last name", "family name", "surname", "lastname", "nachname", "familienname"),
    "groups": ("group", "groups", "role", "roles", "gruppe", "gruppen", "rolle", "rollen"),
    "locale": ("locale", "language", "lang", "sprache"),
    "days": ("days", "valid for days", "tage", "gültig", "gültigkeit", "gültig für tage"),
}  # fmt: skip
"""What columns are called, in the languages spoken here and by the programs that write such lists."""
COLUMN_OF_HEADING = {heading: column for column, headings in HEADINGS.items() for heading in headings}
DEFAULT_COLUMNS = ("email", "name", "groups", "locale", "days")
LOCALE_OF_LANGUAGE = {"english": "en", "englisch": "en", "german": "de", "deutsch": "de"}
EMAIL_PATTERN = re.compile(r"[^\s,;<>@\"]+@[^\s,;<>@\"]+")
NAMED_EMAIL_PATTERN = re.compile(r"\s*\"?([^<>\"]*?)\"?\s*<([^<>]*)>\s*")
"""An address as mail programs copy it: ``Ann Example <ann@example.org>``."""
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")
REASON_MESSAGES: Mapping[str, str] = {
    "missing": N_("There is no address in this row."),
    "email": N_("That is not a mail address we can write to."),
    "name": N_("A name has at most 100 characters, and no control characters."),
    "groups": N_("Group names are letters, digits, - and _, at most 64 each."),
    "locale": N_("That language is not spoken here."),
    "days": N_("The days are a whole number from 1 to 90."),
    "mixed": N_("There seem to be several addresses in this row."),
    "twice": N_("The address stands further up, too."),
    "admins": N_("Admins are invited one by one, not by a list."),
    "disabled": N_("The account is disabled."),
}
NOT_A_TABLE_MESSAGE = N_("This is not a table: look at line %(line)s. A quotation mark may not be closed.")
TOO_MANY_ROWS_MESSAGE = N_("At most %(rows)s rows, please. Split the list.")
EMPTY_LIST_MESSAGE = N_("There is nobody in this list.")


class InviteeForm(Form):
    """What a row says, as far as it is accepted."""

    email: Email
    name: Name = ""
    groups: Groups = Field(default_factory=list)
    locale: Locale | None = None
    days: int | None = Field(default=None, ge=1, le=MAX_INVITE_TTL.days, strict=False)


@dataclass(frozen=True, slots=True)
class ListEntry:
    """Hold one row of a list: its form, or ``reason``, why it is refused; ``raw_email`` is the address as written."""

    line: int
    raw_email: str
    form: InviteeForm | None = None
    reason: str = ""

    @property
    def email_key(self) -> str | None:
        """The unique form of the address; None where it is not accepted."""
        return self.form.email.key if self.form else None


@dataclass
class PeopleList:
    """A list of people in a file. Reading it takes no more memory than a row.

    :ivar unknown_headings: columns with an unknown heading, once reading has begun.
    """

    stream: BinaryIO
    unknown_headings: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Read it once, before anything is done with it.

        :raises InvalidInput: it is no table, it is empty, or it has too many rows.
        """
        # All of it, and without judging anything: what is wrong may stand at the end.
        if not sum(1 for _ in self._iter_values()):
            raise InvalidInput.for_field("an empty list", "people", "empty", EMPTY_LIST_MESSAGE)

    def __iter__(self) -> Iterator[ListEntry]:
        return (_parse_entry(line, values) for line, values in self._iter_values())

    def _iter_values(self) -> Iterator[tuple[int, dict[str, str]]]:
        columns: tuple[str, ...] = ()
        count = 0
        try:
            for line, cells in csv_files.read_csv(self.stream, _is_email_or_heading):
                if not columns:
                    columns, is_heading = self._detect_columns(cells)
                    if is_heading:
                        continue
                for values in _split_row(columns, cells):
                    count += 1
                    if count > MAX_LIST_ROWS:
                        field_error = FieldError(
                            "people", "too_many_rows", TOO_MANY_ROWS_MESSAGE, {"rows": MAX_LIST_ROWS}
                        )
                        raise InvalidInput("too many rows", fields=[field_error])
                    yield line, values
        except csv_files.InvalidCsv as error:
            field_error = FieldError("people", "not_a_table", NOT_A_TABLE_MESSAGE, {"line": error.line})
            raise InvalidInput("not a table", fields=[field_error]) from None

    def _detect_columns(self, cells: list[str]) -> tuple[tuple[str, ...], bool]:
        names = [COLUMN_OF_HEADING.get(cell.casefold().rstrip(" :*"), "") for cell in cells]
        if "email" not in names or any(map(_is_email, cells)):
            return DEFAULT_COLUMNS, False
        # Of two columns with one meaning (Google's "E-mail 1", "E-mail 2") the first counts.
        columns = tuple(name if name not in names[:index] else "" for index, name in enumerate(names))
        self.unknown_headings = [
            CONTROL_CHARACTERS.sub("\ufffd", cell)[:100]
            for cell, name in zip(cells, columns, strict=True)
            if cell and not name
        ][:50]
        return columns, True


def find_refusal_reason(groups: Sequence[str]) -> str:
    """Why nobody gets into these groups by a list, "" if anybody may: a list is often filled in by somebody else."""
    return "admins" if ADMIN_GROUP in groups else ""


def _is_email_or_heading(cell: str) -> bool:
    return _is_email(cell) or cell.strip().casefold().rstrip(" :*") in COLUMN_OF_HEADING


def _is_email(cell: str) -> bool:
    match = NAMED_EMAIL_PATTERN.fullmatch(cell)
    return EMAIL_PATTERN.fullmatch(match[2] if match else cell.strip()) is not None


def _split_row(columns: tuple[str, ...], cells: list[str]) -> Iterator[dict[str, str]]:
    """One row as a mapping. Several addresses in a line without headings, as they are pasted, are several rows."""
    non_empty = [cell for cell in cells if cell]
    if columns is DEFAULT_COLUMNS:
        if len(non_empty) > 1 and all(map(_is_email, non_empty)):
            yield from ({"email": cell} for cell in non_empty)
            return
        if len(cells) > 1 and _is_email(cells[1]) and not _is_email(cells[0]):
            cells = [cells[1], cells[0], *cells[2:]]
    yield {name: cell for name, cell in zip(columns, cells, strict=False) if name and cell}


def _parse_entry(line: int, values: dict[str, str]) -> ListEntry:
    email = values.pop("email", "").removeprefix("mailto:")
    match = NAMED_EMAIL_PATTERN.fullmatch(email)
    if match:
        email = match[2].strip()
        values.setdefault("name", match[1].strip())
    raw_email = _replace_control_characters(email)[:254]
    if not email:
        return ListEntry(line, raw_email, reason="missing")
    if "@" in values.get("name", ""):
        # Rather than invite one of two people, and call them by the address of the other.
        return ListEntry(line, raw_email, reason="mixed")
    try:
        return ListEntry(line, raw_email, InviteeForm.model_validate({"email": email, **_build_form_data(values)}))
    except ValidationError as error:
        invalid_fields = {str(detail["loc"][0]) for detail in error.errors(include_url=False)}
        return ListEntry(
            line, raw_email, reason=next(name for name in InviteeForm.model_fields if name in invalid_fields)
        )


def _replace_control_characters(text: str) -> str:
    # As it can be shown and kept: PostgreSQL takes no zero byte.
    return CONTROL_CHARACTERS.sub("\ufffd", text)


def _build_form_data(values: dict[str, str]) -> dict[str, Any]:
    parts = [values.pop("first", ""), values.pop("last", "")]
    data: dict[str, Any] = {name: value for name, value in values.items() if value}
    if any(parts):
        data.setdefault("name", " ".join(filter(None, parts)))
    if "groups" in data:
        data["groups"] = re.sub(r"[;|/]", " ", data["groups"])
    if "locale" in data:
        language = data["locale"].casefold()
        data["locale"] = LOCALE_OF_LANGUAGE.get(language, re.split("[-_]", language)[0])
    return data
