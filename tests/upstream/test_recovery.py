"""A stranger's sign-in at another service, connected while they were in the account, ends with every recovery."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.flows.account import change_email
from accounts.flows.shared import accounts
from tests.people import OTHER_PASSWORD, Person, make_email, token_of_url
from tests.upstream.conftest import World, connected


def use(world: World, owner: Person, purpose: str, **data: str) -> None:
    token = world.here.link_token(owner.email, purpose)
    assert world.here.person().post(f"/api/l/{purpose}", {"token": token, **data}).status_code == 200


def reset(world: World, owner: Person) -> None:
    assert world.here.person().post("/api/forgot-password", {"email": owner.email}).status_code == 202
    use(world, owner, "reset-password", password=OTHER_PASSWORD)


def object_to_it(world: World, owner: Person) -> None:
    use(world, owner, "not-me")


def object_and_reset(world: World, owner: Person) -> None:
    use(world, owner, "not-me")
    use(world, owner, "reset-password", password=OTHER_PASSWORD)


def undo(world: World, owner: Person) -> None:
    use(world, owner, "undo-email-change")


def disable_and_enable(world: World, owner: Person) -> None:
    account_id = accounts.find_account(world.here.uow(), owner.email).id
    accounts.disable_account(world.here.uow(), account_id)
    accounts.enable_account(world.here.uow(), account_id)


@pytest.mark.parametrize("recover", [reset, object_to_it, object_and_reset, undo, disable_and_enable])
def test_a_strangers_connected_sign_in_lets_them_in_no_more(
    world: World, recover: Callable[[World, Person], None]
) -> None:
    owner, stranger = world.here.member("owner"), world.there.member("stranger")
    thief = connected(world, owner, stranger)
    assert thief.account()["email"] == owner.email
    if recover is undo:
        move_address(world, owner)
    recover(world, owner)
    again = world.browser().open("/sign-in").press("/upstream/office/sign-in")
    again.sign_in_as(stranger.email)
    assert again.response.status_code == 403, again.page.text
    assert "isn't connected to an account here" in again.page.text
    assert not again.account()
    assert not thief.account()


def move_address(world: World, owner: Person) -> None:
    thief, new = world.here.person(email=owner.email), make_email("mine")
    assert thief.sign_in().status_code == 200
    assert thief.post("/api/account/email", {"email": new}).status_code == 202
    token = token_of_url(world.here.link_url(new, change_email.PURPOSE))
    assert thief.post(f"/api/l/{change_email.PURPOSE}", {"token": token}).status_code == 200


def test_a_reset_leaves_a_sign_in_connected_that_its_owner_wants_to_keep(world: World) -> None:
    owner, employee = world.here.member("owner"), world.there.member("employee")
    connected(world, owner, employee)
    assert world.here.person().post("/api/forgot-password", {"email": owner.email}).status_code == 202
    browser = world.browser().open(world.here.link_url(owner.email, "reset-password"))
    assert "Disconnect other sign-in services (1)" in browser.page.text
    form = browser.form("password")
    assert form.values["identities"] == "on", "ticked unless somebody unticks it"
    kept = {name: value for name, value in form.values.items() if name != "identities"}
    browser.open("/l/reset-password", kept | {"password": OTHER_PASSWORD})
    assert browser.response.status_code == 200, browser.page.text
    again = world.browser().open("/sign-in").press("/upstream/office/sign-in")
    again.sign_in_as(employee.email)
    assert again.account()["email"] == owner.email


def test_the_letter_names_the_sign_in_that_was_disconnected(world: World) -> None:
    owner, stranger = world.here.member("owner"), world.there.member("stranger")
    connected(world, owner, stranger)
    use(world, owner, "not-me")
    body = world.here.mails_to(owner.email)[-1].message.get_body(("plain",))
    assert body is not None
    assert "Sign-in services that were disconnected: Work\r\n" in body.get_content()
