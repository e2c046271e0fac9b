"""What commands print: tables with headings, or JSON with one object a line.

Rows and notes go to standard output, what went wrong to standard error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from pydantic import BaseModel

T = TypeVar("T")
Columns = Mapping[str, Callable[[T], object]]
"""What a column is called, and what it shows of a row."""
EMPTY_CELL = "-"
COLUMN_GAP = "  "


def format_timestamp(at: datetime | None) -> str:
    """Return a moment in UTC as ``YYYY-MM-DD HH:MM:SS``, "-" for none."""
    return EMPTY_CELL if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def format_cell(value: object) -> str:
    """Return a value as a table shows it, on one line and without control characters: "-" for nothing."""
    if isinstance(value, datetime):
        return format_timestamp(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(format_cell(each) for each in value) or EMPTY_CELL
    text = "" if value is None else str(value)
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text) or EMPTY_CELL


def print_table(pages: Iterable[Sequence[T]], columns: Columns[T], *, as_json: bool) -> None:
    """Print rows under their headings, or each as an object of JSON.

    :param pages: the rows, so many at a time as memory shall hold; a later page may need wider columns.
    :param columns: not used for JSON, which has all that a row has.
    """
    if as_json:
        for page in pages:
            for row in page:
                print_json(row)
        return
    widths = [len(heading) for heading in columns]
    headings: list[str] | None = list(columns)
    for page in pages:
        table = [[format_cell(show(row)) for show in columns.values()] for row in page]
        widths = [max(width, *(len(cells[column]) for cells in table), 0) for column, width in enumerate(widths)]
        if headings is not None:
            _print_line(headings, widths)
            headings = None
        for cells in table:
            _print_line(cells, widths)
    if headings is not None:
        _print_line(headings, widths)


def print_fields(answer: object, fields: Iterable[tuple[str, object]], *, as_json: bool) -> None:
    """Print one thing, a label and a value a line, or as an object of JSON. A label may stand several times."""
    if as_json:
        print_json(answer)
        return
    rows = [(label, format_cell(value) if label or value else "") for label, value in fields]
    width = max((len(label) for label, _ in rows), default=0)
    for label, value in rows:
        click.echo(f"{label:>{width}}  {value}".rstrip())


def print_done(answer: object, *sentences: str, as_json: bool) -> None:
    """Print what was done in sentences, a line each, or what came of it as an object of JSON."""
    if as_json:
        print_json(answer)
        return
    for sentence in sentences:
        click.echo(sentence)


def print_json(answer: object) -> None:
    """Print a model, a dataclass or a mapping as JSON on one line, with moments as the JSON of pages has them."""
    click.echo(json.dumps(_to_plain(answer), default=_to_plain, ensure_ascii=False))


def print_problem(text: str) -> None:
    """Print something that an operator should know to standard error: it is no part of the answer."""
    click.echo(f"accounts: {text}", err=True)


def _to_plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value if isinstance(value, dict | list | tuple) else str(value)


def _print_line(cells: Sequence[str], widths: Sequence[int]) -> None:
    click.echo(COLUMN_GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
