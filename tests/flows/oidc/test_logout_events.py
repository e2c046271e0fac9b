"""Whoever is signed out here is signed out of the apps, by whatever way the session ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product

import pytest
import time_machine
from sqlalchemy import delete, select

from accounts.core.models.account import Account
from accounts.core.models.apps import App, Grant
from accounts.core.models.logout import AppLogout
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.oidc import registration
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts
from tests.apps import register_app, session_id_of, sign_in_to_apps
from tests.conftest import on_both_databases
from tests.flows.oidc.logouts import claims_of, list_logouts
from tests.flows.oidc.ways_out import WAYS, Way, disconnect, not_me
from tests.kit.concurrency import run_concurrently
from tests.people import Person, Service
from tests.servers.relying_party import RelyingParty


@on_both_databases
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_whatever_ends_all_sessions_tells_every_app_of_each_session_that_it_knows(
    service: Service, party: RelyingParty, way: Way
) -> None:
    """By its ``sid``: mod_auth_openidc, for one, answers 200 to a token with ``sub`` alone, and ends nothing."""
    service.admin()
    member, other = service.member(), service.member()
    elsewhere = service.person(email=member.email)
    elsewhere.sign_in()
    results = [register_app(service, name, backchannel_logout_uri=party.address).app for name in ("Notes", "Wiki")]
    strange = register_app(service, "Shop", backchannel_logout_uri=party.address).app
    account_id = member.get("/api/account").get_json()["id"]
    sign_in_to_apps(service, member, *results, *results)
    sign_in_to_apps(service, elsewhere, *results)
    sign_in_to_apps(service, other, strange)
    sids = {session_id_of(member), session_id_of(elsewhere)}
    sids = way(service, member) or sids
    assert {(row.app_name, row.sid) for row in list_logouts(service)} == set(product(("Notes", "Wiki"), sids))
    service.deliver()
    rows = [claims_of(service, token) for token in party.tokens]
    assert sorted((each["aud"], each["sid"]) for each in rows) == sorted(product([app.id for app in results], sids))
    assert {each["sub"] for each in rows} == {account_id}
    assert {row.state for row in list_logouts(service)} == {"confirmed"}


ENDS_WITH_NOTHING_KNOWN = [*(way for way in WAYS if way is not not_me), disconnect]


@pytest.mark.parametrize("way", ENDS_WITH_NOTHING_KNOWN, ids=lambda way: way.__name__)
def test_an_app_of_which_no_session_is_known_any_more_is_told_of_the_account(
    service: Service, party: RelyingParty, way: Callable[[Service, Person], object]
) -> None:
    """Its own session may last longer than the one here, of which nothing is left by now."""
    service.admin()
    member = service.member()
    wiki = register_app(service, backchannel_logout_uri=party.address).app
    off = register_app(service, "Off", backchannel_logout_uri=party.address).app
    sign_in_to_apps(service, member, wiki, register_app(service, "Mute").app, off)
    registration.disable_app(service.uow(), off.id)
    service.deliver()
    party.heard.clear()
    with service.uow() as uow:
        uow.session.execute(delete(Grant))
        uow.session.execute(delete(AppLogout))
    way(service, member)
    assert [(row.app_name, row.sid) for row in list_logouts(service)] == [("Wiki", None)]
    service.deliver()
    (claims,) = [claims_of(service, token) for token in party.tokens]
    assert "sid" not in claims
    assert claims["aud"] == wiki.id


def test_an_app_counts_once_and_has_confirmed_when_it_has_confirmed_each_session(
    service: Service, party: RelyingParty
) -> None:
    here = service.member()
    there = service.person(email=here.email)
    there.sign_in()
    apps = [register_app(service, name, backchannel_logout_uri=party.address).app for name in ("Notes", "Wiki")]
    sign_in_to_apps(service, here, *apps)
    sign_in_to_apps(service, there, apps[1])
    answer = here.post("/api/sign-out", {"everywhere": True})
    about = answer.headers["Link"].partition(">")[0].partition("?")[2]

    def told() -> tuple[int, int, int]:
        found = service.person().get(f"/api/signed-out?{about}").get_json()
        return found["apps"], found["confirmed"], found["waiting"]

    assert told() == (2, 0, 2)
    service.deliver()
    assert told() == (2, 2, 0)
    with service.uow() as uow:
        row = next(row for row in list_logouts(service) if row.app_name == "Wiki")
        uow.session.get_one(AppLogout, row.id).state = "given-up"
    assert told() == (2, 1, 0)


def test_an_app_that_is_connected_anew_from_the_same_session_is_told_of_its_end_again(
    service: Service, party: RelyingParty
) -> None:
    member = service.member()
    wiki = register_app(service, backchannel_logout_uri=party.address).app
    sid = session_id_of(member)
    with time_machine.travel(time.time() + 30):
        sign_in_to_apps(service, member, wiki)
        disconnect(service, member)
    sign_in_to_apps(service, member, wiki)
    member.post("/api/sign-out")
    assert [row.sid for row in list_logouts(service)] == [sid, sid]


def test_an_app_is_not_told_again_of_a_session_that_had_ended(service: Service, party: RelyingParty) -> None:
    here = service.member()
    there = service.person(email=here.email)
    there.sign_in()
    wiki = register_app(service, backchannel_logout_uri=party.address).app
    sids = [session_id_of(person) for person in (there, here)]
    for person in (here, there):
        sign_in_to_apps(service, person, wiki)
    there.post("/api/sign-out")
    here.post("/api/sign-out", {"everywhere": True})
    service.deliver()
    assert [claims_of(service, token)["sid"] for token in party.tokens] == sids


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
    sids = {session_id_of(person) for person in people[1:]}
    people[0].post("/api/sign-out", {"everywhere": True})
    service.deliver()
    party.heard.clear()
    end(service.uow(), wiki.id)
    service.deliver()
    results = [claims_of(service, token) for token in party.tokens]
    assert {each["aud"] for each in results} == {wiki.id}
    assert {each["sid"] for each in results} == sids
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
