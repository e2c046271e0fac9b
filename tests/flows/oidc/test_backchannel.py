"""Logout tokens on their way: what they say, when they are signed, and what becomes of apps that do not answer."""

from __future__ import annotations

import base64
import json

import pytest
from sqlalchemy import select, update

from accounts.core import logout_events
from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.mail_lanes import CALLS, MAIL_LANES
from accounts.core.models.audit import AuditRow
from accounts.core.models.logout import AppLogout
from accounts.core.models.outbox import OutboxRow
from accounts.core.outbox import MAX_ATTEMPTS
from accounts.delivery.worker import Worker
from accounts.flows.oidc import backchannel, registration, registration_form
from tests.apps import register_app, session_id_of, sign_in_to_apps
from tests.conftest import on_both_databases
from tests.flows.oidc.logouts import claims_of, list_logouts, make_due
from tests.people import Service
from tests.servers.relying_party import RelyingParty, relying_party

EVENT: dict[str, dict[str, str]] = {"http://schemas.openid.net/event/backchannel-logout": {}}


def test_an_app_that_has_lost_its_address_cannot_be_told(service: Service, party: RelyingParty) -> None:
    member, app = service.member(), register_app(service, backchannel_logout_uri=party.address).app
    sign_in_to_apps(service, member, app)
    member.post("/api/sign-out")
    registration.change_app(service.uow(), app.id, registration_form.ChangeAppForm(backchannel_logout_uri=None))
    service.deliver()
    assert [row.state for row in list_logouts(service)] == ["silent"], "nobody waits for it"


def test_a_logout_token_is_what_the_specification_asks_for(service: Service, party: RelyingParty) -> None:
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
        assert (due.facts, due.subject) == ({"asked": {}}, list_logouts(service)[0].id)
    party.manner = "500"
    service.deliver()
    make_due(service)
    party.manner = "200"
    service.deliver()
    first, second = (claims_of(service, token)["jti"] for token in party.tokens)
    assert first != second, "an app that refuses a jti it has seen must be able to confirm a second try"


@on_both_databases
def test_an_app_that_does_not_answer_is_tried_again_and_given_up_in_the_end(
    service: Service, party: RelyingParty
) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service, backchannel_logout_uri=party.address).app)
    party.manner = "503"
    member.post("/api/sign-out")
    service.deliver()
    (row,) = list_logouts(service)
    assert (row.state, row.answer) == ("waiting", "answered 503")
    for _ in range(MAX_ATTEMPTS - 1):
        make_due(service)
        service.deliver()
    (row,) = list_logouts(service)
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
    (row,) = list_logouts(service)
    assert row.state == "silent"
    assert service.deliver() == 0


def test_an_app_that_is_gone_by_then_is_not_called(service: Service, party: RelyingParty) -> None:
    member, app = service.member(), register_app(service, backchannel_logout_uri=party.address).app
    sign_in_to_apps(service, member, app)
    member.post("/api/sign-out")
    registration.remove_app(service.uow(), app.id)
    service.deliver()
    assert party.heard == []


def test_a_slow_app_does_not_hold_up_the_mail(service: Service, party: RelyingParty) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service, backchannel_logout_uri=party.address).app)
    mail, calls = (service.state.make_worker(lanes=lanes) for lanes in (MAIL_LANES, (CALLS,)))
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
        make_due(service)
        service.deliver()
        assert len(hung.heard) == 1 + len(people)
    assert {row.state for row in list_logouts(service)} == {"confirmed"}


def test_what_became_of_it_is_forgotten_after_a_month(service: Service) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service).app)
    member.post("/api/sign-out")
    assert logout_events.delete_old_logouts(service.site.store.engine) == 0
    with service.uow() as uow:
        uow.session.execute(update(AppLogout).values(at=now() - logout_events.LOGOUT_RETENTION))
    assert logout_events.delete_old_logouts(service.site.store.engine) == 1


@pytest.mark.parametrize("token", ["", "x.y.z", "A" * 40])
def test_logouts_are_listed_for_a_valid_token_only(service: Service, token: str) -> None:
    with pytest.raises(NotFound):
        backchannel.list_logouts_by_token(service.uow(), token)
