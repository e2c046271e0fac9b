"""Write CSV for spreadsheets, which run nothing when they open it: see :func:`escape_formula`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

FORMULA_CHARACTERS = frozenset("=+-@\t\r\n＝＋－＠|%")
"""What a cell must not begin with: spreadsheets take it for a formula, or for a command to another program."""
_FORMULA_START = re.compile(rf'(?:^[ \u00a0]*|(?<=;)[ \u00a0"]*)[{re.escape("".join(sorted(FORMULA_CHARACTERS)))}]')
"""Where one begins: at the beginning of a cell, and behind a semicolon. Where decimals have a comma, spreadsheets end
a cell there, and take our quotation marks, which then stand inside of one, for nothing."""


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
