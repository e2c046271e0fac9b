"""Connected apps, and the page that says what became of signing out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from accounts.core.clock import now
from accounts.core.models.apps import Consent, Grant
from accounts.core.models.audit import AuditRow
from accounts.core.models.outbox import OutboxRow
from accounts.core.signing import token_kind
from accounts.flows.oidc import backchannel
from tests.apps import register_app, sign_in_to_apps
from tests.conftest import on_both_databases
from tests.kit.browser import Browser
from tests.people import Person, Service
from tests.servers.relying_party import RelyingParty, relying_party


@pytest.fixture
def party() -> Iterator[RelyingParty]:
    with relying_party() as running:
        yield running


def agree(service: Service, person: Person, app_id: str) -> None:
    with service.uow() as uow:
        account_id = person.get("/api/account").get_json()["id"]
        uow.session.add(Consent(account_id=account_id, app_id=app_id, scope="openid profile email"))


@on_both_databases
def test_a_person_sees_their_apps_and_is_rid_of_one(service: Service, party: RelyingParty) -> None:
    member, other = service.member(), service.member()
    wiki = register_app(service, backchannel_logout_uri=party.address).app
    notes = register_app(service, "Notes", initiate_login_uri="https://notes.example.org/start").app
    for person in (member, other):
        agree(service, person, wiki.id)
        sign_in_to_apps(service, person, wiki, notes)
    listed = member.get("/api/account/apps").get_json()["apps"]
    assert [(each["name"], each["scopes"]) for each in listed] == [
        ("Notes", ["profile"]),
        ("Wiki", ["profile", "email"]),
    ]
    assert member.delete(f"/api/account/apps/{wiki.id}").status_code == 204
    assert [each["name"] for each in member.get("/api/account/apps").get_json()["apps"]] == ["Notes"]
    assert len(other.get("/api/account/apps").get_json()["apps"]) == 2, "others' are others' business"
    with service.uow() as uow:
        assert len(list(uow.session.scalars(select(Grant).where(Grant.revoked_at.is_not(None))))) == 1
        mine, theirs = (person.get("/api/account").get_json()["id"] for person in (member, other))
        left = {(row.account_id, row.app_id) for row in uow.session.scalars(select(Consent))}
        assert left == {(mine, notes.id), (theirs, wiki.id), (theirs, notes.id)}
        assert list(uow.session.scalars(select(AuditRow.kind).where(AuditRow.kind == "app.disconnected")))
    service.deliver()
    assert len(party.tokens) == 1, "the app is told"
    assert member.delete(f"/api/account/apps/{wiki.id}").status_code == 404
    assert member.signed_in


def test_the_page_does_the_same(service: Service) -> None:
    member = service.member()
    app = register_app(service).app
    sign_in_to_apps(service, member, app)
    browser = Browser(member.client)
    page = browser.visit("/account/apps")
    assert "Wiki" in page.text
    assert "your name and language" in page.text
    assert not [form for form in page.forms if form.action.endswith("/disconnect")], "no app is lost at one click"
    page = browser.visit(f"/account/apps/{app.id}/disconnect")
    assert "Disconnect Wiki?" in page.text
    (form,) = [form for form in page.forms if form.action.endswith("/disconnect")]
    page = browser.submit(form)
    assert "Wiki was disconnected." in page.text
    assert "No connected apps." in page.text


def test_after_signing_out_a_person_sees_which_apps_have_confirmed(service: Service, party: RelyingParty) -> None:
    member = service.member()
    confirms, fails = (
        register_app(service, name, backchannel_logout_uri=party.address).app for name in ("Notes", "Wiki")
    )
    sign_in_to_apps(service, member, confirms, fails, register_app(service, "Shop").app)
    browser = Browser(member.client)
    page = browser.visit("/account")
    (form,) = [form for form in page.forms if form.action == "/sign-out"]
    page = browser.submit(form)
    assert browser.url.startswith("/signed-out?about=")
    assert "Signed out of 0 of 3 apps." in page.text
    assert service.state.make_worker().deliver_one()
    party.manner = "500"
    service.deliver()
    stranger = service.person()
    said = stranger.get(f"/api{browser.url}").get_json()
    assert (said["apps"], said["confirmed"], said["waiting"]) == (3, 1, 1)
    page = Browser(stranger.client).visit(browser.url)
    assert "Signed out of 1 of 3 apps." in page.text
    assert "hasn't confirmed yet" in page.text
    assert "Shop : can't be notified" in page.text.replace("Shop:", "Shop :")
    assert "500" not in page.text, "what apps answer is for admins"
    party.manner = "200"
    with service.uow() as uow:
        uow.session.execute(update(OutboxRow).values(not_before=now()))
    service.deliver()
    assert stranger.get(f"/api{browser.url}").get_json()["confirmed"] == 2


def test_the_admin_sees_the_answers(service: Service, party: RelyingParty) -> None:
    admin, member = service.admin(), service.member()
    app = register_app(service, backchannel_logout_uri=party.address).app
    sign_in_to_apps(service, member, app)
    member.post("/api/sign-out")
    party.manner = "503"
    service.deliver()
    (goodbye,) = admin.get(f"/api/admin/apps/{app.id}").get_json()["logouts"]
    assert (goodbye["state"], goodbye["answer"]) == ("waiting", "answered 503")
    assert "answered 503" in admin.get(f"/admin/apps/{app.id}").get_data(as_text=True)


def test_a_json_sign_out_answers_with_the_address_of_the_status_page(service: Service) -> None:
    member = service.member()
    sign_in_to_apps(service, member, register_app(service).app)
    answer = member.post("/api/sign-out")
    assert answer.status_code == 204
    address = answer.headers["Link"].partition(">")[0].removeprefix("<")
    said = service.person().get(address).get_json()
    assert said["logouts"] == [{"name": "Wiki", "state": "silent"}]


def test_whoever_used_no_app_signs_out_as_ever(service: Service) -> None:
    member = service.member()
    answer = member.post("/api/sign-out")
    assert (answer.status_code, "Link" in answer.headers) == (204, False)


def test_a_statement_is_good_for_a_day_and_for_this_alone(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    about = service.site.signer.sign(backchannel.LOGOUT_STATUS, backchannel.LogoutStatus("nobodys"))
    assert service.person().get(f"/api/signed-out?about={about}").get_json()["apps"] == 0
    assert service.person().get(f"/api/signed-out?about={about}x").status_code == 404
    later = now() + backchannel.STATUS_TTL + timedelta(seconds=1)
    monkeypatch.setattr(token_kind, "now", lambda: later)
    assert service.person().get(f"/api/signed-out?about={about}").status_code == 404
