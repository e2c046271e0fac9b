"""``accounts import``: what an operator sees who moves in."""

from __future__ import annotations

import csv
import io
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.flows.moving.files import BCRYPT, person, write_csv, write_json
from tests.people import Service


def test_the_rehearsal_says_what_would_happen_and_then_it_happens(
    accounts: Command, service: Service, tmp_path: Path
) -> None:
    rows = [person("anna", groups="admins"), person("bert", confirmed_at=""), person("carl", password_hash="md5")]
    path, refused = str(write_csv(tmp_path / "people.csv", rows)), tmp_path / "refused.csv"
    result = accounts("import", path, "--dry-run")
    assert result.status == 0
    assert result.out.splitlines()[0] == "3 rows: 1 would come in, 0 are here already, 2 are refused"
    assert "group admins: 1, dropped (--group admins=NEW keeps it)" in result.out
    assert "line 3: bert@example.org: never confirmed in the old system" in result.out
    assert "--confirmed" in result.out
    assert accounts("users", "list").table == []
    result = accounts("import", path, "--group", "admins=admins", "--without-hash", "--refused", str(refused))
    assert result.out.splitlines()[0] == "3 rows: 2 came in, 0 are here already, 1 are refused"
    with refused.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "email", "code", "why"],
            ["3", "bert@example.org", "unconfirmed", "never confirmed in the old system"],
        ]
    assert stat.S_IMODE(refused.stat().st_mode) == 0o600, "addresses are in it"
    listed = [(row["state"], row["address"], row["groups"]) for row in accounts("users", "list").table]
    assert listed == [("active", "anna@example.org", "admins"), ("active", "carl@example.org", "-")]
    assert "2 are here already" in accounts("data", "import", path, "--without-hash").out, "the same by its full name"
    (report,) = accounts("import", path, "--without-hash", "--dry-run", "--json").json
    assert (report["rows"], report["already_imported"], report["refused"]) == (3, 2, {"unconfirmed": 1})
    assert report["first_refused"][0]["email"] == "bert@example.org"


def test_a_known_password_is_read_from_standard_input(
    accounts: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write_csv(tmp_path / "people.csv", [person(), person("bert", password_hash="")]))
    monkeypatch.setattr("sys.stdin", io.StringIO(BCRYPT["password"] + "\n"))
    assert accounts("import", path, "--check", "Anna@Example.org").out == (
        "line 2: the password is right (bcrypt 2b)\n"
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n"))
    assert "does not match its hash (bcrypt 2b)" in accounts("import", path, "--check", "anna@example.org").refused
    assert accounts("import", path, "--check", "bert@example.org").refused == "line 3 has no password"
    assert "has no row of" in accounts("import", path, "--check", "carl@example.org").refused
    assert "is not a mail address" in accounts("import", path, "--check", "carl").refused


def test_what_cannot_be_read_is_one_line(accounts: Command, tmp_path: Path) -> None:
    assert accounts("import", str(tmp_path / "none.csv")).refused.endswith("none.csv: No such file or directory")
    path = write_json(tmp_path / "realm.json", {"realm": "x"})
    assert accounts("import", str(path), "--from", "keycloak").refused == (
        "line 1: the document has no list of users; there are realm"
    )


def test_the_report_names_what_is_not_used_and_a_column_that_may_matter_stops_it(
    accounts: Command, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes("email;confirmed;Größe;LoginDisabled\na@example.org;ja;1;x\n".encode("cp1252"))
    refused = accounts("import", str(path)).refused
    assert refused == (
        "not known, and may be a hash, a confirmation or a state: LoginDisabled. Call each by a name of"
        " docs/moving-in.md, or leave it out: --ignore-column NAME"
    )
    assert accounts("users", "list").table == []
    result = accounts("import", str(path), "--dry-run", "--ignore-column", "login_disabled")
    assert result.out.splitlines()[:3] == [
        "1 rows: 1 would come in, 0 are here already, 0 are refused",
        "  read as Windows-1252: the file is not UTF-8, and does not say what it is",
        "  not used: Größe, LoginDisabled",
    ]
    (told,) = accounts("import", str(path), "--ignore-column", "login_disabled", "--json").json
    assert (told["encoding"], told["unused_columns"]) == ("Windows-1252", ["Größe", "LoginDisabled"])
    assert (told["rows"], told["imported"], told["skipped"], told["hashes_added"]) == (1, 1, 0, 0)


def test_a_hash_that_was_missed_is_added_by_a_second_run(accounts: Command, tmp_path: Path) -> None:
    path = str(write_csv(tmp_path / "people.csv", [person(password_hash="")]))
    assert accounts("import", path).status == 0
    path = str(write_csv(tmp_path / "again.csv", [person()]))
    first = "1 rows: 0 {}, 0 are here already, 0 are refused, 1 {} their hash"
    assert accounts("import", path, "--add-hashes", "--dry-run").out.splitlines()[0] == first.format(
        "would come in", "would get"
    )
    assert accounts("import", path, "--add-hashes").out.splitlines()[0] == first.format("came in", "got")


@pytest.mark.parametrize(
    "wrong", [("--group", "admins"), ("--group", "a=two words"), ("--firebase", "x,8,Bw=="), ("--from", "auth0")]
)
def test_wrong_usage_is_explained(accounts: Command, tmp_path: Path, wrong: tuple[str, ...]) -> None:
    path = write_csv(tmp_path / "people.csv", [person()])
    result = accounts("import", str(path), *wrong)
    assert result.status == 2
    assert wrong[0] in result.err


def test_a_file_of_refused_rows_runs_nothing_in_a_spreadsheet(accounts: Command, tmp_path: Path) -> None:
    rows = [person(email=email) for email in ("", "=1+1", "\u00a0=1+1", "x;=1+1")]
    refused = tmp_path / "refused.csv"
    accounts("import", str(write_csv(tmp_path / "people.csv", rows)), "--dry-run", "--refused", str(refused))
    with refused.open(encoding="utf-8-sig", newline="") as file:
        assert [row["email"] for row in csv.DictReader(file)] == ["", "'=1+1", "'=1+1", "x;'=1+1"]
