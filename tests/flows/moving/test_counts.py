"""Every record of a file is counted once, whatever is in it; or the file is refused whole, and nothing comes in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.flows.moving import import_accounts as moving
from accounts.flows.moving.check_rows import ImportReport
from accounts.flows.moving.rows import FileRefused, ImportOptions, RefusedRow
from tests.flows.moving.files import BCRYPT, django_dump, person, write_csv, write_json, write_lines
from tests.flows.steps import count_rows
from tests.kit.properties import examples
from tests.people import Service

VALUES = st.one_of(
    st.sampled_from([
        "a@example.org", "b@example.org", "C@example.org", "", "yes", "no", "FALSCH", "maybe", "\\N", "2020-01-01",
        BCRYPT["stored"], "{SHA}x", "suspended", "deleted", 'say "x"', "a\nb", "x;y,z", "\x00", "\ufffd", "Größe",
    ]),
    st.text(max_size=6),
)  # fmt: skip
HEADINGS = st.sampled_from(
    ["email", "Email", "confirmed", "password", "status", "blocked", "deleted_at", "name", "shoe"]
)


def tables(columns: int) -> st.SearchStrategy[list[list[str]]]:
    """Tables with at least so many columns, some of their rows too short or too long."""
    return st.lists(HEADINGS, min_size=columns, max_size=5).flatmap(
        lambda heading: st.lists(st.lists(VALUES, max_size=len(heading) + 1), max_size=8).map(
            lambda rows: [heading, *rows]
        )
    )


JSON_VALUES: st.SearchStrategy[Any] = st.one_of(
    VALUES, st.none(), st.booleans(), st.integers(-1, 2), st.just({}), st.just([1])
)
OBJECTS = st.lists(st.dictionaries(HEADINGS, JSON_VALUES, max_size=5), max_size=8)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])


def write_table(rows: list[list[str]], separator: str, end: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=end).writerows(rows)
    return out.getvalue()


TEXTS = st.one_of(
    st.builds(write_table, tables(1), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n", "\r"])),
    OBJECTS.map(lambda rows: "".join(json.dumps(row) + "\n" for row in rows)),
    OBJECTS.map(json.dumps),
    OBJECTS.map(lambda rows: json.dumps({"users": rows}, indent=1)),
)


def damage(raw: bytes, place: float, what: bytes, cut: bool) -> bytes:
    index = int(len(raw) * place)
    return raw[:index] + what + (b"" if cut else raw[index:])


FILES = st.builds(
    damage,
    st.builds(lambda text, encoding: text.encode(encoding, "replace"), TEXTS, ENCODINGS),
    st.floats(0, 1),
    st.sampled_from([b"", b"", b'"', b"\x00", b"\xff", b",", b"\n", b"{", b"]"]),
    st.booleans(),
)


def total(report: ImportReport) -> int:
    refused = sum(report.refused.values())
    return report.importable + report.already_imported + report.hashes_added + refused + report.skipped


def rehearse(
    service: Service, path: Path, options: ImportOptions, on_refused: Callable[[RefusedRow], None] = lambda _: None
) -> tuple[ImportReport, str]:
    """What a file comes to, or an empty report and why it is refused whole."""
    try:
        return moving.rehearse_import(service.uow(), path, options, on_refused=on_refused), ""
    except FileRefused as refused:
        return ImportReport(), str(refused)


# The service and the folder are those of the test, for all of its examples: each one adds to what is there.
shared_service = HealthCheck.function_scoped_fixture


@given(raw=FILES, confirmed=st.booleans())
@settings(examples(120), suppress_health_check=[HealthCheck.too_slow, shared_service])
def test_the_counts_come_to_the_records(service: Service, tmp_path: Path, raw: bytes, confirmed: bool) -> None:
    path, told = tmp_path / "file", list[RefusedRow]()
    path.write_bytes(raw)
    options = ImportOptions(source="plain", confirmed=confirmed)
    report, refusal = rehearse(service, path, options, told.append)
    assert "\n" not in refusal
    assert total(report) == report.rows
    assert len(told) == sum(report.refused.values())
    assert {each.reason for each in told}.isdisjoint({""})


@given(raw=FILES, add_hashes=st.booleans())
@settings(examples(25), suppress_health_check=[HealthCheck.too_slow, shared_service])
def test_the_counts_come_to_what_is_written(service: Service, tmp_path: Path, raw: bytes, add_hashes: bool) -> None:
    path, before = tmp_path / "file", count_rows(service).get("accounts", 0)
    path.write_bytes(raw)
    options = ImportOptions(source="plain", confirmed=True, add_hashes=add_hashes)
    rehearsed, refusal = rehearse(service, path, options)
    if refusal:
        with pytest.raises(FileRefused):
            moving.import_accounts(service.uow(), path, options)
    else:
        assert moving.import_accounts(service.uow(), path, options) == rehearsed
    assert count_rows(service).get("accounts", 0) == before + rehearsed.importable


# Of one column nothing says which separator its file has; a row of nothing but that would be a cell.
@given(rows=tables(2))
@settings(examples(60), suppress_health_check=[HealthCheck.too_slow, shared_service])
def test_a_table_that_is_whole_has_as_many_records_as_rows(
    service: Service, tmp_path: Path, rows: list[list[str]]
) -> None:
    path = tmp_path / "whole"
    path.write_text(write_table(rows, ";", "\r\n"), encoding="utf-8-sig", newline="")
    report, refusal = rehearse(service, path, ImportOptions(source="plain"))
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    assert report.rows == total(report) == (0 if refusal else len(filled) - 1)


def test_nothing_comes_in_from_a_file_that_is_broken_at_its_end(service: Service, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [person(f"p{n}") for n in range(2500)])
    with path.open("a", encoding="utf-8") as file:
        file.write('"last@example.org,x\n')
    with pytest.raises(FileRefused, match="line 2502: a quotation mark"):
        moving.import_accounts(service.uow(), path, ImportOptions(source="plain"))
    assert count_rows(service).get("accounts", 0) == 0


def test_one_open_quotation_mark_swallows_nobody(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text('email,confirmed\n"a@example.org,yes\n' + "b@example.org,yes\n" * 3000, encoding="utf-8")
    with pytest.raises(FileRefused, match="line 2: a quotation mark is not closed"):
        moving.rehearse_import(service.uow(), path, ImportOptions(source="plain"))


def test_records_that_are_no_accounts_are_counted_as_skipped(service: Service, tmp_path: Path) -> None:
    group = {"model": "auth.group", "pk": 7, "fields": {"name": "editors", "permissions": []}}
    dump = write_json(tmp_path / "dump.json", django_dump([{}, {}], [group]))
    report = moving.rehearse_import(service.uow(), dump, ImportOptions(source="django", confirmed=True))
    assert (report.rows, report.importable, report.skipped, total(report)) == (3, 2, 1, 3)
    users = [{"email": "a@example.org", "emailVerified": True}, {"username": "s", "serviceAccountClientId": "x"}]
    realm = write_json(tmp_path / "realm.json", {"users": users})
    report = moving.rehearse_import(service.uow(), realm, ImportOptions(source="keycloak"))
    assert (report.rows, report.importable, report.skipped) == (2, 1, 1)


def test_the_report_names_the_encoding_and_what_is_not_used(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes("email;Schuhgröße;confirmed;shoe;\na@example.org;44;1;x;\n".encode("cp1252"))
    report = moving.rehearse_import(service.uow(), path, ImportOptions(source="plain"))
    assert (report.encoding, report.unused_columns) == ("Windows-1252", ["Schuhgröße", "shoe"])
    lines = write_lines(tmp_path / "lines.json", [{**person(), "a": 1}, {**person("b"), "b": 2, "a": 3}])
    report = moving.rehearse_import(service.uow(), lines, ImportOptions(source="plain"))
    assert (report.encoding, report.unused_columns) == ("UTF-8", ["a", "b"])
