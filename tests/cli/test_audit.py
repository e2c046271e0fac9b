"""``accounts audit``: the log is read, taken away, sealed, checked and pruned on the console, without a server."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from accounts.core.clock import now
from accounts.core.models.audit import AuditRow
from tests.cli.conftest import Command
from tests.people import Service


def age(service: Service, **by: float) -> None:
    """Make all lines older."""
    with service.site.store.engine.begin() as connection:
        for id, at in connection.execute(select(AuditRow.id, AuditRow.at)).all():
            connection.execute(update(AuditRow).where(AuditRow.id == id).values(at=at - timedelta(**by)))


def test_lines_are_listed_and_taken_away_by_the_same_filters(
    accounts: Command, service: Service, tmp_path: Path
) -> None:
    member = service.member_by_mail()
    listed = accounts("audit", "list", "--account", member.email, "--kind", "sign-in")
    assert ([row["kind"] for row in listed.table], listed.err) == (["sign-in"], "")
    first = accounts("audit", "list", "--limit", "2")
    assert len(first.table) == 2
    assert first.err.startswith("accounts: there are more; ")
    out = accounts("audit", "export", "--account", member.email).out
    assert {json.loads(line)["kind"] for line in out.splitlines()} >= {"sign-in", "mail.sent", "sign-up.asked"}
    target = tmp_path / "audit.csv"
    assert accounts("audit", "export", "--format", "csv", "--kind", "sign-in", "--output", str(target)).out == ""
    with target.open(newline="", encoding="utf-8") as file:
        assert [row[2] for row in csv.reader(file)] == ["kind", "sign-in"]
    assert "since: Enter a date" in accounts("audit", "list", "--since", "yesterday").refused


def test_what_is_sealed_is_verified_and_what_is_touched_is_named(accounts: Command, service: Service) -> None:
    service.member_by_mail()
    result = accounts("audit", "verify")
    assert (result.status, "0 lines are sealed" in result.out) == (0, True)
    assert accounts("audit", "seal").out == "0 lines sealed; the head is none yet\n"
    age(service, minutes=10)
    sealed = accounts("audit", "seal").out
    head = sealed.rpartition(" ")[2].strip()
    assert accounts("audit", "verify", "--head", head).status == 0
    with service.site.store.engine.begin() as connection:
        connection.execute(update(AuditRow).where(AuditRow.kind == "sign-in").values(account_id="somebodyelse"))
        connection.execute(delete(AuditRow).where(AuditRow.kind == "mail.sent"))
    result = accounts("audit", "verify", "--head", "9:x")
    assert result.status == 1
    assert "was changed" in result.out
    assert "is missing" in result.out
    assert "does not lead through the head" in result.out
    assert "3 things are wrong" in result.out
    assert result.err == "accounts: the audit log is not as it was sealed\n"
    (report,) = accounts("audit", "verify", "--json").json
    assert {finding["kind"] for finding in report["findings"]} == {"changed", "missing"}


def test_old_lines_are_pruned_and_young_ones_may_not_be(accounts: Command, service: Service) -> None:
    member = service.member_by_mail()
    assert accounts("audit", "prune", "--older-than", "30").status == 2
    assert "say how old" in accounts("audit", "prune").refused
    assert accounts("audit", "prune", "--older-than", "31").out == "0 lines say no more who it was\n"
    age(service, days=40)
    pruned = accounts("audit", "prune", audit_pseudonyms_after="39").out
    assert int(pruned.split()[0]) >= 3
    assert member.email not in accounts("audit", "list").out
    id = member.get("/api/account").get_json()["id"]
    assert id not in accounts("audit", "list", "--until", f"{now() - timedelta(days=30):%Y-%m-%d}").out


@pytest.mark.parametrize("setting", [{"audit_sealed": "perhaps"}, {"audit_pseudonyms_after": "-1"}])
def test_a_setting_that_cannot_be_is_refused(accounts: Command, setting: dict[str, str]) -> None:
    assert next(iter(setting)).upper() in accounts("audit", "list", **setting).refused
