"""Print the output of commands: tables with headings, or JSON with one object a line.

Rows and notes go to standard output, problems to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from pydantic import BaseModel

from accounts.flows.shared.frozen_lists import ListProgress

T = TypeVar("T")
Columns = Mapping[str, Callable[[T], object]]
"""Functions that return the cell of a row, by the heading of the column."""
EMPTY_CELL = "-"
COLUMN_GAP = "  "


def format_timestamp(at: datetime | None) -> str:
    """Return a time in UTC as ``YYYY-MM-DD HH:MM:SS``, or "-" for None."""
    return EMPTY_CELL if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def format_cell(value: object) -> str:
    """Return a value as the text of a cell, on one line and without control characters, or "-" for no value."""
    if isinstance(value, datetime):
        return format_timestamp(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(format_cell(each) for each in value) or EMPTY_CELL
    text = "" if value is None else str(value)
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text) or EMPTY_CELL


def print_table(pages: Iterable[Sequence[T]], columns: Columns[T], *, as_json: bool) -> None:
    """Print rows under their headings, or each row as a JSON object.

    :param pages: lists of rows, of which one at a time is in memory; a later page may need wider columns.
    :param columns: not used for JSON, which has every field of a row.
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
    """Print labels and values, one pair a line, or the answer as a JSON object.

    :param answer: a model, a dataclass or a mapping.
    :param fields: pairs of label and value; a label may be there several times.
    """
    if as_json:
        print_json(answer)
        return
    rows = [(label, format_cell(value) if label or value else "") for label, value in fields]
    width = max((len(label) for label, _ in rows), default=0)
    for label, value in rows:
        click.echo(f"{label:>{width}}  {value}".rstrip())


def print_done(answer: object, *sentences: str, as_json: bool) -> None:
    """Print sentences about what was done, one a line, or the answer as a JSON object.

    :param answer: a model, a dataclass or a mapping; used for JSON alone.
    """
    if as_json:
        print_json(answer)
        return
    for sentence in sentences:
        click.echo(sentence)


def show_progress(steps: Generator[ListProgress, None, None], label: str) -> ListProgress:
    """Do a list, with a bar on standard error, and return how far it is at the end."""
    with closing(steps):
        step = next(steps)
        with click.progressbar(length=step.done + step.left, label=label, file=sys.stderr) as bar:
            bar.update(step.done)
            for step in steps:
                bar.length = step.done + step.left
                bar.update(step.done - bar.pos)
    return step


def print_json(answer: object) -> None:
    """Print a model, a dataclass or a mapping as JSON on one line, with times in the format of the JSON API."""
    click.echo(json.dumps(_to_plain(answer), default=_to_plain, ensure_ascii=False))


def print_problem(text: str) -> None:
    """Print a line for the operator to standard error: it is no part of the answer."""
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
