"""A -> B -> A: state that came back to an old value brings no old link back to life."""

from __future__ import annotations

import time_machine
from sqlalchemy import delete

from accounts.core.models.account import Account
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.people import OTHER_PASSWORD, PASSWORD, Person, Service
from tests.web.endpoints import problem_code
from tests.web.live_links import FORM_DATA


def reset_token(service: Service, member: Person) -> str:
    service.person().post("/api/forgot-password", {"email": member.email})
    return service.link_token(member.email, "reset-password")


def use(service: Service, purpose: str, token: str) -> tuple[int, str]:
    answer = service.person().post(f"/api/l/{purpose}", {"token": token, **FORM_DATA[purpose]})
    return answer.status_code, problem_code(answer)


@on_both_databases
def test_a_reset_link_stays_dead_when_the_old_word_becomes_the_password_again(service: Service) -> None:
    member = service.member()
    token = reset_token(service, member)
    for old, new in [(PASSWORD, OTHER_PASSWORD), (OTHER_PASSWORD, PASSWORD)]:
        changed = member.post("/api/account/password", {"current_password": old, "password": new})
        assert changed.status_code == 200
    assert use(service, "reset-password", token) == (410, "link_used")


@on_both_databases
def test_a_reset_link_stays_dead_after_a_reset_to_the_same_word(service: Service) -> None:
    member = service.member()
    tokens = [reset_token(service, member), reset_token(service, member)]
    again = {"token": tokens[1], "password": member.password}
    assert service.person().post("/api/l/reset-password", again).status_code == 200
    assert [use(service, "reset-password", token) for token in tokens] == [(410, "link_used")] * 2


def test_of_two_reset_links_the_second_works_and_kills_the_first(service: Service) -> None:
    member = service.member()
    with time_machine.travel(1e9, tick=True):
        first = reset_token(service, member)
    with time_machine.travel(1e9 + 60, tick=True):
        second = reset_token(service, member)
        assert first != second
        assert use(service, "reset-password", second) == (200, "")
        assert use(service, "reset-password", first) == (410, "link_used")


@on_both_databases
def test_disabled_and_enabled_again_leaves_links_and_sessions_dead(service: Service) -> None:
    member = service.member()
    token = reset_token(service, member)
    account = accounts.disable_account(service.uow(), member.get("/api/account").get_json()["id"])
    assert use(service, "reset-password", token) == (400, "link_invalid"), "not told why"
    assert not member.signed_in
    accounts.enable_account(service.uow(), account.id)
    assert use(service, "reset-password", token) == (410, "link_used")
    assert not member.signed_in
    assert member.sign_in().status_code == 200


def test_every_sign_in_kills_the_reset_links_that_are_out(service: Service) -> None:
    member = service.member()
    token = reset_token(service, member)
    member.sign_in()
    assert use(service, "reset-password", token) == (410, "link_used")


def test_signing_out_everywhere_kills_the_reset_links_that_are_out(service: Service) -> None:
    member = service.member()
    token = reset_token(service, member)
    member.post("/api/sign-out", {"everywhere": True})
    assert use(service, "reset-password", token) == (410, "link_used")


@on_both_databases
def test_removed_and_invited_again_only_the_new_invitation_opens(service: Service) -> None:
    admin, member = service.admin(), service.member()
    tokens = []
    for _ in range(2):
        admin.post("/api/admin/invites", {"email": member.email, "groups": ["editors"]})
        tokens.append(service.link_token(member.email, "invite"))
        if len(tokens) == 1:
            assert member.post("/api/l/invite", {"token": tokens[0]}).status_code == 200
            accounts.set_groups(service.uow(), member.get("/api/account").get_json()["id"], [])
            assert member.sign_in().get_json()["groups"] == []
    assert problem_code(member.post("/api/l/invite", {"token": tokens[0]})) == "link_used"
    assert member.get("/api/account").get_json()["groups"] == []
    assert member.post("/api/l/invite", {"token": tokens[1]}).status_code == 200


@on_both_databases
def test_an_activation_link_stays_dead_when_its_account_is_gone_again(service: Service) -> None:
    member = service.member_by_mail()
    token = service.link_token(member.email, "activate")
    assert use(service, "activate", token) == (410, "link_used")
    with service.site.store.engine.begin() as connection:
        connection.execute(delete(Account).where(Account.email == member.email))
    assert use(service, "activate", token) == (410, "link_used")


@on_both_databases
def test_the_links_of_one_sign_up_make_one_account_even_when_it_is_deleted_between(service: Service) -> None:
    """A second sign-up is another statement: it may make the account that the first did not."""
    member = service.member_by_mail()
    with service.site.store.engine.begin() as connection:
        connection.execute(delete(Account).where(Account.email == member.email))
    service.person().post("/api/sign-up", {"email": member.email})
    assert use(service, "activate", service.link_token(member.email, "activate")) == (201, "")
