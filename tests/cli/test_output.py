"""Tables and JSON: what any value looks like, and columns that fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import BaseModel

from accounts.cli.output import Columns, format_cell, format_timestamp, print_fields, print_json, print_table

AT = datetime(2026, 11, 28, 9, 5, 7, 123456, tzinfo=UTC)
COLUMNS: Columns[tuple[object, ...]] = {"one": lambda row: row[0], "the other": lambda row: row[1]}


class Model(BaseModel):
    """An answer."""

    at: datetime
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Holder:
    """A row that holds another one."""

    model: Model
    at: datetime | None
    path: Path


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        ("", "-"),
        ((), "-"),
        (0, "0"),
        (False, "no"),
        (True, "yes"),
        (("b", "a"), "b, a"),
        (AT, "2026-11-28 09:05:07"),
        (AT.astimezone(timezone(timedelta(hours=5, minutes=30))), "2026-11-28 09:05:07"),
        ("two\nlines\x1b[31m", "two\N{REPLACEMENT CHARACTER}lines\N{REPLACEMENT CHARACTER}[31m"),
        ("Ünïcode", "Ünïcode"),
    ],
)
def test_a_cell_is_one_line_without_control_characters(value: object, shown: str) -> None:
    assert format_cell(value) == shown


def test_no_moment_is_a_dash() -> None:
    assert format_timestamp(None) == "-"


def test_columns_are_as_wide_as_what_is_in_them_and_headings_stand_once(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([[("a", 1), ("bbbbb", 22)], [("cccccccc", None)]], COLUMNS, as_json=False)
    assert capsys.readouterr().out == "one    the other\na      1\nbbbbb  22\ncccccccc  -\n"


def test_an_empty_table_has_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    empty: list[list[list[tuple[object, ...]]]] = [[], [[]]]
    for pages in empty:
        print_table(pages, COLUMNS, as_json=False)
        assert capsys.readouterr().out == "one  the other\n"
        print_table(pages, COLUMNS, as_json=True)
        assert capsys.readouterr().out == ""


def test_a_table_is_printed_as_it_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    def pages() -> Iterator[list[tuple[object, ...]]]:
        yield [("a", 1)]
        assert capsys.readouterr().out == "one  the other\na    1\n"
        yield [("b", 2)]

    print_table(pages(), COLUMNS, as_json=False)
    assert capsys.readouterr().out == "b    2\n"


def test_fields_stand_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({}, [("id", "x"), ("language", None), ("", "more")], as_json=False)
    assert capsys.readouterr().out == "      id  x\nlanguage  -\n          more\n"


def test_json_is_one_line_with_moments_as_pages_have_them(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(Holder(Model(at=AT, names=("é",)), AT, Path("x")))
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert "é" in line
    assert json.loads(line) == {
        "model": {"at": "2026-11-28T09:05:07Z", "names": ["é"]},
        "at": "2026-11-28T09:05:07Z",
        "path": "x",
    }
