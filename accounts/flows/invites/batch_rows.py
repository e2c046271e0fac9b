"""Read the rows of a list of people to invite: which column is what, and whether its values are accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, BinaryIO

from pydantic import Field, ValidationError

from accounts.core.errors import N_, FieldError, InvalidInput
from accounts.core.models.account import ADMIN_GROUP
from accounts.core.record_files.reader import Record, RecordFile
from accounts.core.record_files.text import InvalidFile
from accounts.flows.invites.send import MAX_INVITE_TTL
from accounts.flows.shared.cell_words import AccountState, UnknownWord, read_flag, read_status
from accounts.flows.shared.columns import (
    MEANING_OF_NAME,
    NAMED_EMAIL_PATTERN,
    Meaning,
    is_email,
    is_email_or_heading,
    normalize_name,
)
from accounts.flows.shared.fields import Email, Form, Groups, Locale, Name

MAX_LIST_ROWS = 20_000
USED_MEANINGS: Mapping[Meaning, str] = {
    Meaning.EMAIL: "email",
    Meaning.NAME: "name",
    Meaning.FIRST_NAME: "first",
    Meaning.LAST_NAME: "last",
    Meaning.GROUPS: "groups",
    Meaning.LOCALE: "locale",
    Meaning.DAYS: "days",
    Meaning.STATUS: "status",
    Meaning.DISABLED: "disabled",
}
"""What of the known columns is used here, under which name."""
DEFAULT_COLUMNS = ("email", "name", "groups", "locale", "days")
LOCALE_OF_LANGUAGE = {"english": "en", "englisch": "en", "german": "de", "deutsch": "de"}
ADDRESS_LIKE_PATTERN = re.compile(r"@|\w\.\w")
"""What no heading has, and what an address with a mistake in it may have."""
LIST_NAMES = frozenset({"users", "people", "members", "invites"})
"""Under which of its names a JSON document may hold the list."""
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
    "suspended": N_("The list says that this person is suspended, disabled or gone."),
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
        for count, (line, values) in enumerate(self._iter_rows(), 1):
            if count > MAX_LIST_ROWS:
                field_error = FieldError("people", "too_many_rows", TOO_MANY_ROWS_MESSAGE, {"rows": MAX_LIST_ROWS})
                raise InvalidInput("too many rows", fields=[field_error])
            yield line, values

    def _iter_rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        try:
            file = RecordFile(
                self.stream, is_email_or_heading, is_list_name=lambda name: name in LIST_NAMES, strict=False
            )
            records = iter(file)
            first = next(records, None)
            if first is not None and isinstance(first[1], list):
                yield from self._iter_table(first[0], first[1], records)
            elif first is not None:
                yield from self._iter_objects(chain([first], records))
        except InvalidFile as error:
            field_error = FieldError("people", "not_a_table", NOT_A_TABLE_MESSAGE, {"line": error.line})
            raise InvalidInput("not a table", fields=[field_error]) from None

    def _iter_table(
        self, line: int, cells: list[str], records: Iterator[tuple[int, Record]]
    ) -> Iterator[tuple[int, dict[str, str]]]:
        second = next(records, None)
        columns = self._detect_columns(cells, second[1] if second is not None else [])
        if columns is None:
            columns, records = DEFAULT_COLUMNS, chain([(line, cells)], [second] if second else [], records)
        elif second is not None:
            records = chain([second], records)
        for number, row in records:
            for values in _split_row(columns, row if isinstance(row, list) else []):
                yield number, values

    def _iter_objects(self, records: Iterable[tuple[int, Record]]) -> Iterator[tuple[int, dict[str, str]]]:
        for line, record in records:
            if not isinstance(record, dict):
                raise InvalidFile(line, str(record))
            named = zip(self._name_columns(list(record)), map(_write_cell, record.values()), strict=True)
            yield line, {name: cell for name, cell in named if name and cell}

    def _detect_columns(self, cells: list[str], second: Record) -> tuple[str, ...] | None:
        """Return the names of the columns by a heading; None where the first row is none.

        A heading that is not known is one if it holds no address, and the row under it holds one.
        """
        if any(map(is_email, cells)):
            return None
        columns = list(self._name_columns(cells))
        if "email" not in columns:
            under = [is_email(cell) for cell in second] if isinstance(second, list) else []
            if True not in under or any(map(ADDRESS_LIKE_PATTERN.search, cells)) or under.index(True) >= len(cells):
                self.unknown_headings = []
                return None
            columns[under.index(True)] = "email"
        return tuple(columns)

    def _name_columns(self, headings: list[str]) -> tuple[str, ...]:
        names = [_find_column_name(heading) for heading in headings]
        # Of two columns with one meaning (Google's "E-mail 1", "E-mail 2") the first counts.
        columns = tuple(name if name not in names[:index] else "" for index, name in enumerate(names))
        for heading, name in zip(headings, columns, strict=True):
            shown = CONTROL_CHARACTERS.sub("\ufffd", heading)[:100]
            if heading and not name and len(self.unknown_headings) < 50 and shown not in self.unknown_headings:
                self.unknown_headings.append(shown)
        return columns


def _find_column_name(heading: str) -> str:
    meaning = MEANING_OF_NAME.get(normalize_name(heading))
    return USED_MEANINGS.get(meaning, "") if meaning else ""


def _write_cell(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value).strip()


def find_refusal_reason(groups: Sequence[str]) -> str:
    """Why nobody gets into these groups by a list, "" if anybody may: a list is often filled in by somebody else."""
    return "admins" if ADMIN_GROUP in groups else ""


def _split_row(columns: tuple[str, ...], cells: list[str]) -> Iterator[dict[str, str]]:
    """One row as a mapping. Several addresses in a line without headings, as they are pasted, are several rows."""
    non_empty = [cell for cell in cells if cell]
    if columns is DEFAULT_COLUMNS:
        if len(non_empty) > 1 and all(map(is_email, non_empty)):
            yield from ({"email": cell} for cell in non_empty)
            return
        if len(cells) > 1 and is_email(cells[1]) and not is_email(cells[0]):
            cells = [cells[1], cells[0], *cells[2:]]
    yield {name: cell for name, cell in zip(columns, cells, strict=False) if name and cell}


def _parse_entry(line: int, values: dict[str, str]) -> ListEntry:
    email = values.pop("email", "").removeprefix("mailto:")
    match = NAMED_EMAIL_PATTERN.fullmatch(email)
    if match:
        email = match[2].strip()
        values.setdefault("name", match[1].strip())
    raw_email = _replace_control_characters(email)[:254]
    is_off = _is_off(values.pop("status", ""), values.pop("disabled", ""))
    if not email:
        return ListEntry(line, raw_email, reason="missing")
    if is_off:
        return ListEntry(line, raw_email, reason="suspended")
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


def _is_off(status: str, disabled: str) -> bool:
    """Return whether a row says that its person may not come in. What is not known does not say so."""
    with suppress(UnknownWord):
        if read_status("status", status) in (AccountState.DISABLED, AccountState.DELETED):
            return True
    with suppress(UnknownWord):
        return read_flag("disabled", disabled)
    return False


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
