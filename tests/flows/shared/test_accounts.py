"""Accounts as such: found, switched off and on, put into groups; and there is always an admin."""

from __future__ import annotations

import pytest

from accounts.core.errors import InvalidInput, LastAdmin, NotFound
from accounts.core.link_errors import LinkInvalid
from accounts.core.links.opening import open_link
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.account.reset_password import RESET
from accounts.flows.shared import accounts
from accounts.flows.shared.accounts import NewCredentials
from tests.conftest import on_both_databases
from tests.flows.steps import Member, create_first_admin, list_event_kinds, sign_up_member
from tests.kit.concurrency import outcome_of, run_concurrently
from tests.people import PASSWORD, Service, make_email


def test_an_account_is_found_by_id_and_by_any_spelling_of_its_address(service: Service) -> None:
    made = sign_up_member(service)
    for text in (made.id, made.email, made.email.upper()):
        uow = service.uow()
        assert accounts.find_account(uow, text).id == made.id
        uow.close()


@pytest.mark.parametrize(
    "text", ["", "nobody", "nobody@example.org", "no@address@example.org", "@", "x\x00@y", "a b@c"]
)
def test_what_is_nobody_is_not_found(service: Service, text: str) -> None:
    sign_up_member(service)
    with pytest.raises(NotFound):
        accounts.find_account(service.uow(), text)


@on_both_databases
def test_off_and_on_again_raises_the_epoch_twice_and_says_so(service: Service) -> None:
    made = sign_up_member(service)
    for _ in range(2):
        assert accounts.disable_account(service.uow(), made.id).status == "disabled"
    for _ in range(2):
        assert accounts.enable_account(service.uow(), made.id).active
    assert made.row.auth_epoch == 3
    assert list_event_kinds(service, made.id)[2:] == ["account.disabled", "account.enabled"]


@on_both_databases
def test_groups_are_made_what_they_shall_be(service: Service) -> None:
    create_first_admin(service)
    made = sign_up_member(service)
    steps: list[tuple[list[str], int]] = [
        (["b", "a"], 1),
        (["a", "b"], 1),
        (["a", "c"], 2),
        ([], 3),
        ([ADMIN_GROUP], 3),
    ]
    for groups, epoch in steps:
        assert accounts.set_groups(service.uow(), made.id, groups).groups == tuple(sorted(groups))
        assert (made.row.groups, made.row.auth_epoch) == (tuple(sorted(groups)), epoch)
    assert list_event_kinds(service, made.id)[2:] == ["account.groups"] * 5


@pytest.mark.parametrize("act", [accounts.disable_account, accounts.enable_account])
def test_nobody_cannot_be_switched(service: Service, act: object) -> None:
    assert callable(act)
    with pytest.raises(NotFound):
        act(service.uow(), "nobody")
    with pytest.raises(NotFound):
        accounts.set_groups(service.uow(), "nobody", [])


@on_both_databases
def test_the_last_admin_stays(service: Service) -> None:
    admin, other = create_first_admin(service), sign_up_member(service)
    session = admin.sign_in()
    with pytest.raises(LastAdmin):
        accounts.disable_account(service.uow(), admin.id)
    with pytest.raises(LastAdmin):
        accounts.set_groups(service.uow(), admin.id, ["editors"])
    assert (admin.row.groups, admin.row.active, admin.row.auth_epoch) == ((ADMIN_GROUP,), True, 1)
    assert admin.load_current_account(session) is not None
    accounts.set_groups(service.uow(), other.id, [ADMIN_GROUP])
    accounts.disable_account(service.uow(), other.id)
    with pytest.raises(LastAdmin):
        accounts.disable_account(service.uow(), admin.id)
    accounts.enable_account(service.uow(), other.id)
    assert accounts.disable_account(service.uow(), admin.id).status == "disabled"
    assert accounts.set_groups(service.uow(), admin.id, []).groups == (), "who is disabled administers nothing"


def test_where_nobody_administers_yet_anybody_else_can_be_switched_off(service: Service) -> None:
    made = sign_up_member(service)
    assert accounts.disable_account(service.uow(), made.id).status == "disabled"
    accounts.enable_account(service.uow(), made.id)
    accounts.set_groups(service.uow(), made.id, ["x"])
    assert accounts.set_groups(service.uow(), made.id, []).groups == ()


@on_both_databases
def test_two_admins_who_switch_each_other_off_at_once_leave_one(service: Service) -> None:
    both = [create_first_admin(service), sign_up_member(service)]
    accounts.set_groups(service.uow(), both[1].id, [ADMIN_GROUP])
    for _ in range(3):
        found = run_concurrently(
            2,
            lambda number: outcome_of(service.uow(), lambda uow: accounts.disable_account(uow, both[1 - number].id)),
        )
        assert sorted(found) == ["LastAdmin", "done"]
        assert [each.row.active for each in both].count(True) == 1
        off = next(each for each in both if not each.row.active)
        accounts.enable_account(service.uow(), off.id)


@on_both_databases
def test_two_admins_who_leave_at_once_leave_one(service: Service) -> None:
    both = [create_first_admin(service), sign_up_member(service)]
    accounts.set_groups(service.uow(), both[1].id, [ADMIN_GROUP])
    found = run_concurrently(
        2, lambda number: outcome_of(service.uow(), lambda uow: accounts.set_groups(uow, both[number].id, ["x"]))
    )
    assert sorted(found) == ["LastAdmin", "done"]


def test_a_password_is_judged_by_what_belongs_to_its_owner(service: Service) -> None:
    uow = service.uow()
    for weak in (
        "wilhelminawilhelmina",
        "wintergardenwintergarden",
        "accountsaccounts",
        "w.tell@wintergarden.example",
    ):
        with pytest.raises(InvalidInput) as caught:
            accounts.hash_new_password(
                uow, weak, email="w.tell@wintergarden.example", name="Wilhelmina Tell", field="new"
            )
        assert [field.field for field in caught.value.fields] == ["new"]
    assert accounts.hash_new_password(uow, PASSWORD, email="a@example.org").startswith("$argon2id$")


def test_choosing_holds_no_connection(service: Service) -> None:
    uow = service.uow()
    accounts.find_account(uow, sign_up_member(service).id)
    accounts.hash_new_password(uow, PASSWORD, email="a@example.org")
    assert service.site.store.engine.pool.status().endswith("Current Checked out connections: 0")


def test_groups_that_are_there_already_are_not_new(service: Service) -> None:
    uow, email = service.uow(), make_email()
    with uow:
        account = accounts.create_account(uow, email, NewCredentials("hash"), groups=["a"], locale="en")
        assert accounts.add_groups(uow, account, ["a"]) == ()
        assert accounts.add_groups(uow, account, ["b", "a"]) == ("b",)
        assert account.groups == ("a", "b")
    assert Member(service, email, account.id).row.groups == ("a", "b")


def test_a_link_about_nobody_is_invalid(service: Service) -> None:
    made = sign_up_member(service)
    token = made.reset_token()
    uow = service.uow()
    with uow:
        uow.session.delete(accounts.find_account(uow, made.id))
    with pytest.raises(LinkInvalid, match="the account is gone"):
        open_link(service.uow(), RESET, token)
