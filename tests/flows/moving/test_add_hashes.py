"""Hashes that a first run missed come in by a second one, and only where nobody has used the account since."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from accounts.core.models.account import Account
from accounts.flows.moving import import_accounts as moving
from accounts.flows.moving.check_rows import ImportReport
from accounts.flows.moving.rows import ImportOptions
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.flows.moving.files import BCRYPT, person, write_csv
from tests.flows.steps import list_event_kinds
from tests.people import Service

PLAIN, ADD = ImportOptions(source="plain"), ImportOptions(source="plain", add_hashes=True)
NAMES = ("anna", "bert", "carl")


def run(service: Service, path: Path, options: ImportOptions, *names: str, **more: str) -> ImportReport:
    file = write_csv(path / "people.csv", [person(name, **more) for name in names])
    rehearsed = moving.rehearse_import(service.uow(), file, options)
    report = moving.import_accounts(service.uow(), file, options)
    assert report == rehearsed
    return report


def hash_of(service: Service, name: str) -> str | None:
    with Session(service.site.store.engine) as session:
        return session.scalars(select(Account.password_hash).where(Account.email_key == f"{name}@example.org")).one()


@on_both_databases
def test_a_hash_that_was_missed_comes_in_by_a_second_run(service: Service, tmp_path: Path) -> None:
    assert run(service, tmp_path, PLAIN, *NAMES, password_hash="").importable == 3
    assert run(service, tmp_path, PLAIN, *NAMES).already_imported == 3, "nothing without the option"
    assert hash_of(service, "anna") is None
    report = run(service, tmp_path, ADD, *NAMES, "dora")
    assert (report.rows, report.importable, report.already_imported, report.hashes_added) == (4, 1, 0, 3)
    anna = service.person(email="anna@example.org", password=BCRYPT["password"])
    assert anna.sign_in().status_code == 200
    account = accounts.find_account(service.uow(), anna.email)
    assert list_event_kinds(service, account.id)[:2] == ["account.imported", "account.hash-added"]
    again = run(service, tmp_path, ADD, *NAMES, "dora")
    assert (again.already_imported, again.hashes_added) == (4, 0), "once"


def test_a_row_without_a_hash_adds_none_and_one_that_is_there_stays(service: Service, tmp_path: Path) -> None:
    run(service, tmp_path, PLAIN, "anna", password_hash="")
    run(service, tmp_path, PLAIN, "bert")
    report = run(service, tmp_path, ADD, "anna", "bert", password_hash="")
    assert (report.already_imported, report.hashes_added) == (2, 0)
    assert (hash_of(service, "anna"), hash_of(service, "bert")) == (None, BCRYPT["stored"])


def test_whoever_has_used_the_account_gets_no_password_that_somebody_else_may_know(
    service: Service, tmp_path: Path
) -> None:
    run(service, tmp_path, PLAIN, *NAMES, password_hash="")
    uow = service.uow()
    with uow:
        accounts.find_account(uow, "anna@example.org").sign_in_serial += 1
    with uow:
        accounts.find_account(uow, "bert@example.org").auth_epoch += 1
    member = service.member()
    report = run(service, tmp_path, ADD, *NAMES)
    assert (report.already_imported, report.hashes_added) == (2, 1)
    assert [hash_of(service, name) for name in NAMES] == [None, None, BCRYPT["stored"]]
    taken = run(service, tmp_path, ADD, "x", email=member.email)
    assert taken.refused == {"taken": 1}, "an account that was not imported is not touched"
