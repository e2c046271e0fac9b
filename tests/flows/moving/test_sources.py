"""Tables and documents, read and judged row by row: who would come in, as what, and who would not, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from accounts.flows.moving.check_rows import ImportableRow
from accounts.flows.moving.rows import FileRefused, RefusedRow
from tests.flows.moving.files import (
    BCRYPT,
    Read,
    codes,
    person,
    ready,
    write_csv,
    write_json,
    write_lines,
)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_with_the_usual_headings(read: Read, tmp_path: Path, separator: str) -> None:
    row = person(locale="de-AT", groups="staff, editors", created_at="2019-05-01 12:00:00 UTC", active="t")
    found = ready(read(write_csv(tmp_path / "people.csv", [row], separator)))
    assert (found.line, found.address.email, found.name, found.locale) == (2, "anna@example.org", "Anna", "de")
    assert (found.password_hash, found.hash_format) == (BCRYPT["stored"], "bcrypt 2b")
    assert found.groups == ("staff", "editors")
    assert found.active
    assert found.created_at == datetime(2019, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("named", "zone"), [("Asia/Kolkata", "Asia/Kolkata"), ("Mars/Olympus", ""), ("", "")])
def test_a_time_zone_comes_along_if_there_is_such_a_zone(read: Read, tmp_path: Path, named: str, zone: str) -> None:
    assert ready(read(write_csv(tmp_path / "people.csv", [person(zoneinfo=named)]))).zone == zone


def test_lines_of_json_say_the_same(read: Read, tmp_path: Path) -> None:
    rows = [person(groups=["staff"]), "text", person("bert", groups=[{"name": "staff"}])]
    found = read(write_lines(tmp_path / "people.jsonl", rows))
    assert codes(found) == [(1, "ready"), (2, "record"), (3, "ready")]
    assert {each.groups for each in found if isinstance(each, ImportableRow)} == {("staff",)}


def test_a_file_without_a_telling_name_is_known_by_how_it_begins(read: Read, tmp_path: Path) -> None:
    for number, path in enumerate((
        write_csv(tmp_path / "a", [person()]),
        write_lines(tmp_path / "b", [person()]),
        write_json(tmp_path / "c", [person()]),
    )):  # fmt: skip
        assert ready(read(path)).line == (2, 1, 2)[number]


def test_a_mark_of_a_spreadsheet_before_the_first_heading_is_no_letter_of_it(read: Read, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [person()])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert ready(read(path)).address.email == "anna@example.org"


def test_rows_that_do_not_come_in_say_where_they_stand_and_why(read: Read, tmp_path: Path) -> None:
    rows = [
        person(), person(email="anna@"), person(email=""), person(email="ANNA@example.org"),
        person("bert", password_hash="5f4dcc3b5aa765d61d8327deb882cf99"), person("carl", confirmed_at=""),
        person("dora", password_hash="pbkdf2_sha256$99999999$salt$" + "A" * 44),
        person("emil", password_hash="", active="false"),
        person("anna\u212a"), person(email="=cmd@example.org"),
    ]  # fmt: skip
    found = read(write_csv(tmp_path / "people.csv", rows))
    assert codes(found) == [
        (2, "ready"), (3, "address"), (4, "address"), (5, "twice"), (6, "hash"), (7, "unconfirmed"), (8, "hash"),
        (9, "ready"), (10, "address"), (11, "ready"),
    ]  # fmt: skip
    data = {each.line: each.reason for each in found if isinstance(each, RefusedRow)}
    assert data[5] == "the same address as in line 2"
    assert "iterations: 99999999 is over" in data[8]
    last = found[7]
    assert isinstance(last, ImportableRow)
    assert (last.active, last.password_hash, last.hash_format) == (False, None, "no password")


def test_where_the_file_is_silent_about_confirmation_somebody_has_to_say_it(read: Read, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [{"email": "anna@example.org"}])
    assert codes(read(path)) == [(2, "unconfirmed")]
    assert codes(read(path, confirmed=True)) == [(2, "ready")]
    denied = write_csv(tmp_path / "denied.csv", [person(confirmed_at="")])
    assert codes(read(denied, confirmed=True)) == [(2, "unconfirmed")], "the file's own word wins"


def test_nobody_becomes_an_admin_by_the_name_of_an_old_group(read: Read, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [person(groups="admins|is_staff|two words|editors")])
    assert ready(read(path)).groups == ("editors",)
    mapped = {"admins": "admins", "two words": "writers", "editors": ""}
    assert ready(read(path, groups=mapped)).groups == ("admins", "writers")


def test_a_hash_that_cannot_be_verified_may_be_left_behind(read: Read, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [person(password_hash="md5$a$b")])
    found = ready(read(path, without_hash=True))
    assert (found.password_hash, found.hash_format) == (None, "no password")


def test_cells_and_lines_that_are_broken_do_not_take_others_along(read: Read, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [person("anna"), person("bert")])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1] + ",more,cells", "", lines[2], "short"]), encoding="utf-8")
    assert codes(read(path)) == [(2, "record"), (4, "ready"), (5, "address")]


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (b"", "the file is empty"),
        (b'email,name\n"a@example.org,A\nb@example.org,B\n', "line 2: a quotation mark is not closed"),
        (b"anna@example.org,Anna\nbert@example.org,Bert\n", "line 1 has an address: it should be the heading"),
        (b"who,what\nanna,x\n", "no column is one of addresses; there are: who, what"),
    ],
)
def test_a_file_that_is_no_table_is_refused(read: Read, tmp_path: Path, content: bytes, because: str) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=because):
        read(path)


@pytest.mark.parametrize(
    ("content", "because"),
    [
        ('{"a": 1,\n"b": []}', "line 1: the document has no list of users; there are a, b"),
        ('{"users": 1}', "no column is one of addresses; there are: users"),
        ('[{"users": []}]', "this is a list of lists of users"),
        ('{"users": []} x', "line 1: the document is not JSON, or was cut: .* was due"),
        ('{"users": [{"email": "a@b.org"} {}]}', "line 1: the document is not JSON, or was cut: , was due"),
        ('{"users": [{"email": "a@b.org"}', "not JSON, or was cut"),
        ('{"users": [{"email": "a@b.org"} ', "not JSON, or was cut"),
        ('{"users": [{"email": ', "not JSON, or was cut"),
        ('{"users" [', "was cut: : was due"),
    ],
)
def test_a_document_that_is_none_is_refused(read: Read, tmp_path: Path, content: str, because: str) -> None:
    path = tmp_path / "users.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(FileRefused, match=because):
        read(path, "firebase")


def test_a_long_document_is_read_piece_by_piece(read: Read, tmp_path: Path) -> None:
    users = [{"email": f"u{n}@example.org", "emailVerified": True, "displayName": "x" * 500} for n in range(2000)]
    path = write_json(tmp_path / "users.json", {"kind": "x", "n": 12.5, "deep": [[1], {"users": []}], "users": users})
    found = read(path, "firebase")
    assert len(found) == 2000
    assert {type(each) for each in found} == {ImportableRow}
    assert found[1].line > found[0].line + 3
