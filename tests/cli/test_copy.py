"""``accounts data export`` and ``accounts data copy``."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from pathlib import Path

from tests.cli.conftest import Command
from tests.people import Service


def test_all_accounts_go_to_standard_output_or_into_a_file_of_their_owner(
    accounts: Command, service: Service, tmp_path: Path
) -> None:
    admin, member = service.admin(), service.member()
    rows = [json.loads(line) for line in accounts("data", "export").out.splitlines()]
    assert {row["email"] for row in rows} == {admin.email, member.email}
    assert not [row for row in rows if "password_hash" in row]
    path = tmp_path / "all.csv"
    path.write_text("longer than what comes" * 1000, encoding="utf-8")
    path.chmod(0o600)
    result = accounts("data", "export", str(path), "--format", "csv", "--hashes")
    assert result.out == f"2 accounts in {path}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    assert {row["email"] for row in found} == {admin.email, member.email}
    assert all(row["password_hash"].startswith("$argon2id$") for row in found)


def test_a_copy_says_what_it_copied_and_refuses_a_second_time(
    accounts: Command, service: Service, tmp_path: Path
) -> None:
    service.member()
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    result = accounts("data", "copy", "--to", url)
    assert result.status == 0
    assert re.search(r"^ +1  accounts$", result.out, re.MULTILINE)
    assert "keep the key ring and the public origin" in result.out
    assert result.err == ""
    assert accounts("users", "list", database_url=url).out == accounts("users", "list").out
    assert "the target is not empty" in accounts("data", "copy", "--to", url).refused


def test_a_target_that_cannot_be_is_one_line(accounts: Command, database: str) -> None:
    assert accounts("data", "copy", "--to", database).refused == "--to names the database that is in use"
    assert "is not supported" in accounts("data", "copy", "--to", "mysql://x/y").refused
    assert "secret" not in accounts("data", "copy", "--to", "postgresql://u:secret@127.0.0.1:1/x").refused
