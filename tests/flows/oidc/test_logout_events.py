"""Whoever is signed out here is signed out of the apps, by whatever way the session ended."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import time_machine
from sqlalchemy import delete, select

from accounts.core import logout_events
from accounts.core.models.account import Account
from accounts.core.models.apps import App, Grant
from accounts.core.models.logout import AppLogout
from accounts.core.models.outbox import OutboxRow
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.oidc import registration
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts
from tests.apps import register_app, session_id_of, sign_in_to_apps
from tests.conftest import on_both_databases
from tests.flows.oidc.logouts import claims_of, list_logouts
from tests.kit.concurrency import run_concurrently
from tests.people import OTHER_PASSWORD, Person, Service, make_email
from tests.servers.relying_party import RelyingParty


def everywhere(service: Service, person: Person) -> None:
    assert person.post("/api/sign-out", {"everywhere": True}).status_code == 204


def change_password(service: Service, person: Person) -> None:
    data = {"current_password": person.password, "password": OTHER_PASSWORD}
    assert person.post("/api/account/password", data).status_code == 200


def reset_password(service: Service, person: Person) -> None:
    assert person.post("/api/forgot-password", {"email": person.email}).status_code == 202
    data = {"token": service.link_token(person.email, "reset-password"), "password": OTHER_PASSWORD}
    assert service.person().post("/api/l/reset-password", data).status_code == 200


def not_me(service: Service, person: Person) -> None:
    change_password(service, person)
    # That was a way of its own; the sign-ins that this one ends are later ones.
    with service.uow() as uow:
        uow.session.execute(delete(AppLogout))
        uow.session.execute(delete(OutboxRow).where(OutboxRow.purpose == logout_events.LOGOUT_PURPOSE))
    sign_in_to_apps(service, person, *[app for app in registration.list_apps(service.uow()) if app.name != "Shop"])
    data = {"token": service.link_token(person.email, "not-me")}
    assert service.person().post("/api/l/not-me", data).status_code == 200


def disable(service: Service, person: Person) -> None:
    accounts.disable_account(service.uow(), accounts.find_account(service.uow(), person.email).id)


def lose_a_group(service: Service, person: Person) -> None:
    account = accounts.find_account(service.uow(), person.email)
    accounts.set_groups(service.uow(), account.id, ["readers"])
    accounts.set_groups(service.uow(), account.id, [])


def close_account(service: Service, person: Person) -> None:
    assert person.post("/api/account/close").status_code == 202
    data = {"token": service.link_token(person.email, "close-account")}
    assert person.post("/api/l/close-account", data).status_code == 200


def ended_on_the_console(service: Service, person: Person) -> None:
    sessions.sign_out_everywhere(service.uow(), accounts.find_account(service.uow(), person.email).id)


def signed_out_by_an_admin(service: Service, person: Person) -> None:
    helpdesk_accounts.end_account_sessions(service.uow(), accounts.find_account(service.uow(), person.email).id)


def deleted_by_an_admin(service: Service, person: Person) -> None:
    account_id = accounts.find_account(service.uow(), person.email).id
    helpdesk_accounts.delete_account_as_admin(
        service.uow(), account_id, helpdesk_accounts.DeleteAccountForm.model_validate({"email": person.email})
    )


def change_address(service: Service, person: Person) -> None:
    moved = make_email()
    assert person.post("/api/account/email", {"email": moved}).status_code == 202
    assert person.post("/api/l/change-email", {"token": service.link_token(moved, "change-email")}).status_code == 200


WAYS: list[Callable[[Service, Person], None]] = [
    signed_out_by_an_admin,
    deleted_by_an_admin,
    change_address,
    everywhere,
    change_password,
    reset_password,
    not_me,
    disable,
    lose_a_group,
    close_account,
    ended_on_the_console,
]


@on_both_databases
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_whatever_ends_all_sessions_tells_every_app_once(
    service: Service, party: RelyingParty, way: Callable[[Service, Person], None]
) -> None:
    service.admin()
    member, other = service.member(), service.member()
    results = [register_app(service, name, backchannel_logout_uri=party.address).app for name in ("Notes", "Wiki")]
    strange = register_app(service, "Shop", backchannel_logout_uri=party.address).app
    account_id = member.get("/api/account").get_json()["id"]
    sign_in_to_apps(service, member, *results, *results)
    sign_in_to_apps(service, other, strange)
    way(service, member)
    assert [(row.app_name, row.sid) for row in list_logouts(service)] == [("Notes", None), ("Wiki", None)]
    service.deliver()
    rows = [claims_of(service, token) for token in party.tokens]
    assert sorted(each["aud"] for each in rows) == sorted(app.id for app in results)
    assert {each["sub"] for each in rows} == {account_id}
    assert {row.state for row in list_logouts(service)} == {"confirmed"}


@on_both_databases
def test_one_sign_out_tells_the_apps_of_that_session_alone(service: Service, party: RelyingParty) -> None:
    here = service.member()
    there = service.person(email=here.email)
    assert there.sign_in().status_code == 200
    wiki, notes = (
        register_app(service, name, backchannel_logout_uri=party.address).app for name in ("Wiki", "Notes")
    )
    sign_in_to_apps(service, here, wiki)
    sign_in_to_apps(service, there, wiki, notes)
    sid = session_id_of(here)
    assert here.post("/api/sign-out").status_code == 204
    service.deliver()
    (claims,) = [claims_of(service, token) for token in party.tokens]
    assert (claims["aud"], claims["sid"]) == (wiki.id, sid)
    assert there.signed_in


def test_a_session_ended_from_the_list_tells_its_apps(service: Service, party: RelyingParty) -> None:
    here = service.member()
    there = service.person(email=here.email)
    there.sign_in()
    sid = session_id_of(there)
    sign_in_to_apps(service, there, register_app(service, backchannel_logout_uri=party.address).app)
    assert here.delete(f"/api/account/sessions/{sid}").status_code == 204
    service.deliver()
    assert [claims_of(service, token)["sid"] for token in party.tokens] == [sid]


def test_a_session_ended_by_an_admin_tells_its_apps(service: Service, party: RelyingParty) -> None:
    member = service.member()
    sid = session_id_of(member)
    sign_in_to_apps(service, member, register_app(service, backchannel_logout_uri=party.address).app)
    helpdesk_accounts.end_account_session(service.uow(), accounts.find_account(service.uow(), member.email).id, sid)
    service.deliver()
    assert [claims_of(service, token)["sid"] for token in party.tokens] == [sid]


@on_both_databases
@pytest.mark.parametrize("end", [registration.disable_app, registration.remove_app])
def test_an_app_that_is_switched_off_or_taken_away_is_told_that_everybody_is_signed_out(
    service: Service, party: RelyingParty, end: Callable[[UnitOfWork, str], App]
) -> None:
    people = [service.member() for _ in range(3)]
    wiki = register_app(service, backchannel_logout_uri=party.address, id_token_signed_response_alg="ES256").app
    other = register_app(service, "Notes", backchannel_logout_uri=party.address).app
    for person in people:
        sign_in_to_apps(service, person, wiki, other)
    people[0].post("/api/sign-out", {"everywhere": True})
    service.deliver()
    party.heard.clear()
    end(service.uow(), wiki.id)
    service.deliver()
    results = [claims_of(service, token) for token in party.tokens]
    assert {each["aud"] for each in results} == {wiki.id}
    assert {each["sub"] for each in results} == {person.get("/api/account").get_json()["id"] for person in people[1:]}
    assert {row.state for row in list_logouts(service)} == {"confirmed"}
    with service.uow() as uow:
        kept = uow.session.scalars(select(Grant).where(Grant.app_id == wiki.id))
        assert all(grant.revoked_at is not None for grant in kept), "enabling it brings nothing back"
    assert all(person.signed_in for person in people[1:]), "here they are signed in as ever"


def test_a_sign_in_right_after_a_logout_is_notified_of_its_own_end_though_its_clock_is_behind(
    service: Service, party: RelyingParty
) -> None:
    member, app = service.member(), register_app(service, backchannel_logout_uri=party.address).app
    sign_in_to_apps(service, member, app)
    with time_machine.travel(time.time() + 30):
        member.post("/api/sign-out", {"everywhere": True})
    member.sign_in()
    sign_in_to_apps(service, member, app)
    member.post("/api/sign-out")
    assert len(list_logouts(service)) == 2


def test_signing_out_everywhere_and_then_here_tells_an_app_once(service: Service, party: RelyingParty) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service, backchannel_logout_uri=party.address).app)
    member.post("/api/sign-out", {"everywhere": True})
    member.sign_in()
    member.post("/api/sign-out", {"everywhere": True})
    assert len(list_logouts(service)) == 1


@on_both_databases
def test_fifty_sign_outs_of_one_session_tell_an_app_once(service: Service, party: RelyingParty) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service, backchannel_logout_uri=party.address).app)
    stated = service.site.signer.read(sessions.SESSION, member.client.get_cookie("session").value)  # type: ignore[union-attr] # signed in
    assert stated is not None
    run_concurrently(50, lambda number: sessions.sign_out(service.uow(), stated))
    assert len(list_logouts(service)) == 1


def test_a_change_that_is_rolled_back_tells_nobody(service: Service, party: RelyingParty) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service, backchannel_logout_uri=party.address).app)
    account_id = member.get("/api/account").get_json()["id"]

    def change_and_fail() -> None:
        with service.uow() as uow:
            uow.session.get_one(Account, account_id).auth_epoch += 1
            uow.session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_and_fail()
    assert list_logouts(service) == []
    assert not service.site.callbacks_due.is_set()
