"""What is written for spreadsheets."""

from __future__ import annotations

import csv
import io

import pytest

from accounts.core import csv_files

FORMULAS = [
    "=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "＝1", "|calc", "%0A",
    '=cmd|"/c calc"!A1',
]  # fmt: skip


@pytest.mark.parametrize("cell", FORMULAS)
def test_nothing_that_is_written_runs_in_a_spreadsheet(cell: str) -> None:
    (line,) = csv_files.format_csv([[cell, "x"]])
    assert next(csv.reader(io.StringIO(line.lstrip("\ufeff"), newline=""))) == [f"'{cell}", "x"]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [("x;=1+1", "x;'=1+1"), ("x; +1;@a", "x; '+1;'@a".replace("; '+", ";' +")), ('x;"=1&"', 'x;\'"=1&"')],
)
def test_nothing_runs_where_semicolons_separate_cells_either(cell: str, shown: str) -> None:
    """Where decimals have a comma, spreadsheets split our lines at semicolons, whatever is quoted there."""
    (line,) = csv_files.format_csv([["a", cell]])
    assert not any(each.lstrip(' "\u00a0')[:1] in csv_files.FORMULA_CHARACTERS for each in line.split(";")[1:])
    assert csv_files.escape_formula(cell) == shown
    assert csv_files.unescape_formula(shown) == cell


@pytest.mark.parametrize("cell", ["", " ", "a@example.org", "O'Neil", 'say "hi"', "a,b;c", "1-2", "line\nline"])
def test_other_cells_are_written_as_they_are(cell: str) -> None:
    lines = list(csv_files.format_csv([[cell], ["x"]]))
    assert [line.startswith("\ufeff") for line in lines] == [True, False]
    text = "".join(lines).lstrip("\ufeff")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [[cell], ["x"]]
