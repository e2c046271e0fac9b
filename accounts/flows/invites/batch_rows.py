"""A row of a list of people to invite: which column is what, and whether what stands there can be taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pydantic import Field, ValidationError

from accounts.core import csv_files
from accounts.core.errors import N_, FieldError, InvalidInput
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.invites.send import LONGEST
from accounts.flows.shared.fields import Asks, Email, Groups, Locale, Name

MAX_ROWS = 20_000
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
COLUMNS = {heading: column for column, headings in HEADINGS.items() for heading in headings}
WITHOUT_HEADINGS = ("email", "name", "groups", "locale", "days")
LANGUAGES = {"english": "en", "englisch": "en", "german": "de", "deutsch": "de"}
ADDRESS = re.compile(r"[^\s,;<>@\"]+@[^\s,;<>@\"]+")
NAMED = re.compile(r"\s*\"?([^<>\"]*?)\"?\s*<([^<>]*)>\s*")
"""An address as mail programs copy it: ``Ann Example <ann@example.org>``."""
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
REASONS: Mapping[str, str] = {
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
UNREADABLE = N_("This is not a table: look at line %(line)s. A quotation mark may not be closed.")
TOO_LONG = N_("At most %(rows)s rows, please. Split the list.")
EMPTY = N_("There is nobody in this list.")


class Row(Asks):
    """What a row says, as far as it can be taken."""

    email: Email
    name: Name = ""
    groups: Groups = Field(default_factory=list)
    locale: Locale | None = None
    days: int | None = Field(default=None, ge=1, le=LONGEST.days, strict=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a list: what it says, or ``reason``, why it cannot be taken. ``typed`` is the address as it stands."""

    line: int
    typed: str
    row: Row | None = None
    reason: str = ""

    @property
    def key(self) -> str | None:
        return self.row.email.key if self.row else None


@dataclass
class PeopleList:
    """A list of people in a file. Reading it takes no more memory than a row.

    ``unused``: columns that have a heading nobody here knows, once reading has begun.
    """

    stream: BinaryIO
    unused: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Read it once, before anything is done with it.

        :raises InvalidInput: it is no table, it is empty, or it has too many rows.
        """
        # All of it, and without judging anything: what is wrong may stand at the end.
        if not sum(1 for _ in self._values()):
            raise InvalidInput("an empty list", fields=[FieldError("people", "empty", EMPTY, {})])

    def __iter__(self) -> Iterator[Entry]:
        return (_entry(line, values) for line, values in self._values())

    def _values(self) -> Iterator[tuple[int, dict[str, str]]]:
        columns: tuple[str, ...] = ()
        count = 0
        try:
            for line, cells in csv_files.read_csv(self.stream, _told):
                if not columns:
                    columns, is_heading = self._columns(cells)
                    if is_heading:
                        continue
                for values in _split(columns, cells):
                    count += 1
                    if count > MAX_ROWS:
                        wrong = FieldError("people", "too_many_rows", TOO_LONG, {"rows": MAX_ROWS})
                        raise InvalidInput("too many rows", fields=[wrong])
                    yield line, values
        except csv_files.InvalidCsv as why:
            wrong = FieldError("people", "not_a_table", UNREADABLE, {"line": why.line})
            raise InvalidInput("not a table", fields=[wrong]) from None

    def _columns(self, cells: list[str]) -> tuple[tuple[str, ...], bool]:
        named = [COLUMNS.get(cell.casefold().rstrip(" :*"), "") for cell in cells]
        if "email" not in named or any(map(_is_address, cells)):
            return WITHOUT_HEADINGS, False
        # Of two columns with one meaning (Google's "E-mail 1", "E-mail 2") the first counts.
        columns = tuple(name if name not in named[:at] else "" for at, name in enumerate(named))
        self.unused = [
            CONTROLS.sub("\ufffd", cell)[:100] for cell, name in zip(cells, columns, strict=True) if cell and not name
        ][:50]
        return columns, True


def refused_of(groups: Sequence[str]) -> str:
    """Why nobody gets into these groups by a list, "" if anybody may: a list is often filled in by somebody else."""
    return "admins" if ADMIN_GROUP in groups else ""


def _told(cell: str) -> bool:
    return _is_address(cell) or cell.strip().casefold().rstrip(" :*") in COLUMNS


def _is_address(cell: str) -> bool:
    named = NAMED.fullmatch(cell)
    return ADDRESS.fullmatch(named[2] if named else cell.strip()) is not None


def _split(columns: tuple[str, ...], cells: list[str]) -> Iterator[dict[str, str]]:
    """One row as a mapping. Several addresses in a line without headings, as they are pasted, are several rows."""
    filled = [cell for cell in cells if cell]
    if columns is WITHOUT_HEADINGS:
        if len(filled) > 1 and all(map(_is_address, filled)):
            yield from ({"email": cell} for cell in filled)
            return
        if len(cells) > 1 and _is_address(cells[1]) and not _is_address(cells[0]):
            cells = [cells[1], cells[0], *cells[2:]]
    yield {name: cell for name, cell in zip(columns, cells, strict=False) if name and cell}


def _entry(line: int, values: dict[str, str]) -> Entry:
    email = values.pop("email", "").removeprefix("mailto:")
    named = NAMED.fullmatch(email)
    if named:
        email = named[2].strip()
        values.setdefault("name", named[1].strip())
    typed = _visible(email)[:254]
    if not email:
        return Entry(line, typed, reason="missing")
    if "@" in values.get("name", ""):
        # Rather than invite one of two people, and call them by the address of the other.
        return Entry(line, typed, reason="mixed")
    try:
        return Entry(line, typed, Row.model_validate({"email": email, **_said(values)}))
    except ValidationError as wrong:
        where = {str(each["loc"][0]) for each in wrong.errors(include_url=False)}
        return Entry(line, typed, reason=next(name for name in Row.model_fields if name in where))


def _visible(text: str) -> str:
    # As it can be shown and kept: PostgreSQL takes no zero byte.
    return CONTROLS.sub("\ufffd", text)


def _said(values: dict[str, str]) -> dict[str, Any]:
    parts = [values.pop("first", ""), values.pop("last", "")]
    said: dict[str, Any] = {name: value for name, value in values.items() if value}
    if any(parts):
        said.setdefault("name", " ".join(filter(None, parts)))
    if "groups" in said:
        said["groups"] = re.sub(r"[;|/]", " ", said["groups"])
    if "locale" in said:
        word = said["locale"].casefold()
        said["locale"] = LANGUAGES.get(word, re.split("[-_]", word)[0])
    return said
