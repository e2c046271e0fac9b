"""Read CSV as spreadsheets write it, with any of their separators."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Callable, Iterator
from itertools import chain, islice

from accounts.core.record_files.text import SAMPLE_BYTES, InvalidFile, read_lines

SEPARATORS = (",", ";", "\t")
SEPARATOR_LINE = re.compile(r"\s*sep=([,;\t|:])\s*", re.IGNORECASE)
"""The first line of what Excel writes for itself."""
OPEN_QUOTE_REASON = "a quotation mark is not closed, or text stands behind one that is"


def read_table(
    text: io.TextIOWrapper, is_whole_cell: Callable[[str], bool], *, strict: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table that are not empty, each with the number of the line it begins on. One row at a time.

    :param is_whole_cell: whether a cell is surely a whole one, by which the right separator is told from the others.
    :param strict: whether text behind a closing quotation mark is an error, rather than a part of the cell.
    :raises InvalidFile: such as a quotation mark that is never closed.
    """
    sample = text.read(SAMPLE_BYTES)
    hint = SEPARATOR_LINE.fullmatch(re.split(r"[\r\n]", sample, maxsplit=1)[0])
    separator = hint[1] if hint else _detect_separator(sample, is_whole_cell)
    text.seek(0)
    before = 1 if hint else 0
    if hint:
        text.readline()
    # A line of our own behind the last one. Where it is no row of itself, a quotation mark was never closed.
    end = f"\x00{secrets.token_hex(8)}"
    reader = csv.reader(chain(read_lines(text, before + 1), [end]), delimiter=separator, strict=strict)
    while True:
        line = before + reader.line_num + 1
        try:
            row = next(reader)
        except (csv.Error, StopIteration):
            raise InvalidFile(line, OPEN_QUOTE_REASON) from None
        if row == [end]:
            return
        cells = [cell.strip() for cell in row]
        if any(cells):
            if end in cells[-1]:
                raise InvalidFile(line, OPEN_QUOTE_REASON)
            yield line, cells


def _detect_separator(sample: str, is_whole_cell: Callable[[str], bool]) -> str:
    def score(separator: str) -> int:
        rows = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
        try:
            return sum(is_whole_cell(cell) for row in islice(rows, 20) for cell in row)
        except csv.Error:
            return 0

    return max(SEPARATORS, key=score)
