"""Reading files record by record, however large: CSV, lines of JSON, and JSON whose list is read as it comes."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from accounts.flows.moving.rows import BAD_RECORD, FileRefused, RefusedRow, SourceRow

CHARACTERS_PER_READ = 1 << 16
MAX_VALUE_CHARACTERS = 1 << 26
"""Characters of one value of a JSON document. What is broken would otherwise be read to its end, into memory."""
JSON_WHITESPACE = " \t\r\n"
CSV, JSON_LINES, JSON_DOCUMENT = "csv", "jsonl", "json"


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record of a file: where it is, and its values or why it cannot be read."""

    line: int
    values: dict[str, Any]
    error: str = ""


def detect_format(path: Path) -> str:
    """Return the format of a file, by its name or else by how it begins.

    :raises FileRefused: it cannot be opened.
    """
    extension = path.suffix.lower().lstrip(".")
    if extension in (CSV, JSON_LINES, JSON_DOCUMENT):
        return extension
    if extension == "ndjson":
        return JSON_LINES
    with _open_text(path) as file:
        first = file.readline(CHARACTERS_PER_READ).strip()
    if first[:1] not in ("{", "["):
        return CSV
    try:
        return JSON_LINES if isinstance(json.loads(first), dict) else JSON_DOCUMENT
    except ValueError:
        return JSON_DOCUMENT


def read_records(path: Path, *, list_name: str = "", heading: list[str] | None = None) -> Iterator[SourceRecord]:
    """Yield the records of a file, one by one.

    :param list_name: the name under which a JSON document has its list; "" where the document is the list.
    :param heading: the columns of a CSV file that has no heading.
    :raises FileRefused: it cannot be read at all, or not any further.
    """
    kind = detect_format(path)
    with _open_text(path) as file:
        try:
            if kind == CSV:
                yield from _read_csv(file, heading)
            elif kind == JSON_LINES:
                yield from _read_json_lines(file)
            else:
                yield from _JsonDocument(file).items(list_name)
        except UnicodeDecodeError:
            raise FileRefused(f"{path.name} is not UTF-8; convert it first: iconv -f LATIN1 -t UTF-8") from None


def convert_records(
    records: Iterable[SourceRecord], build_row: Callable[[SourceRecord], SourceRow | None]
) -> Iterator[SourceRow | RefusedRow]:
    """Yield the row that each record makes; one that cannot be read is refused.

    :param build_row: returns None for a record that is no account.
    """
    for record in records:
        if record.error:
            yield RefusedRow(record.line, "", BAD_RECORD, record.error)
        elif (row := build_row(record)) is not None:
            yield row


def _open_text(path: Path) -> TextIO:
    try:
        # Spreadsheets put a mark in front of UTF-8.
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise FileRefused(f"cannot read {path}: {error.strerror}") from None


def _read_csv(file: TextIO, heading: list[str] | None) -> Iterator[SourceRecord]:
    separator = ","
    if heading is None:
        first = file.readline(CHARACTERS_PER_READ)
        separator = max(",;\t", key=first.count)
        heading = [name.strip().lower() for name in next(csv.reader([first], delimiter=separator), [])]
        if not any(heading):
            raise FileRefused("the file is empty")
        lines_before = 1
    else:
        lines_before = 0
    reader, heading_count = csv.reader(file, delimiter=separator), len(heading)
    while True:
        line = lines_before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield SourceRecord(line, {}, f"cannot be read as CSV: {error}")
            continue
        if len(cells) > heading_count and any(cells[heading_count:]):
            yield SourceRecord(line, {}, f"has {len(cells)} cells under {heading_count} headings")
        elif cells:
            yield SourceRecord(line, dict(zip(heading, cells, strict=False)))


def _read_json_lines(file: TextIO) -> Iterator[SourceRecord]:
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            yield SourceRecord(line, {}, "is not JSON")
            continue
        yield SourceRecord(line, value) if isinstance(value, dict) else SourceRecord(line, {}, "is not a JSON object")


class _JsonDocument:
    """A JSON document, of which no more is in memory than the item that is being read."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text, self._position, self._line = "", 0, 1
        self._decoder = json.JSONDecoder()

    def items(self, list_name: str) -> Iterator[SourceRecord]:
        """Yield the objects of the list that the document is, or that it has under a name."""
        if list_name and self._peek() == "{":
            self._expect("{")
            if not self._find_list(list_name):
                raise FileRefused(f'the document has no list "{list_name}"')
        self._expect("[")
        while self._peek() != "]":
            line = self._line
            value = self._read_value()
            yield (
                SourceRecord(line, value)
                if isinstance(value, dict)
                else SourceRecord(line, {}, "is not a JSON object")
            )
            if self._peek() == ",":
                self._expect(",")

    def _find_list(self, name: str) -> bool:
        while self._peek() != "}":
            key = self._read_value()
            self._expect(":")
            if key == name:
                return True
            self._read_value()
            if self._peek() == ",":
                self._expect(",")
        return False

    def _read_value(self) -> Any:
        size = CHARACTERS_PER_READ
        self._peek()
        while True:
            value, end = None, len(self._text)
            with contextlib.suppress(ValueError, RecursionError):
                value, end = self._decoder.raw_decode(self._text, self._position)
            # At the very end of what is read, a number could go on, and what is broken could be cut only.
            if end < len(self._text):
                self._advance(end)
                return value
            if len(self._text) - self._position > MAX_VALUE_CHARACTERS or not self._read_more(size):
                raise FileRefused(f"line {self._line}: the document is not JSON, or was cut")
            size *= 2

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise FileRefused(f"line {self._line}: {character} was due")
        self._advance(self._position + 1)

    def _peek(self) -> str:
        """Return the next character that is no space; "" at the end."""
        while True:
            while self._position < len(self._text) and self._text[self._position] in JSON_WHITESPACE:
                self._advance(self._position + 1)
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._read_more(CHARACTERS_PER_READ):
                return ""

    def _advance(self, end: int) -> None:
        self._line += self._text.count("\n", self._position, end)
        self._position = end

    def _read_more(self, size: int) -> bool:
        new_text = self._file.read(size)
        self._text, self._position = self._text[self._position :] + new_text, 0
        return bool(new_text)
