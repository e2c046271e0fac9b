"""Goodbyes: whoever is signed out here is signed out of the apps, by whatever way the session ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete, select, update

from accounts.core import logout_events
from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.models.account import Account
from accounts.core.models.apps import App, Grant
from accounts.core.models.audit import AuditRow
from accounts.core.models.logout import AppLogout
from accounts.core.models.outbox import OutboxRow
from accounts.core.uow import UnitOfWork
from accounts.delivery.worker import Worker
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.oidc import backchannel, registration, registration_form
from accounts.flows.oidc.signing_keys import SigningKeys
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts
from tests.apps import register_app, session_id_of, sign_in_to_apps
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.people import OTHER_PASSWORD, Person, Service, make_email
from tests.servers.relying_party import RelyingParty, relying_party

EVENT: dict[str, dict[str, str]] = {"http://schemas.openid.net/event/backchannel-logout": {}}


@pytest.fixture
def party() -> Iterator[RelyingParty]:
    with relying_party() as running:
        yield running


def everywhere(service: Service, person: Person) -> None:
    assert person.post("/api/sign-out", {"everywhere": True}).status_code == 204


def change_password(service: Service, person: Person) -> None:
    said = {"current_password": person.password, "password": OTHER_PASSWORD}
    assert person.post("/api/account/password", said).status_code == 200


def reset_password(service: Service, person: Person) -> None:
    assert person.post("/api/forgot-password", {"email": person.email}).status_code == 202
    said = {"token": service.link_token(person.email, "reset-password"), "password": OTHER_PASSWORD}
    assert service.person().post("/api/l/reset-password", said).status_code == 200


def not_me(service: Service, person: Person) -> None:
    change_password(service, person)
    # That was a way of its own; the sign-ins that this one ends are later ones.
    with service.uow() as uow:
        uow.session.execute(delete(AppLogout))
        uow.session.execute(delete(OutboxRow).where(OutboxRow.purpose == logout_events.LOGOUT_PURPOSE))
    sign_in_to_apps(service, person, *[app for app in registration.list_apps(service.uow()) if app.name != "Shop"])
    said = {"token": service.link_token(person.email, "not-me")}
    assert service.person().post("/api/l/not-me", said).status_code == 200


def disable(service: Service, person: Person) -> None:
    accounts.disable_account(service.uow(), accounts.find_account(service.uow(), person.email).id)


def lose_a_group(service: Service, person: Person) -> None:
    account = accounts.find_account(service.uow(), person.email)
    accounts.set_groups(service.uow(), account.id, ["readers"])
    accounts.set_groups(service.uow(), account.id, [])


def close_account(service: Service, person: Person) -> None:
    assert person.post("/api/account/close").status_code == 202
    said = {"token": service.link_token(person.email, "close-account")}
    assert person.post("/api/l/close-account", said).status_code == 200


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


def rows(service: Service) -> list[AppLogout]:
    with service.uow() as uow:
        return list(uow.session.scalars(select(AppLogout).order_by(AppLogout.app_name, AppLogout.id)))


def claims_of(service: Service, token: str) -> dict[str, Any]:
    said = service.site.get(SigningKeys).verify(token)
    assert said is not None, "signed by one of the published keys"
    return dict(said)


@on_both_databases
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_whatever_ends_all_sessions_tells_every_app_once(
    service: Service, party: RelyingParty, way: Callable[[Service, Person], None]
) -> None:
    service.admin()
    member, other = service.member(), service.member()
    told = [register_app(service, name, backchannel_logout_uri=party.address).app for name in ("Notes", "Wiki")]
    strange = register_app(service, "Shop", backchannel_logout_uri=party.address).app
    account_id = member.get("/api/account").get_json()["id"]
    sign_in_to_apps(service, member, *told, *told)
    sign_in_to_apps(service, other, strange)
    way(service, member)
    assert [(row.app_name, row.sid) for row in rows(service)] == [("Notes", None), ("Wiki", None)]
    service.deliver()
    said = [claims_of(service, token) for token in party.tokens]
    assert sorted(each["aud"] for each in said) == sorted(app.id for app in told)
    assert {each["sub"] for each in said} == {account_id}
    assert {row.state for row in rows(service)} == {"confirmed"}


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
    said = [claims_of(service, token) for token in party.tokens]
    assert {each["aud"] for each in said} == {wiki.id}
    assert {each["sub"] for each in said} == {person.get("/api/account").get_json()["id"] for person in people[1:]}
    assert {row.state for row in rows(service)} == {"confirmed"}
    with service.uow() as uow:
        kept = uow.session.scalars(select(Grant).where(Grant.app_id == wiki.id))
        assert all(grant.revoked_at is not None for grant in kept), "enabling it brings nothing back"
    assert all(person.signed_in for person in people[1:]), "here they are signed in as ever"


def test_an_app_that_has_lost_its_address_cannot_be_told(service: Service, party: RelyingParty) -> None:
    member, app = service.member(), register_app(service, backchannel_logout_uri=party.address).app
    sign_in_to_apps(service, member, app)
    member.post("/api/sign-out")
    registration.change_app(service.uow(), app.id, registration_form.ChangeAppForm(backchannel_logout_uri=None))
    service.deliver()
    assert [row.state for row in rows(service)] == ["silent"], "nobody waits for it"


def test_a_sign_in_right_after_a_goodbye_by_a_clock_that_is_behind_is_told_of_its_end(
    service: Service, party: RelyingParty
) -> None:
    member, app = service.member(), register_app(service, backchannel_logout_uri=party.address).app
    sign_in_to_apps(service, member, app)
    with time_machine.travel(time.time() + 30):
        member.post("/api/sign-out", {"everywhere": True})
    member.sign_in()
    sign_in_to_apps(service, member, app)
    member.post("/api/sign-out")
    assert len(rows(service)) == 2


def test_a_logout_token_is_what_the_specification_asks_for(service: Service, party: RelyingParty) -> None:
    import base64
    import json

    member, app = service.member(), register_app(service, backchannel_logout_uri=party.address).app
    account_id = member.get("/api/account").get_json()["id"]
    sign_in_to_apps(service, member, app)
    sid = session_id_of(member)
    member.post("/api/sign-out")
    service.deliver()
    ((method, path, form),) = party.heard
    assert (method, path, set(form)) == ("POST", "/goodbye?house=one", {"logout_token"})
    head = party.tokens[0].partition(".")[0]
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    assert (header["typ"], header["alg"]) == ("logout+jwt", "RS256")
    claims = claims_of(service, party.tokens[0])
    moment = now().timestamp()
    assert (claims["iss"], claims["aud"]) == (service.site.settings.public_origin, app.id)
    assert (claims["sub"], claims["sid"], claims["events"]) == (account_id, sid, EVENT)
    assert moment - 60 < claims["iat"] <= moment
    assert 0 < claims["exp"] - claims["iat"] <= 120
    assert claims["jti"]
    assert set(claims) == {"iss", "aud", "iat", "exp", "jti", "events", "sub", "sid"}


def test_nothing_that_is_stored_holds_the_token_and_it_is_signed_when_it_is_carried(
    service: Service, party: RelyingParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    member, app = service.member(), register_app(service, backchannel_logout_uri=party.address).app
    sign_in_to_apps(service, member, app)
    member.post("/api/sign-out")
    with service.uow() as uow:
        (due,) = uow.session.scalars(select(OutboxRow).where(OutboxRow.purpose == logout_events.LOGOUT_PURPOSE))
        assert (due.facts, due.subject) == ({"asked": {}}, rows(service)[0].id)
    party.manner = "500"
    service.deliver()
    hasten(service)
    party.manner = "200"
    service.deliver()
    first, second = (claims_of(service, token)["jti"] for token in party.tokens)
    assert first != second, "an app that refuses a jti it has seen must be able to confirm a second try"


def hasten(service: Service) -> None:
    with service.uow() as uow:
        uow.session.execute(update(OutboxRow).values(not_before=now()))


@on_both_databases
def test_an_app_that_does_not_answer_is_tried_again_and_given_up_in_the_end(
    service: Service, party: RelyingParty
) -> None:
    from accounts.core.outbox import MAX_ATTEMPTS

    member = service.member()
    sign_in_to_apps(service, member, register_app(service, backchannel_logout_uri=party.address).app)
    party.manner = "503"
    member.post("/api/sign-out")
    service.deliver()
    (row,) = rows(service)
    assert (row.state, row.answer) == ("waiting", "answered 503")
    for _ in range(MAX_ATTEMPTS - 1):
        hasten(service)
        service.deliver()
    (row,) = rows(service)
    assert (row.state, len(party.heard)) == ("given-up", MAX_ATTEMPTS)
    with service.uow() as uow:
        kinds = list(uow.session.scalars(select(AuditRow.kind).where(AuditRow.kind.like("app.logout-%"))))
        (dead,) = uow.session.scalars(select(OutboxRow).where(OutboxRow.dead_at.is_not(None)))
    assert kinds.count("app.logout-delayed") == MAX_ATTEMPTS - 1
    assert kinds.count("app.logout-given-up") == 1
    assert dead.last_error == "answered 503"


def test_an_app_without_an_address_is_named_as_one_that_cannot_be_told(service: Service) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service).app)
    member.post("/api/sign-out")
    (row,) = rows(service)
    assert row.state == "silent"
    assert service.deliver() == 0


def test_an_app_that_is_gone_by_then_is_not_called(service: Service, party: RelyingParty) -> None:
    member, app = service.member(), register_app(service, backchannel_logout_uri=party.address).app
    sign_in_to_apps(service, member, app)
    member.post("/api/sign-out")
    registration.remove_app(service.uow(), app.id)
    service.deliver()
    assert party.heard == []


def test_signing_out_everywhere_and_then_here_tells_an_app_once(service: Service, party: RelyingParty) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service, backchannel_logout_uri=party.address).app)
    member.post("/api/sign-out", {"everywhere": True})
    member.sign_in()
    member.post("/api/sign-out", {"everywhere": True})
    assert len(rows(service)) == 1


@on_both_databases
def test_fifty_sign_outs_of_one_session_tell_an_app_once(service: Service, party: RelyingParty) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service, backchannel_logout_uri=party.address).app)
    stated = sessions.read_session_cookie(service.site, member.client.get_cookie("session").value)  # type: ignore[union-attr] # signed in
    assert stated is not None
    run_concurrently(50, lambda number: sessions.sign_out(service.uow(), stated))
    assert len(rows(service)) == 1


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
    assert rows(service) == []
    assert not service.site.callbacks_due.is_set()


def test_a_slow_app_does_not_hold_up_the_mail(service: Service, party: RelyingParty) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service, backchannel_logout_uri=party.address).app)
    mail, calls = service.state.make_workers()
    member.post("/api/sign-out")
    member.post("/api/forgot-password", {"email": member.email})
    assert mail.deliver_all() == 1
    assert party.heard == []
    assert isinstance(calls, Worker)
    assert calls.deliver_all() == 1
    assert len(party.heard) == 1


@on_both_databases
def test_an_app_that_does_not_answer_holds_up_no_other(service: Service, party: RelyingParty) -> None:
    """Each try may take a quarter of a minute, and there may be hundreds of people to tell it about."""
    people = [service.member() for _ in range(4)]
    with relying_party() as hung:
        hung.manner = "503"
        slow = register_app(service, "Hung", backchannel_logout_uri=hung.address).app
        good = register_app(service, "Good", backchannel_logout_uri=party.address).app
        for person in people:
            sign_in_to_apps(service, person, slow)
        sign_in_to_apps(service, people[-1], good)
        for person in people:
            person.post("/api/sign-out")
        service.deliver()
        assert (len(hung.heard), len(party.heard)) == (1, 1)
        hung.manner = "200"
        hasten(service)
        service.deliver()
        assert len(hung.heard) == 1 + len(people)
    assert {row.state for row in rows(service)} == {"confirmed"}


def test_what_became_of_it_is_forgotten_after_a_month(service: Service) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service).app)
    member.post("/api/sign-out")
    assert logout_events.delete_old_logouts(service.site.store.engine) == 0
    with service.uow() as uow:
        uow.session.execute(update(AppLogout).values(at=now() - logout_events.LOGOUT_RETENTION))
    assert logout_events.delete_old_logouts(service.site.store.engine) == 1


@pytest.mark.parametrize("token", ["", "x.y.z", "A" * 40])
def test_nobody_learns_anything_without_a_statement(service: Service, token: str) -> None:
    with pytest.raises(NotFound):
        backchannel.list_logouts_by_token(service.uow(), token)
