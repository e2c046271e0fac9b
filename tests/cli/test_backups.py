"""``accounts data backup`` and ``accounts restored``."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.people import Service


def test_a_backup_can_be_used_as_the_database(accounts: Command, service: Service, tmp_path: Path) -> None:
    member = service.member()
    path = tmp_path / "backup.db"
    result = accounts("data", "backup", str(path))
    assert result.out == (
        f"{path.stat().st_size} bytes in {path}\n"
        "The key ring is not in it: keep ACCOUNTS_SECRET_KEYS too, in another place.\n"
    )
    assert member.email in accounts("users", "list", database_url=f"sqlite:///{path}").out
    assert accounts("data", "backup", str(tmp_path / "none" / "backup.db")).refused.endswith(
        "No such file or directory"
    )


def test_the_return_of_a_backup_signs_everybody_out_after_a_question(
    accounts: Command, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, member = service.admin(), service.member()
    assert admin.post("/api/admin/invites", {"email": "guest@example.org", "groups": []}).status_code == 202
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert accounts("restored").status == 1
    assert member.get("/api/account").status_code == 200
    result = accounts("restored", "--yes")
    assert result.out.startswith("2 accounts: all sessions and all links from before this moment are dead\n")
    assert "1 letters that waited in the backup are dropped" in result.out
    assert "1 open invitations: their links are dead" in result.out
    assert member.get("/api/account").status_code == 401
