"""Files of records, told apart by what is in them."""

from __future__ import annotations

import io
import json

import pytest

from accounts.core.record_files.reader import JSON_DOCUMENT, JSON_LINES, TABLE, Record, RecordFile
from accounts.core.record_files.text import InvalidFile

ANN, BOB = {"email": "a@example.org"}, {"email": "b@example.org"}
LINES, LIST = f"{json.dumps(ANN)}\n{json.dumps(BOB)}\n", json.dumps([ANN, BOB])


def open_file(raw: bytes) -> RecordFile:
    return RecordFile(
        io.BytesIO(raw), lambda cell: "@" in cell, is_list_name=lambda name: name == "users", strict=True
    )


@pytest.mark.parametrize(
    ("written", "format"),
    [
        (LINES, JSON_LINES),
        (LINES.replace("\n", "\r\n"), JSON_LINES),
        (f"\n\n{LINES}\n\n", JSON_LINES),
        (LINES.rstrip(), JSON_LINES),
        (LIST, JSON_DOCUMENT),
        (json.dumps([ANN, BOB], indent=2), JSON_DOCUMENT),
        (f"\n  {LIST}\n", JSON_DOCUMENT),
        (f"[{json.dumps(ANN)}]\n[{json.dumps(BOB)}]", JSON_DOCUMENT),
        (json.dumps({"kind": "x", "users": [ANN, BOB], "next": None}), JSON_DOCUMENT),
        (json.dumps({"kind": "x", "users": [ANN, BOB]}, indent=1), JSON_DOCUMENT),
        (f'{{"users": [{json.dumps(ANN)}]}}\n{{"users": [{json.dumps(BOB)}]}}', JSON_DOCUMENT),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_json_is_known_by_its_beginning(written: str, format: str, encoding: str) -> None:
    file = open_file(written.encode(encoding))
    for _ in range(2):
        assert [record for _, record in file] == [ANN, BOB]
    assert file.format == format


@pytest.mark.parametrize(
    "heading",
    ["email,name", "[email],[name]", "{email},name", "[Email Address],x", '"email","name"', "sep=,\nemail,name"],
)
def test_a_table_is_known_by_its_beginning(heading: str) -> None:
    file = open_file(f"{heading}\na@example.org,Ann\n".encode())
    assert file.format == TABLE
    assert [record for _, record in file][-1] == ["a@example.org", "Ann"]


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"email\n", "UTF-8"),
        ("email\nGröße".encode(), "UTF-8"),
        ("email\nZoë Müller–Groß".encode("cp1252"), "Windows-1252"),
        ("email\nAnn".encode("utf-16-le"), "UTF-16"),
        (b"", "UTF-8"),
    ],
)
def test_the_encoding_is_told(raw: bytes, name: str) -> None:
    assert open_file(raw).encoding_name == name


def test_a_broken_line_takes_no_other_along() -> None:
    found: list[tuple[int, Record]] = list(open_file(f'{json.dumps(ANN)}\n{{"a":\n5\n\n{json.dumps(BOB)}'.encode()))
    assert found == [(1, ANN), (2, "is not JSON"), (3, "is not a JSON object"), (5, BOB)]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'[{"email": "a@example.org"}', "line 1: .* was cut"),
        (b'[{"email": "a@example.org"}\n] x', "line 2: .* was due"),
        (b'[{"a": 1}\n,\n,{"b": 2}]', "line 3: .* was cut"),
        (b'[{"a": 1} {"b": 2}]', "line 1: .* , was due"),
        (b'{"a": 1,\n "b": [{}]}', "line 1: the document has no list of users; there are a, b"),
        (b'{\n"users": [{}]', "was due"),
        (b'[{"a": NaNa}]', "was cut"),
    ],
)
def test_a_document_that_is_broken_is_told_with_its_line(raw: bytes, reason: str) -> None:
    with pytest.raises(InvalidFile, match=reason):
        list(open_file(raw))


def test_a_huge_value_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.core.record_files.json_values.MAX_RECORD_CHARACTERS", 100_000)
    with pytest.raises(InvalidFile, match="was cut"):
        list(open_file(b'[{"a": "' + b"x" * 500_000 + b'"}]'))
