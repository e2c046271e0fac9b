"""Tables as spreadsheets write them."""

from __future__ import annotations

import csv
import io

import pytest

from accounts.core.record_files import tables, text
from accounts.core.record_files.text import InvalidFile

ROWS = [["E-Mail", "Name"], ["ann@example.org", 'Änne "A" Öz'], ["bob@example.org", "B; b, b"]]


def numbered_rows(raw: bytes, *, strict: bool = True) -> list[tuple[int, list[str]]]:
    stream = io.BytesIO(raw)
    opened = text.open_text(stream, text.detect_encoding(stream))
    try:
        return list(tables.read_table(opened, lambda cell: "@" in cell or cell == "E-Mail", strict=strict))
    finally:
        opened.detach()


def rows(raw: bytes) -> list[list[str]]:
    return [cells for _, cells in numbered_rows(raw)]


def written(separator: str, end: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=end).writerows(ROWS)
    return out.getvalue()


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=["crlf", "lf", "cr"])
@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_a_table_is_read_however_a_spreadsheet_writes_it(encoding: str, separator: str, end: str) -> None:
    assert rows(written(separator, end).encode(encoding)) == ROWS


def test_the_hint_of_excel_is_followed_and_is_no_row() -> None:
    assert rows("sep=|\r\nE-Mail|Name\r\na@example.org|A,B".encode("utf-16")) == [
        ["E-Mail", "Name"], ["a@example.org", "A,B"],
    ]  # fmt: skip


def test_empty_rows_are_left_out_and_lines_are_counted() -> None:
    raw = b'E-Mail,Name\n\n,,\n"a@example.org","A\nB"\nb@example.org,\n'
    assert numbered_rows(raw) == [
        (1, ["E-Mail", "Name"]), (4, ["a@example.org", "A\nB"]), (6, ["b@example.org", ""]),
    ]  # fmt: skip


def test_a_byte_that_windows_does_not_know_is_seen_in_its_row() -> None:
    assert rows(b"a@example.org,\x81\xe4") == [["a@example.org", "\ufffdä"]]


def test_what_is_no_table_is_told_with_its_line() -> None:
    raw = b'a@example.org\n"' + b"x" * 200_000
    with pytest.raises(InvalidFile) as result:
        rows(raw)
    assert result.value.line == 2


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=["crlf", "lf", "cr"])
@pytest.mark.parametrize(("lines", "line"), [
    (['"a@example.org', "b@example.org", "c@example.org"], 1), (["a@example.org", 'b@example.org,"B'], 2),
    (["sep=,", "a@example.org", '"b@example.org'], 3), (["a@example.org", "", "", '"b', "c", ""], 4),
    (['"a@example.org","A', 'B"', "c@example.org", '"', "x"], 4), (['a@example.org,""""', 'b@example.org,"""'], 2),
])  # fmt: skip
@pytest.mark.parametrize("strict", [True, False])
def test_a_quotation_mark_that_is_not_closed_names_its_line(
    lines: list[str], line: int, end: str, strict: bool
) -> None:
    with pytest.raises(InvalidFile) as result:
        numbered_rows(end.join(lines).encode(), strict=strict)
    assert result.value.line == line


def test_text_behind_a_closing_mark_is_an_error_or_belongs_to_the_cell() -> None:
    raw = b'a@example.org\n"Bob" <b@example.org>\n'
    with pytest.raises(InvalidFile, match="line 2"):
        numbered_rows(raw)
    assert [cells for _, cells in numbered_rows(raw, strict=False)] == [["a@example.org"], ["Bob <b@example.org>"]]


def test_a_line_that_never_ends_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_RECORD_CHARACTERS", 1000)
    with pytest.raises(InvalidFile, match="line 2: is longer than 1000"):
        rows(b"E-Mail,Name\n" + b"," * 5000)


@pytest.mark.parametrize("mark", ['"', "\r", " ", "a", "\x00"])
def test_a_hint_that_names_no_separator_is_none(mark: str) -> None:
    assert rows(f"sep={mark}\na@example.org,Ann".encode())[-1] == ["a@example.org", "Ann"]
