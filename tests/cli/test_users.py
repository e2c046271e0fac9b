"""``accounts users``: an operator looks after accounts without having one."""

from __future__ import annotations

from importlib import import_module

import pytest

from accounts.core.models.upstream import Identity
from tests.apps import register_app, sign_in_to_apps
from tests.cli.conftest import Command
from tests.people import Service


def test_accounts_are_listed_by_address_some_at_a_time(
    accounts: Command, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert accounts("users", "list").out == "id  state  address  groups\n"
    admin, *others = service.admin(), service.member(), service.member()
    monkeypatch.setattr(import_module("accounts.flows.shared.pages"), "MAX_ROWS_PER_PAGE", 1)
    result = accounts("users", "list")
    expected = [("active", admin.email, "admins"), *(("active", each.email, "-") for each in others)]
    found = [(row["state"], row["address"], row["groups"]) for row in result.table]
    assert found == sorted(expected, key=lambda row: row[1])
    assert admin.get("/api/account").get_json()["id"] in {row["id"] for row in result.table}
    first = accounts("users", "list", "--limit", "2")
    assert [row["address"] for row in first.table] == [row[1] for row in found[:2]]
    assert first.err == f"accounts: there are more; go on with --after {first.table[-1]['id']}\n"
    rest = accounts("users", "list", "--limit", "2", "--after", first.table[-1]["id"])
    assert ([row["address"] for row in rest.table], rest.err) == ([found[2][1]], "")


def test_one_account_is_shown_by_address_or_id(accounts: Command, service: Service) -> None:
    admin = service.admin()
    id = admin.get("/api/account").get_json()["id"]
    by_address = accounts("users", "show", admin.email.upper())
    assert by_address == accounts("users", "show", id)
    shown = dict(line.split(maxsplit=1) for line in by_address.out.splitlines() if not line.startswith("last"))
    assert (shown["id"], shown["address"], shown["state"], shown["groups"]) == (id, admin.email, "active", "admins")
    assert shown["proven"] == "no", "typed on the first admin's form"
    assert "$argon2" not in by_address.out


def test_a_disabled_account_is_out_until_it_is_enabled(accounts: Command, service: Service) -> None:
    member = service.member()
    assert accounts("users", "disable", member.email).out == f"{member.email} is disabled\n"
    assert not member.signed_in
    assert member.sign_in().status_code == 401
    assert accounts("users", "disable", member.email).status == 0, "twice is no mistake"
    assert accounts("users", "enable", member.email).out == f"{member.email} is active\n"
    assert not member.signed_in, "sessions from before stay dead"
    assert member.sign_in().status_code == 200


@pytest.mark.parametrize(("options", "left"), [((), 0), (("--keep", "consents", "--keep", "identities"), 1)])
def test_enabling_disconnects_what_is_not_kept(
    accounts: Command, service: Service, options: tuple[str, ...], left: int
) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service).app)
    account_id = member.get("/api/account").get_json()["id"]
    with service.uow() as uow:
        uow.session.add(Identity(issuer="https://idp.example", subject="x", account_id=account_id))
    assert accounts("users", "disable", member.email).status == 0
    assert len(accounts("users", "list-identities", member.email, "--json").json) == 1, "enabling asks about it"
    assert accounts("users", "enable", member.email, *options).status == 0
    (told,) = accounts("users", "show", member.email, "--json").json
    assert (len(told["identities"]), len(told["apps"])) == (left, 1 if left else 0)
    assert accounts("users", "enable", member.email, "--keep", "sessions").status == 2


def test_groups_are_what_was_set_last(accounts: Command, service: Service) -> None:
    member = service.member()
    assert accounts("users", "set-groups", member.email, "readers", "editors").out == (
        f"{member.email} is in: editors, readers\n"
    )
    assert member.get("/api/account").get_json()["groups"] == ["editors", "readers"]
    assert accounts("users", "set-groups", member.email).out == f"{member.email} is in: no group\n"
    assert not member.signed_in, "losing a group ends the sessions"


def test_an_account_is_signed_out_everywhere(accounts: Command, service: Service) -> None:
    member = service.member()
    assert accounts("users", "sign-out", member.email).out == f"{member.email} is signed out everywhere\n"
    assert not member.signed_in
    assert member.sign_in().status_code == 200


def test_the_last_admin_cannot_be_taken_away(accounts: Command, service: Service) -> None:
    admin = service.admin()
    for arguments in (("disable", admin.email), ("set-groups", admin.email), ("set-groups", admin.email, "editors")):
        assert accounts("users", *arguments).refused == "the last active admin"
    assert admin.get("/api/account").get_json()["groups"] == ["admins"]
    second = service.member()
    accounts("users", "set-groups", second.email, "admins")
    assert accounts("users", "disable", admin.email).status == 0
    assert accounts("users", "set-groups", second.email).refused == "the last active admin"


@pytest.mark.parametrize("who", ["nobody@example.org", "nobody", "nobody@", "@", "a b@example.org", ""])
@pytest.mark.parametrize("command", ["show", "disable", "enable", "set-groups", "sign-out"])
def test_an_account_that_is_not_there_is_named(accounts: Command, command: str, who: str) -> None:
    assert accounts("users", command, who).refused == f"no account {who}".rstrip()


def test_a_group_that_is_no_word_is_refused_and_changes_nothing(accounts: Command, service: Service) -> None:
    member = service.member()
    assert "groups: Use only letters" in accounts("users", "set-groups", member.email, "two words").refused
    assert member.signed_in
