"""Tables as spreadsheets write them, and what is written for spreadsheets."""

from __future__ import annotations

import csv
import io

import pytest

from accounts.core import csv_files

ROWS = [["E-Mail", "Name"], ["ann@example.org", 'Änne "A" Öz'], ["bob@example.org", "B; b, b"]]


def rows(raw: bytes) -> list[list[str]]:
    return [cells for _, cells in csv_files.read_csv(io.BytesIO(raw), lambda cell: "@" in cell or cell == "E-Mail")]


def written(separator: str, end: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=end).writerows(ROWS)
    return out.getvalue()


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=["crlf", "lf", "cr"])
@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_table_is_read_however_a_spreadsheet_writes_it(encoding: str, separator: str, end: str) -> None:
    assert rows(written(separator, end).encode(encoding)) == ROWS


def test_the_hint_of_excel_is_followed_and_is_no_row() -> None:
    assert rows("sep=|\r\nE-Mail|Name\r\na@example.org|A,B".encode("utf-16")) == [
        ["E-Mail", "Name"], ["a@example.org", "A,B"],
    ]  # fmt: skip


def test_empty_rows_are_left_out_and_lines_are_counted() -> None:
    raw = b'E-Mail,Name\n\n,,\n"a@example.org","A\nB"\nb@example.org,\n'
    assert list(csv_files.read_csv(io.BytesIO(raw), lambda cell: False)) == [
        (1, ["E-Mail", "Name"]), (5, ["a@example.org", "A\nB"]), (6, ["b@example.org", ""]),
    ]  # fmt: skip


def test_a_byte_that_windows_does_not_know_is_seen_in_its_row() -> None:
    assert rows(b"a@example.org,\x81\xe4") == [["a@example.org", "\ufffdä"]]


def test_what_is_no_table_is_told_with_its_line() -> None:
    raw = b'a@example.org\n"' + b"x" * 200_000
    with pytest.raises(csv_files.InvalidCsv) as result:
        rows(raw)
    assert result.value.line == 2


def test_the_file_stays_open_and_can_be_read_again() -> None:
    file = io.BytesIO(b"a@example.org\n")
    for _ in range(2):
        assert len(list(csv_files.read_csv(file, lambda cell: True))) == 1
    assert not file.closed


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


@pytest.mark.parametrize("mark", ['"', "\r", " ", "a", "\x00"])
def test_a_hint_that_names_no_separator_is_none(mark: str) -> None:
    assert rows(f"sep={mark}\na@example.org,Ann".encode())[-1] == ["a@example.org", "Ann"]


@pytest.mark.parametrize("cell", ["", " ", "a@example.org", "O'Neil", 'say "hi"', "a,b;c", "1-2", "line\nline"])
def test_other_cells_are_written_as_they_are(cell: str) -> None:
    lines = list(csv_files.format_csv([[cell], ["x"]]))
    assert [line.startswith("\ufeff") for line in lines] == [True, False]
    text = "".join(lines).lstrip("\ufeff")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [[cell], ["x"]]
