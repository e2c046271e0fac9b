"""One person's data for that person, and all accounts for whoever runs the place."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from accounts.core import csv_files
from accounts.core.models.account import Account
from accounts.core.models.base import Base
from accounts.flows.moving import export, import_accounts
from accounts.flows.moving.check_rows import ImportableRow
from accounts.flows.moving.rows import ImportOptions
from tests.conftest import on_both_databases
from tests.flows.moving.files import person, write_csv
from tests.people import Service

EXPORTED = {
    *("accounts", "memberships", "audit", "sent_invites"),
    *("consents", "grants", "app_logouts", "identities", "session_names"),
}
LEFT_OUT = {
    "spent": "ids of what was used up, which name nobody",
    "unreachable_addresses": "that mail to the address came back, which the lines of the log say that are in it",
    "outbox": "letters on their way to the person",
    "mail_lanes": "which mail stands still",
    "mail_batches": "when a batch of mail had its turn",
    "rate_limits": "digests that are gone within a day",
    "key_uses": "counts of keys",
    "known_keys": "names of keys",
    "audit_marks": "keyed digests of addresses that the version before wrote, which lead to lines that are in it",
    "audit_seals": "digests of lines that are in it",
    "account_terms": "beginnings of the words of the address and the name, which are in it",
    "invite_terms": "beginnings of the words of invitations, which are in it",
    "apps": "other programs",
    "app_origins": "other programs",
    "app_logos": "pictures of other programs",
    "oidc_keys": "keys of the house",
    "bulk_acts": "what admins want done about many accounts",
    "bulk_act_accounts": "to which, by id; what was done is in the log, and they go after a week",
    "invite_batches": "names of lists that admins have uploaded",
    "shared_invites": "links for several people, without a name; who has joined by one stands in the history",
    "invite_batch_rows": "lists of admins; they go when they are sent or discarded, and after a week",
}


def test_every_table_is_part_of_ones_own_data_or_left_out_for_a_reason() -> None:
    """A new table fails here until it stands on one side, with a section of ``own_data`` or a reason."""
    assert {table.name for table in Base.metadata.sorted_tables} == EXPORTED | LEFT_OUT.keys()


@on_both_databases
def test_somebody_sees_everything_about_themselves_and_no_secret(service: Service) -> None:
    admin, member = service.admin(), service.member()
    assert admin.post("/api/admin/invites", {"email": member.email, "groups": ["staff"]}).status_code == 202
    assert member.post("/api/l/invite", {"token": service.link_token(member.email, "invite")}).status_code == 200
    assert member.sign_in().status_code == 200
    found = member.get("/api/account/export")
    assert found.status_code == 200
    said = found.get_json()
    assert said["account"]["email"] == member.email
    assert said["account"]["has_password"] is True
    assert said["groups"] == ["staff"]
    assert [each["state"] for each in said["invitations_received"]] == ["accepted"]
    assert len(said["sessions"]) == 2
    kinds = [each["kind"] for each in said["history"]]
    assert kinds[0] == "account.exported"
    assert {"account.activated", "account.groups", "invite.accepted", "sign-in"} <= set(kinds)
    text = found.get_data(as_text=True)
    assert "$argon2" not in text
    assert admin.email not in text, "nobody else's address"
    assert member.email not in json.dumps(admin.get("/api/account/export").get_json()["account"])
    assert admin.get("/api/account/export").get_json()["invitations_sent"][0]["email"] == member.email


def test_where_an_admin_acted_from_is_not_told_to_the_member(service: Service) -> None:
    admin, member = service.admin(), service.member()
    member_id = member.get("/api/account").get_json()["id"]
    uow = service.uow()
    uow.request_info = replace(
        uow.request_info, account_id=admin.get("/api/account").get_json()["id"], network="192.0.2.99"
    )
    with uow:
        uow.record_event("account.groups", account_id=member_id, facts={"added": ["staff"]})
    found = member.get("/api/account/export")
    line = next(each for each in found.get_json()["history"] if each["facts"] == {"added": ["staff"]})
    assert (line["by"], line["network"]) == ("other", "")
    assert "192.0.2.99" not in found.get_data(as_text=True)


def test_the_page_offers_the_file(service: Service) -> None:
    member = service.member()
    page = member.get("/account/export").get_data(as_text=True)
    assert 'href="/api/account/export" download="account.json"' in page
    assert member.email in page
    assert 'href="/account/export"' in member.get("/account").get_data(as_text=True)
    assert "Ihre Daten" in member.get("/de/account/export").get_data(as_text=True)


@on_both_databases
def test_all_accounts_go_out_and_come_in_elsewhere_with_their_passwords(service: Service, tmp_path: Path) -> None:
    admin, member = service.admin(), service.member()
    admin.post("/api/sign-in/mail", {"email": admin.email})
    token = service.link_token(admin.email, "sign-in")
    assert admin.post("/api/l/sign-in", {"token": token}).status_code == 200, "and the address is proven"
    for form in (export.format_json_lines, export.format_accounts_csv):
        path = tmp_path / f"all.{'csv' if form is export.format_accounts_csv else 'jsonl'}"
        path.write_text(
            "".join(form(export.export_accounts(service.uow(), include_hashes=True))), encoding="utf-8", newline=""
        )
        rows = import_accounts.rehearse_import(service.uow(), path, ImportOptions(source="plain"))
        assert (rows.rows, rows.refused) == (2, {"taken": 2}), form
    for who in (admin, member):
        path = tmp_path / ("all.csv" if who is admin else "all.jsonl")
        found = import_accounts.find_row(
            service.uow(), path, ImportOptions(source="plain", groups={"admins": "admins"}), who.email
        )
        assert isinstance(found, ImportableRow)
        assert import_accounts.verify_row_password(service.uow(), found, who.password)
        assert found.groups == (("admins",) if who is admin else ())


def test_more_accounts_than_one_batch_each_go_out_once(service: Service, tmp_path: Path) -> None:
    number = 2 * export.ACCOUNTS_PER_BATCH + 1
    path = write_csv(
        tmp_path / "people.csv", [person(f"p{n}", password_hash="", groups="a|b") for n in range(number)]
    )
    import_accounts.import_accounts(service.uow(), path, ImportOptions(source="plain"))
    rows = list(export.export_accounts(service.uow()))
    assert len({row["id"] for row in rows}) == len(rows) == number
    assert {tuple(row["groups"]) for row in rows} == {("a", "b")}
    assert all("password_hash" not in row for row in rows)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", '=HYPERLINK("x")', "'=1"])
def test_no_cell_is_a_formula_and_names_come_back_as_they_were(service: Service, tmp_path: Path, name: str) -> None:
    member = service.member()
    with Session(service.site.store.engine) as session, session.begin():
        session.execute(update(Account).values(name=name))
    text = "".join(export.format_accounts_csv(export.export_accounts(service.uow())))
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell[:1] in csv_files.FORMULA_CHARACTERS]
    path = tmp_path / "all.csv"
    path.write_text(text, encoding="utf-8", newline="")
    found = import_accounts.find_row(service.uow(), path, ImportOptions(source="plain"), member.email)
    assert isinstance(found, ImportableRow)
    assert found.name == name.removeprefix("'")
