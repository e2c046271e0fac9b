"""Read the rows of a list of people to invite: which column is what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

from accounts.core.errors import FieldError, InvalidInput
from accounts.core.messages import N_
from accounts.core.models.account import ADMIN_GROUP
from accounts.core.record_files.reader import Record, RecordFile
from accounts.core.record_files.text import InvalidFile
from accounts.flows.invites.batch_entries import CONTROL_CHARACTERS, GROUP_COLUMN, ListEntry, parse_entry
from accounts.flows.shared.columns import MEANING_OF_NAME, Meaning, is_email, is_email_or_heading, normalize_name

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
    Meaning.ACTIVE: "active",
    Meaning.DELETED: "deleted",
    Meaning.MESSAGE: "message",
    Meaning.APP: "app",
    Meaning.PRINCIPAL: "principal",
    Meaning.PROXIES: "proxies",
}
"""What of the known columns is used here, under which name."""
DEFAULT_COLUMNS = ("email", "name", "groups", "locale", "days")
ADDRESS_LIKE_PATTERN = re.compile(r"@|\w\.\w")
"""What no heading has, and what an address with a mistake in it may have."""
LIST_NAMES = frozenset({"users", "people", "members", "invites"})
"""Under which of its names a JSON document may hold the list."""
NOT_A_TABLE_MESSAGE = N_("We can't read this table. Check line %(line)s: a quotation mark may not be closed.")
NO_COLUMN_MESSAGE = N_("This list has no column named %(column)s.")
TOO_MANY_ROWS_MESSAGE = N_("Use at most %(rows)s rows. Split the list into several.")
EMPTY_LIST_MESSAGE = N_("This list has no entries.")


@dataclass
class PeopleList:
    """A list of people in a file. Reading it takes no more memory than a row.

    :ivar group_columns: headings of columns whose values are groups, too: cohorts, departments, organizational units.
    :ivar takes_suspended: whether people come in whom the list calls suspended, disabled or gone.
    :ivar unknown_headings: columns with an unknown heading, once reading has begun.
    """

    stream: BinaryIO
    group_columns: Sequence[str] = ()
    takes_suspended: bool = False
    unknown_headings: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Read it once, before anything is done with it.

        :raises InvalidInput: it is no table, is empty, has too many rows, or lacks a column that is asked for.
        """
        # All of it, and without judging anything: what is wrong may stand at the end.
        if not sum(1 for _ in self._iter_values()):
            raise InvalidInput.for_field("an empty list", "people", "empty", EMPTY_LIST_MESSAGE)

    def __iter__(self) -> Iterator[ListEntry]:
        return (
            parse_entry(line, values, takes_suspended=self.takes_suspended) for line, values in self._iter_values()
        )

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
            # Closed here, not when it is collected: by then the file under it may be gone.
            with closing(iter(file)) as records:
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
        self._check_group_columns(cells if columns is not None else ())
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
        if not {"email", "principal", "proxies"}.intersection(columns):
            under = [is_email(cell) for cell in second] if isinstance(second, list) else []
            if True not in under or any(map(ADDRESS_LIKE_PATTERN.search, cells)) or under.index(True) >= len(cells):
                self.unknown_headings = []
                return None
            columns[under.index(True)] = "email"
        return tuple(columns)

    def _name_columns(self, headings: list[str]) -> tuple[str, ...]:
        names = [_find_column_name(heading) for heading in headings]
        # Of two columns with one meaning (Google's "E-mail 1", "E-mail 2") the first counts.
        columns = [name if name not in names[:index] else "" for index, name in enumerate(names)]
        wanted = {normalize_name(column) for column in self.group_columns}
        for index, heading in enumerate(headings):
            if columns[index] in ("", "groups") and normalize_name(heading) in wanted:
                columns[index] = f"{GROUP_COLUMN}{index}"
        for heading, name in zip(headings, columns, strict=True):
            shown = CONTROL_CHARACTERS.sub("\ufffd", heading)[:100]
            if heading and not name and len(self.unknown_headings) < 50 and shown not in self.unknown_headings:
                self.unknown_headings.append(shown)
        return tuple(columns)

    def _check_group_columns(self, headings: Iterable[str]) -> None:
        known = set(map(normalize_name, headings))
        for column in self.group_columns:
            if normalize_name(column) not in known:
                error = FieldError("group_columns", "no_column", NO_COLUMN_MESSAGE, {"column": column[:100]})
                raise InvalidInput("no such column", fields=[error])


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
