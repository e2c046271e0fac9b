"""Read and write CSV as spreadsheets do, in any of their encodings, with any of their separators.

What is written can be opened in a spreadsheet without running anything: see :func:`escape_formula`.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import BinaryIO

SEPARATORS = (",", ";", "\t")
SEPARATOR_LINE = re.compile(r"\s*sep=([,;\t|:])\s*", re.IGNORECASE)
"""The first line of what Excel writes for itself."""
SAMPLE_BYTES = 64 * 1024
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
FORMULA_CHARACTERS = frozenset("=+-@\t\r\n＝＋－＠|%")
"""What a cell must not begin with: spreadsheets take it for a formula, or for a command to another program."""
_FORMULA_START = re.compile(rf'(?:^[ \u00a0]*|(?<=;)[ \u00a0"]*)[{re.escape("".join(sorted(FORMULA_CHARACTERS)))}]')
"""Where one begins: at the beginning of a cell, and behind a semicolon. Where decimals have a comma, spreadsheets end
a cell there, and take our quotation marks, which then stand inside of one, for nothing."""


class InvalidCsv(ValueError):
    """Raised where a text cannot be read as a table; ``line`` says where (from 1)."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def read_csv(stream: BinaryIO, is_whole_cell: Callable[[str], bool]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table that are not empty, each with the number of the line it ends on. One row at a time.

    :param stream: a file that can be read twice; it stays open.
    :param is_whole_cell: whether a cell is surely a whole one, by which the right separator is told from the others.
    :raises InvalidCsv: such as a quotation mark that is never closed.
    """
    encoding = detect_encoding(stream)
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding, errors="replace", newline="")
    try:
        sample = text.read(SAMPLE_BYTES)
        hint = SEPARATOR_LINE.fullmatch(sample.partition("\n")[0])
        separator = hint[1] if hint else _detect_separator(sample, is_whole_cell)
        text.seek(0)
        if hint:
            text.readline()
        yield from _numbered_rows(csv.reader(text, delimiter=separator), 1 if hint else 0)
    finally:
        text.detach()


def detect_encoding(stream: BinaryIO) -> str:
    """Return a file's encoding: by its byte order mark or zero bytes, UTF-8 if it decodes, else Windows-1252."""
    stream.seek(0)
    sample = stream.read(SAMPLE_BYTES)
    for mark, encoding in BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return encoding
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if even + odd > len(sample) // 4:
        return "utf-16-le" if odd > even else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while sample:
            decoder.decode(sample)
            sample = stream.read(SAMPLE_BYTES)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def format_csv(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield rows as CSV (RFC 4180) with the byte order mark by which spreadsheets know UTF-8. One row at a time."""
    byte_order_mark = "\ufeff"
    for row in rows:
        yield byte_order_mark + format_row(row)
        byte_order_mark = ""


def format_row(cells: Iterable[object]) -> str:
    """Return one row as CSV. Every cell is quoted, and none begins as a formula does."""
    return ",".join('"{}"'.format(escape_formula(str(cell)).replace('"', '""')) for cell in cells) + "\r\n"


def escape_formula(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: an apostrophe is put before what looks like one."""
    return _FORMULA_START.sub(r"'\g<0>", cell) if cell.strip() else cell


def unescape_formula(cell: str) -> str:
    """Return a cell as it was before :func:`escape_formula`."""
    unescaped = re.sub(r"(^|;)'", r"\1", cell)
    return unescaped if escape_formula(unescaped) == cell else cell


def _detect_separator(sample: str, is_whole_cell: Callable[[str], bool]) -> str:
    def score(separator: str) -> int:
        rows = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
        try:
            return sum(is_whole_cell(cell) for row in islice(rows, 20) for cell in row)
        except csv.Error:
            return 0

    return max(SEPARATORS, key=score)


def _numbered_rows(reader: Iterator[list[str]], lines_before: int) -> Iterator[tuple[int, list[str]]]:
    number = 0
    try:
        for row in reader:
            number = lines_before + int(reader.line_num)  # type: ignore[attr-defined] # csv.reader has no type of its own
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield number, cells
    except csv.Error:
        raise InvalidCsv(number + 1) from None
