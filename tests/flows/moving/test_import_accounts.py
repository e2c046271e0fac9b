"""Bringing people in: rehearsed, written, run again, and then signed in with the password they had."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from accounts.core.errors import LastAdmin
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.flows.helpdesk import first_admin
from accounts.flows.moving import import_accounts as moving
from accounts.flows.moving.check_rows import ImportableRow, ImportReport
from accounts.flows.moving.rows import ImportOptions, RefusedRow
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.flows.moving.files import BCRYPT, person, stored, write_csv
from tests.flows.steps import count_rows, list_event_kinds
from tests.kit.tables import dump_tables
from tests.people import Service

PLAIN = ImportOptions(source="plain")


def people(path: Path, number: int, **more: str) -> Path:
    return write_csv(path / "people.csv", [person(f"p{n}", **more) for n in range(number)])


@on_both_databases
def test_a_rehearsal_counts_and_changes_nothing(service: Service, tmp_path: Path) -> None:
    member, results = service.member(), list[RefusedRow]()
    rows = [person("a", groups="staff"), person("b", password_hash=""), person("c", active="0"), person("a"),
            person("d", password_hash="x"), person(email=member.email.upper())]  # fmt: skip
    before = dump_tables(service)
    report = moving.rehearse_import(
        service.uow(), write_csv(tmp_path / "people.csv", rows), PLAIN, on_refused=results.append
    )
    assert dump_tables(service) == before
    assert (report.rows, report.importable, report.disabled, report.already_imported) == (6, 3, 1, 0)
    assert report.hashes == {"bcrypt 2b": 2, "no password": 1}
    assert report.refused == {"twice": 1, "hash": 1, "taken": 1}
    assert report.groups == {("staff", "staff"): 1}
    assert [(each.line, each.code) for each in results] == [(5, "twice"), (6, "hash"), (7, "taken")]


@on_both_databases
def test_people_come_in_and_sign_in_with_the_password_they_had(service: Service, tmp_path: Path) -> None:
    rows = [person("anna", groups="staff", locale="de"), person("emil", active="0"), person("nina", password_hash="")]
    report = moving.import_accounts(service.uow(), write_csv(tmp_path / "people.csv", rows), PLAIN)
    assert report.importable == 3
    anna = service.person(email="anna@example.org", password=BCRYPT["password"])
    assert anna.sign_in().status_code == 200
    shown = anna.get("/api/account").get_json()
    assert (shown["name"], shown["groups"], shown["locale"]) == ("Anna", ["staff"], "de")
    assert shown["created_at"]
    account = accounts.find_account(service.uow(), anna.email)
    assert account.password_hash is not None
    assert account.password_hash.startswith("$argon2id$")
    assert account.invited, "whoever brings somebody in lets them in"
    assert list_event_kinds(service, account.id)[:2] == ["account.imported", "sign-in"]
    assert anna.sign_in().status_code == 200, "with the new hash, too"
    assert service.person(email="emil@example.org", password=BCRYPT["password"]).sign_in().status_code == 401
    nina = service.person(email="nina@example.org", password="")
    assert nina.sign_in().status_code in (401, 422)
    assert nina.post("/api/forgot-password", {"email": nina.email}).status_code == 202
    assert service.link_token(nina.email, "reset-password")


@on_both_databases
def test_running_again_brings_nobody_in_twice(service: Service, tmp_path: Path) -> None:
    """As after a kill: part of the file is in, part is not."""
    path = people(tmp_path, 1600)
    part = write_csv(tmp_path / "part.csv", [person(f"p{n}") for n in range(1200)])
    seen: list[int] = []
    first = moving.import_accounts(service.uow(), part, PLAIN, on_progress=lambda report: seen.append(report.rows))
    assert (first.importable, seen) == (1200, [1000, 1200])
    again = moving.import_accounts(service.uow(), path, PLAIN)
    assert (again.rows, again.importable, again.already_imported, sum(again.refused.values())) == (1600, 400, 1200, 0)
    assert count_rows(service)["accounts"] == 1600
    assert moving.import_accounts(service.uow(), path, PLAIN).importable == 0


@on_both_databases
def test_an_account_that_was_here_is_never_touched(service: Service, tmp_path: Path) -> None:
    member = service.member()
    path = write_csv(tmp_path / "people.csv", [person(email=member.email, groups="staff", name="Other")])
    results: list[RefusedRow] = []
    report = moving.import_accounts(service.uow(), path, PLAIN, on_refused=results.append)
    assert (report.importable, report.already_imported, [each.code for each in results]) == (0, 0, ["taken"])
    assert member.signed_in
    assert member.sign_in().status_code == 200
    assert member.get("/api/account").get_json()["groups"] == []


def test_an_address_that_is_kept_for_its_owner_is_not_given_away(service: Service, tmp_path: Path) -> None:
    member = service.member()
    old, new = member.email, f"new-{member.email}"
    assert member.post("/api/account/email", {"email": new}).status_code == 202
    assert member.post("/api/l/change-email", {"token": service.link_token(new, "change-email")}).status_code == 200
    report = moving.import_accounts(service.uow(), write_csv(tmp_path / "people.csv", [person(email=old)]), PLAIN)
    assert report.refused == {"taken": 1}


def test_the_link_of_the_first_admin_dies_when_an_admin_is_imported(service: Service, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [person(groups="bosses")])
    assert first_admin.first_admin_url(service.uow()) is not None
    moving.import_accounts(service.uow(), path, ImportOptions(source="plain", groups={"bosses": "admins"}))
    assert first_admin.first_admin_url(service.uow()) is None
    uow = service.uow()
    accounts_of = accounts.find_account(uow, "anna@example.org")
    with pytest.raises(LastAdmin):
        accounts.disable_account(service.uow(), accounts_of.id)


def test_each_account_and_the_whole_leave_a_line_in_the_audit_log(service: Service, tmp_path: Path) -> None:
    moving.import_accounts(service.uow(), people(tmp_path, 3), PLAIN)
    with Session(service.site.store.engine) as session:
        lines = session.execute(select(AuditRow.kind, AuditRow.facts).order_by(AuditRow.kind)).all()
        rows = session.scalars(select(Account)).all()
    assert [tuple(line) for line in lines] == [
        *[("account.imported", {"source": "plain"})] * 3,
        ("accounts.imported", {"source": "plain", "rows": 3, "came": 3}),
    ]
    assert {(row.version, row.auth_epoch, row.sign_in_serial, row.failures) for row in rows} == {(1, 1, 0, 0)}


def test_a_known_password_is_tried_on_its_row(service: Service, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [person(), person("bert", confirmed_at="")])
    found = moving.find_row(service.uow(), path, PLAIN, "anna@example.org")
    assert isinstance(found, ImportableRow)
    assert moving.verify_row_password(service.uow(), found, BCRYPT["password"])
    assert not moving.verify_row_password(service.uow(), found, "wrong")
    assert isinstance(moving.find_row(service.uow(), path, PLAIN, "bert@example.org"), RefusedRow)
    assert moving.find_row(service.uow(), path, PLAIN, "carl@example.org") is None


def test_a_pepper_that_is_not_told_shows_itself_in_the_check(service: Service, tmp_path: Path) -> None:
    vector = stored("devise$")
    row = person(password_hash=vector["stored"].removeprefix("devise"))
    path = write_csv(tmp_path / "users.csv", [row])
    found = moving.find_row(service.uow(), path, ImportOptions(source="devise"), "anna@example.org")
    assert isinstance(found, ImportableRow)
    assert not moving.verify_row_password(service.uow(), found, vector["password"])


def test_a_hash_of_another_system_signs_in_once_and_is_replaced_then(service: Service, tmp_path: Path) -> None:
    people = {f"p{number}@example.org": stored(kind) for number, kind in enumerate(("{SSHA}", "{bcrypt}", "AQAAAA"))}
    rows = [person(email=email, password_hash=vector["stored"]) for email, vector in people.items()]
    moving.import_accounts(service.uow(), write_csv(tmp_path / "people.csv", rows), PLAIN)
    for email, vector in people.items():
        someone = service.person(email=email, password=vector["password"])
        assert someone.sign_in().status_code == 200, vector["made_by"]
        renewed = accounts.find_account(service.uow(), email).password_hash
        assert renewed is not None
        assert renewed.startswith("$argon2id$"), vector["made_by"]


def test_an_imported_address_is_found_by_nothing_but_its_password(service: Service, tmp_path: Path) -> None:
    """What an unknown address is told, one that came in is told, too."""
    moving.import_accounts(service.uow(), people(tmp_path, 1), PLAIN)
    known, unknown = service.person(email="p0@example.org", password="wrong"), service.person(password="wrong")
    results = [(answer.status_code, answer.get_json()["code"]) for answer in (known.sign_in(), unknown.sign_in())]
    assert results == [(401, "sign_in_failed")] * 2


def test_an_empty_report_says_nothing() -> None:
    assert ImportReport().hashes == {}
