"""Read any such file: by what is in it, never by its name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from typing import Any, BinaryIO

from accounts.core.record_files import json_values, tables, text

TABLE, JSON_LINES, JSON_DOCUMENT = "table", "lines of JSON", "JSON"
Record = list[str] | dict[str, Any] | str
"""The cells of a row, an object, or why there is neither."""
JSON_START = re.compile(r"""\[\s*(?:[\[{"\]]|$)|\{\s*(?:["}]|$)""")
"""How JSON with records begins. Headings may stand in brackets, too: ``[Email],[Name]``."""


class RecordFile:
    """A file of records. It may be read several times; reading it takes no more memory than a record.

    :ivar encoding: the encoding by the name that Python gives it; ``encoding_name`` by the one that people do.
    :ivar format: of this module's constants.
    :param stream: the file, which can be read from its beginning again. It stays open.
    :param is_whole_cell: whether a cell is surely a whole one, by which the right separator is told from the others.
    :param is_list_name: whether a JSON document that is an object holds the list of records under a name.
    :param strict: whether text behind a closing quotation mark is an error, rather than a part of the cell.
    """

    def __init__(
        self,
        stream: BinaryIO,
        is_whole_cell: Callable[[str], bool],
        *,
        is_list_name: Callable[[str], bool],
        strict: bool,
    ) -> None:
        self._stream, self._is_whole_cell, self._is_list_name = stream, is_whole_cell, is_list_name
        self._strict = strict
        self.encoding = text.detect_encoding(stream)
        self.format = self._detect_format()

    @property
    def encoding_name(self) -> str:
        """What people call the encoding."""
        return text.ENCODING_NAMES[self.encoding]

    def __iter__(self) -> Generator[tuple[int, Record], None, None]:
        """Yield each record, with the line that it begins on (from 1).

        :raises InvalidFile: the file cannot be read, or not any further.
        """
        opened = text.open_text(self._stream, self.encoding)
        try:
            if self.format == TABLE:
                yield from tables.read_table(opened, self._is_whole_cell, strict=self._strict)
            elif self.format == JSON_LINES:
                yield from json_values.read_json_lines(opened)
            else:
                yield from json_values.JsonDocument(opened, self._is_list_name).items()
        finally:
            opened.detach()

    def _detect_format(self) -> str:
        opened = text.open_text(self._stream, self.encoding)
        try:
            first = next((line for line in text.read_lines(opened) if line.strip()), "").strip()
        except text.InvalidFile:
            # So long a line is a document without any, if it is JSON.
            opened.seek(0)
            first = opened.read(text.SAMPLE_BYTES).lstrip()
        finally:
            opened.detach()
        if not JSON_START.match(first):
            return TABLE
        if first[0] == "[":
            return JSON_DOCUMENT
        try:
            value = json.loads(first)
        except (ValueError, RecursionError):
            return JSON_DOCUMENT
        holds_list = any(self._is_list_name(name) and isinstance(each, list) for name, each in value.items())
        return JSON_DOCUMENT if holds_list else JSON_LINES
