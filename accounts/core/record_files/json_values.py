"""Read JSON record by record, however large: lines of objects, lists, and a list that an object holds by a name."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

from accounts.core.record_files.text import MAX_RECORD_CHARACTERS, SAMPLE_BYTES, InvalidFile, read_lines

WHITESPACE = " \t\r\n"
NO_OBJECT_REASON = "is not a JSON object"


def read_json_lines(text: io.TextIOWrapper) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield the objects of a text that has one in a line, or why a line has none."""
    for number, line in enumerate(read_lines(text), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield number, "is not JSON"
            continue
        yield number, value if isinstance(value, dict) else NO_OBJECT_REASON


class JsonDocument:
    """A JSON document, of which no more is in memory than the item that is being read.

    :param is_list_name: whether the list of records stands under a name, where the document is an object.
    """

    def __init__(self, text: io.TextIOWrapper, is_list_name: Callable[[str], bool]) -> None:
        self._file, self._is_list_name = text, is_list_name
        self._text, self._position, self._line = "", 0, 1
        self._decoder = json.JSONDecoder()

    def items(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        """Yield the objects of the list that the document is or holds; one list after the other, if there are more.

        :raises InvalidFile: it is no JSON, or holds no such list.
        """
        while self._peek():
            if self._peek() == "{":
                yield from self._members()
            else:
                yield from self._elements()

    def _members(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        begun, names, found = self._line, list[str](), False
        self._expect("{")
        while self._peek() != "}":
            name = str(self._read_value())
            self._expect(":")
            if self._is_list_name(name) and self._peek() == "[":
                found = True
                yield from self._elements()
            else:
                names.append(name)
                self._read_value()
            self._expect_next("}")
        self._expect("}")
        if not found:
            held = f"; there are {', '.join(names[:20])}" if names else ""
            raise InvalidFile(begun, f"the document has no list of users{held}")

    def _elements(self) -> Iterator[tuple[int, dict[str, Any] | str]]:
        self._expect("[")
        while self._peek() != "]":
            line, value = self._line, self._read_value()
            yield line, value if isinstance(value, dict) else NO_OBJECT_REASON
            self._expect_next("]")
        self._expect("]")

    def _expect_next(self, end: str) -> None:
        if self._peek() != end:
            self._expect(",")

    def _read_value(self) -> Any:
        size = SAMPLE_BYTES
        self._peek()
        while True:
            value, end = None, len(self._text)
            with contextlib.suppress(ValueError, RecursionError):
                value, end = self._decoder.raw_decode(self._text, self._position)
            # At the very end of what is read, a number could go on, and what is broken could be cut only.
            if end < len(self._text):
                self._advance(end)
                return value
            if len(self._text) - self._position > MAX_RECORD_CHARACTERS or not self._read_more(size):
                raise InvalidFile(self._line, "the document is not JSON, or was cut")
            size *= 2

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise InvalidFile(self._line, f"the document is not JSON, or was cut: {character} was due")
        self._advance(self._position + 1)

    def _peek(self) -> str:
        """Return the next character that is no space; "" at the end."""
        while True:
            while self._position < len(self._text) and self._text[self._position] in WHITESPACE:
                self._advance(self._position + 1)
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._read_more(SAMPLE_BYTES):
                return ""

    def _advance(self, end: int) -> None:
        self._line += self._text.count("\n", self._position, end)
        self._position = end

    def _read_more(self, size: int) -> bool:
        new_text = self._file.read(size)
        self._text, self._position = self._text[self._position :] + new_text, 0
        return bool(new_text)
