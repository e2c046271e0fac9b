"""``accounts users bulk``: one act on many accounts, as an operator."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.flows.helpdesk.bulk_acts import make_accounts
from tests.people import Service


def test_those_in_a_file_are_looked_at_and_then_done(accounts: Command, service: Service, tmp_path: Path) -> None:
    service.admin()
    one, two = service.member(), service.member()
    file = tmp_path / "leavers.txt"
    file.write_text(f"{one.email}\n\n{two.email.upper()}\nnobody@example.org\n", encoding="utf-8")
    dry = accounts("users", "bulk", "start", "disable", "--file", str(file), "--dry-run")
    assert dry.err == "accounts: nobody has the account 'nobody@example.org'\n"
    assert "disable: 2 of 2 accounts" in dry.out
    assert one.signed_in
    act_id = dry.out.split()[0]
    assert dry.out.endswith(f"nothing is done yet; go on with: users bulk run {act_id}\n")
    assert [row["result"] for row in accounts("users", "bulk", "show", act_id).table] == ["due", "due"]
    assert accounts("users", "bulk", "run", act_id).out == f"2 done, 0 skipped; see: users bulk show {act_id}\n"
    assert (one.signed_in, two.signed_in) == (False, False)
    done = accounts("users", "bulk", "start", "disable", one.email, "--yes", "--json").json[0]
    assert (done["left"], done["done"], done["skipped"], done["state"]) == (0, 0, {"disabled": 1}, "done")
    assert {row["state"] for row in accounts("users", "bulk", "list").table} == {"done"}
    assert accounts("users", "bulk", "discard", act_id).out == f"{act_id} is gone, 0 accounts were left\n"
    assert accounts("users", "bulk", "show", act_id).status == 1


def test_json_is_what_the_api_says(accounts: Command, service: Service) -> None:
    admin = service.admin()
    make_accounts(service, 3, group="staff")
    (dry,) = accounts("users", "bulk", "start", "sign-out", "--member-of", "staff", "--dry-run", "--json").json
    assert (dry["left"], dry["made_by"]) == (3, None)
    path = f"/api/admin/accounts/bulk/{dry['id']}"
    told = admin.get(path).get_json()
    assert {name: told[name] for name in dry} == dry
    assert accounts("users", "bulk", "show", dry["id"], "--json").json == told["list"]
    (done,) = accounts("users", "bulk", "run", dry["id"], "--json").json
    assert accounts("users", "bulk", "list", "--json").json == [done]
    assert accounts("users", "bulk", "discard", dry["id"], "--json").json == [{"left": 0, "letters": 0}]


def test_emails_that_wait_are_cancelled_with_their_act(accounts: Command, service: Service) -> None:
    make_accounts(service, 3)
    (done,) = accounts("users", "bulk", "start", "send-reset", "--all", "--yes", "--json").json
    cancelled = f"{done['id']} is gone, 0 accounts were left\n3 emails that had not gone out are cancelled\n"
    assert accounts("users", "bulk", "discard", done["id"]).out == cancelled


def test_the_last_admin_stays_and_nobody_becomes_one(accounts: Command, service: Service) -> None:
    admin, member = service.admin(), service.member()
    assert "skipped 1: last remaining admin" in accounts("users", "bulk", "start", "disable", "--all", "--yes").out
    assert (admin.signed_in, member.signed_in) == (True, False)
    refused = accounts("users", "bulk", "start", "add-groups", member.email, "--group", "admins", "--yes")
    assert refused.status == 1
    assert "Admins can only be added one at a time" in refused.err


@pytest.mark.parametrize("words", [(), ("x", "--all"), ("--file", "-", "--matching", "x")])
def test_who_is_meant_is_said_in_one_way(accounts: Command, service: Service, words: tuple[str, ...]) -> None:
    assert accounts("users", "bulk", "start", "disable", *words).status == 2


def test_whoever_does_not_agree_changes_nothing(accounts: Command, service: Service) -> None:
    member = service.member()
    refused = accounts("users", "bulk", "start", "disable", member.email)
    assert (refused.status, member.signed_in) == (1, True)
