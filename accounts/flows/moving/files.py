"""Reading files record by record, however large: CSV, lines of JSON, and JSON whose list is read as it comes."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from accounts.flows.moving.rows import FileRefused

CHUNK = 1 << 16
LONGEST = 1 << 26
"""Characters of one value of a JSON document. What is broken would otherwise be read to its end, into memory."""
SPACE = " \t\r\n"
CSV, JSON_LINES, JSON_DOCUMENT = "csv", "jsonl", "json"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: where it stands, and what it says or why it cannot be read."""

    line: int
    says: dict[str, Any]
    wrong: str = ""


def kind_of(path: Path) -> str:
    """What a file is, by its name or else by how it begins.

    :raises FileRefused: it cannot be opened.
    """
    named = path.suffix.lower().lstrip(".")
    if named in (CSV, JSON_LINES, JSON_DOCUMENT):
        return named
    if named == "ndjson":
        return JSON_LINES
    with _open(path) as file:
        first = file.readline(CHUNK).strip()
    if first[:1] not in ("{", "["):
        return CSV
    try:
        return JSON_LINES if isinstance(json.loads(first), dict) else JSON_DOCUMENT
    except ValueError:
        return JSON_DOCUMENT


def records(path: Path, *, list_name: str = "", heading: list[str] | None = None) -> Iterator[Record]:
    """The records of a file, one by one.

    :param list_name: the name under which a JSON document has its list; "" where the document is the list.
    :param heading: the columns of a CSV file that has no heading.
    :raises FileRefused: it cannot be read at all, or not any further.
    """
    kind = kind_of(path)
    with _open(path) as file:
        try:
            if kind == CSV:
                yield from _csv(file, heading)
            elif kind == JSON_LINES:
                yield from _json_lines(file)
            else:
                yield from _Document(file).items(list_name)
        except UnicodeDecodeError:
            raise FileRefused(f"{path.name} is not UTF-8; convert it first: iconv -f LATIN1 -t UTF-8") from None


def _open(path: Path) -> TextIO:
    try:
        # Spreadsheets put a mark in front of UTF-8.
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as wrong:
        raise FileRefused(f"cannot read {path}: {wrong.strerror}") from None


def _csv(file: TextIO, heading: list[str] | None) -> Iterator[Record]:
    separator = ","
    if heading is None:
        first = file.readline(CHUNK)
        separator = max(",;\t", key=first.count)
        heading = [name.strip().lower() for name in next(csv.reader([first], delimiter=separator), [])]
        if not any(heading):
            raise FileRefused("the file is empty")
        before = 1
    else:
        before = 0
    reader, known = csv.reader(file, delimiter=separator), len(heading)
    while True:
        line = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as wrong:
            yield Record(line, {}, f"cannot be read as CSV: {wrong}")
            continue
        if len(cells) > known and any(cells[known:]):
            yield Record(line, {}, f"has {len(cells)} cells under {known} headings")
        elif cells:
            yield Record(line, dict(zip(heading, cells, strict=False)))


def _json_lines(file: TextIO) -> Iterator[Record]:
    for line, said in enumerate(file, 1):
        if not said.strip():
            continue
        try:
            found = json.loads(said)
        except (ValueError, RecursionError):
            yield Record(line, {}, "is not JSON")
            continue
        yield Record(line, found) if isinstance(found, dict) else Record(line, {}, "is not a JSON object")


class _Document:
    """A JSON document, of which no more is in memory than the item that is being read."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text, self._at, self._line = "", 0, 1
        self._decoder = json.JSONDecoder()

    def items(self, list_name: str) -> Iterator[Record]:
        """The objects of the list that the document is, or that it has under a name."""
        if list_name and self._next() == "{":
            self._take("{")
            if not self._find(list_name):
                raise FileRefused(f'the document has no list "{list_name}"')
        self._take("[")
        while self._next() != "]":
            line = self._line
            found = self._value()
            yield Record(line, found) if isinstance(found, dict) else Record(line, {}, "is not a JSON object")
            if self._next() == ",":
                self._take(",")

    def _find(self, name: str) -> bool:
        while self._next() != "}":
            found = self._value()
            self._take(":")
            if found == name:
                return True
            self._value()
            if self._next() == ",":
                self._take(",")
        return False

    def _value(self) -> Any:
        size = CHUNK
        self._next()
        while True:
            found, end = None, len(self._text)
            with contextlib.suppress(ValueError, RecursionError):
                found, end = self._decoder.raw_decode(self._text, self._at)
            # At the very end of what is read, a number could go on, and what is broken could be cut only.
            if end < len(self._text):
                self._pass(end)
                return found
            if len(self._text) - self._at > LONGEST or not self._more(size):
                raise FileRefused(f"line {self._line}: the document is not JSON, or was cut")
            size *= 2

    def _take(self, mark: str) -> None:
        if self._next() != mark:
            raise FileRefused(f"line {self._line}: {mark} was due")
        self._pass(self._at + 1)

    def _next(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in SPACE:
                self._pass(self._at + 1)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(CHUNK):
                return ""

    def _pass(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _more(self, size: int) -> bool:
        read = self._file.read(size)
        self._text, self._at = self._text[self._at :] + read, 0
        return bool(read)
