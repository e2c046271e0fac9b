"""Signing in with another service's word: connected by whoever is signed in, used, taken away. Against a real one."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from accounts.core.errors import LastWayIn
from accounts.core.models.account import ADMIN_GROUP, Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.counters import KeyUse
from accounts.core.models.upstream import Identity
from accounts.flows.invites import send as send_invites
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts
from accounts.flows.upstream import identities
from tests.kit.browser import Browser
from tests.people import OTHER_PASSWORD, PASSWORD, Person, Service, make_email, token_of_url
from tests.upstream.conftest import World, connected
from tests.web.answer_checks import AnswerChecker


def kinds(service: Service, person: Person) -> list[str]:
    uow = service.uow()
    account = accounts.find_account(uow, person.email)
    rows = uow.fetch_all(select(AuditRow.kind).where(AuditRow.account_id == account.id).order_by(AuditRow.at))
    uow.close()
    return [row[0] for row in rows]


def invitations_opened(service: Service) -> int:
    """How many invitations were used, as keys are counted."""
    with service.uow() as uow:
        return uow.session.scalar(select(func.sum(KeyUse.opened)).where(KeyUse.purpose == "invite")) or 0


def test_somebody_connects_a_sign_in_uses_it_and_takes_it_away(world: World) -> None:
    ana, employee = world.here.member("ana"), world.there.member("employee")
    browser = connected(world, ana, employee)
    assert browser.url == f"{world.origin}/account/identities"
    assert "was connected. You can now sign in this way too." in browser.page.text
    assert employee.email in browser.page.text, "the owner recognises it"
    assert browser.account()["email"] == ana.email, "the address here stays what it was"
    assert not ana.signed_in, "other devices were signed out"
    letter = world.here.mails_to(ana.email)[-1].message
    assert letter["Subject"] == "A sign-in service was connected to your account"
    assert world.here.link_url(ana.email, "not-me")

    other = world.browser().open("/sign-in?next=/account/sessions")
    other.press("/upstream/office/sign-in")
    other.sign_in_as(employee.email)
    assert other.url == f"{world.origin}/account/sessions", "comes back to where it wanted to go"
    assert (other.account()["id"], other.account()["amr"]) == (browser.account()["id"], ["ext"])
    other.open("/account/identities")
    assert not [form for form in other.page.forms if "disconnect" in form.action], "no fresh proof"
    assert other.open("/account/email").url == f"{world.origin}/confirm?next=/account/email"

    (ask,) = [link for link in browser.open("/account/identities").page.links if link.endswith("/disconnect")]
    browser.open(ask).press("/disconnect")
    assert "was disconnected." in browser.page.text
    assert not other.account(), "what it began is over"
    assert (
        world.here.mails_to(ana.email)[-1].message["Subject"]
        == "A sign-in service was disconnected from your account"
    )
    other.open("/sign-in").press("/upstream/office/sign-in")
    assert other.response.status_code == 403
    assert "isn't connected to an account here" in other.page.text
    assert "/sign-up" in other.page.links
    expected = ["sign-in", "identity.connected", "sign-in", "sign-in", "identity.disconnected", "sign-in"]
    assert [kind for kind in kinds(world.here, ana) if kind in expected][-6:] == expected


def make_admin(world: World) -> Person:
    """Return one more admin, signed in: the tests of this file share a service, which has its first admin once."""
    admin, uow = world.here.member("admin"), world.here.uow()
    accounts.set_groups(uow, accounts.find_account(uow, admin.email).id, [ADMIN_GROUP])
    return admin


def test_an_admin_sees_a_connected_sign_in_and_takes_it_away(world: World) -> None:
    ana, employee, admin = world.here.member("ana"), world.there.member("employee"), make_admin(world)
    browser = connected(world, ana, employee)
    account_id = browser.account()["id"]
    path = f"/api/admin/accounts/{account_id}"
    (found,) = admin.get(path).get_json()["identities"]
    assert (found["label"], found["shown"]) == ("Work", employee.email)
    page = Browser(admin.client)
    assert employee.email in page.visit(f"/admin/accounts/{account_id}").text
    assert admin.delete(f"{path}/identities/nobody").status_code == 404
    bob_id = world.here.member("bob").get("/api/account").get_json()["id"]
    assert admin.delete(f"/api/admin/accounts/{bob_id}/identities/{found['id']}").status_code == 404
    page.click("/disconnect")
    assert "It is signed out of" in page.page.text
    told = page.submit(page.form(action="/disconnect")).text
    assert f"Work was disconnected from {ana.email}. The user will be notified." in told
    assert admin.get(path).get_json()["identities"] == []
    assert not browser.account(), "all its sessions are over"
    letter = world.here.mails_to(ana.email)[-1]
    assert letter.message["Subject"] == "A sign-in service was disconnected from your account"
    assert admin.network.encode() not in letter.raw, "an admin's network is nobody's business"
    line = next(line for line in admin.get(path).get_json()["history"] if line["kind"] == "identity.disconnected")
    assert line["actor"] == admin.get("/api/account").get_json()["id"]


def test_connecting_needs_a_fresh_proof(world: World) -> None:
    ana = world.here.member("ana")
    assert ana.sign_in(remember=True).status_code == 200
    refused = ana.post("/api/upstream/office/connect")
    assert (refused.status_code, refused.get_json()["code"]) == (403, "confirmation_required")
    assert ana.post("/api/confirm", {"password": PASSWORD}).status_code == 200
    assert ana.post("/api/upstream/office/connect").get_json() == {"next": "/upstream/office/onward"}


def test_the_session_that_asked_is_the_one_that_is_connected(world: World) -> None:
    """Signed in as somebody else meanwhile: nothing is connected to them."""
    ana, bob, employee = world.here.member("ana"), world.here.member("bob"), world.there.member("employee")
    browser = world.browser()
    browser.open("/sign-in").sign_in_as(ana.email)
    browser.open("/account/identities").press("/upstream/office/connect")
    form, there = browser.form("password"), browser.url
    browser.open("/account").submit(browser.form(action="/sign-out"))
    browser.open("/sign-in").sign_in_as(bob.email)
    browser.open(there, form.values | {"email": employee.email, "password": PASSWORD})
    assert browser.response.status_code == 403
    assert bob.get("/api/account/identities").get_json()["identities"] == []


def test_a_sign_in_is_of_one_account(world: World) -> None:
    ana, bob, employee = world.here.member("ana"), world.here.member("bob"), world.there.member("employee")
    connected(world, ana, employee)
    browser = connected(world, bob, employee)
    assert browser.response.status_code == 409
    assert "connected to another account" in browser.page.text
    bob.sign_in()
    assert bob.get("/api/account/identities").get_json()["identities"] == []


def test_a_disabled_account_is_refused_and_everywhere_ends_it(world: World) -> None:
    admin_made, employee = world.here.member("ana"), world.there.member("employee")
    connected(world, admin_made, employee)
    browser = world.browser().open("/sign-in").press("/upstream/office/sign-in")
    browser.sign_in_as(employee.email)
    uow = world.here.uow()
    with uow:
        account = uow.session.get_one(Account, browser.account()["id"])
        account.status, account.auth_epoch = "disabled", account.auth_epoch + 1
    assert not browser.account()
    browser.open("/sign-in").press("/upstream/office/sign-in")
    assert browser.response.status_code == 403
    assert not browser.account()


def test_an_invitation_is_accepted_with_another_service_and_leaves_a_way_in(world: World) -> None:
    employee, email = world.there.member("employee"), make_email("invited")
    form = send_invites.InviteForm.model_validate({"email": email, "groups": ["editors"]})
    send_invites.send_invite(world.here.uow(), form)
    url, opened_before = world.here.link_url(email, "invite"), invitations_opened(world.here)
    browser = world.browser().open(url).press("/upstream/office/join")
    browser.sign_in_as(employee.email)
    assert browser.url == f"{world.origin}/account"
    assert invitations_opened(world.here) == opened_before + 1
    found = browser.account()
    assert (found["email"], found["groups"], found["amr"]) == (email, ["editors"], ["ext"])
    again = world.browser().open(url)
    assert "has done its work" in again.page.text or "This link is no longer valid" in again.page.text

    # No password, no other sign-in: what is left must not be taken away. A reset by mail sets a password.
    person = world.here.person(email=email)
    assert person.sign_in().status_code == 401
    assert person.post("/api/forgot-password", {"email": email}).status_code == 202
    with world.here.uow() as uow:
        (identity,) = uow.session.scalars(select(Identity).where(Identity.account_id == found["id"]))

    uow = world.here.uow()
    session = sessions.create_session(found["id"], 1, amr=("ext",))
    who = sessions.find_current_account(uow, session)
    assert who is not None
    with pytest.raises(LastWayIn):
        identities.disconnect_identity(uow, who, identity.id)
    uow.close()
    token = token_of_url(world.here.link_url(email, "reset-password"))
    said_anew = {"token": token, "password": OTHER_PASSWORD}
    assert person.post("/api/l/reset-password", said_anew).status_code == 200
    assert world.here.person(email=email, password=OTHER_PASSWORD).sign_in().status_code == 200


def test_an_invitation_of_somebody_else_is_not_accepted_by_who_is_signed_in(world: World) -> None:
    ana, email = world.here.member("ana"), make_email("invited")
    filled_form = send_invites.InviteForm.model_validate({"email": email, "groups": []})
    send_invites.send_invite(world.here.uow(), filled_form)
    browser = world.browser().open("/sign-in").sign_in_as(ana.email)
    browser.open(world.here.link_url(email, "invite"))
    csrf_token = next(form.values["csrf_token"] for form in browser.page.forms if "csrf_token" in form.values)
    browser.open("/upstream/office/join", {"csrf_token": csrf_token})
    assert browser.response.status_code == 409
    assert browser.account()["email"] == ana.email


def test_closing_the_account_frees_the_sign_in(world: World) -> None:
    ana, employee = world.here.member("ana"), world.there.member("employee")
    browser = connected(world, ana, employee)
    with world.here.uow() as uow:
        uow.session.delete(uow.session.get_one(Account, browser.account()["id"]))
    again = connected(world, world.here.member("bob"), employee)
    assert again.url.endswith("/account/identities")


def test_answers_about_other_services_are_as_described(world: World) -> None:
    checker, ana, admin = AnswerChecker(world.here), world.here.member("ana"), make_admin(world)
    ana_id = ana.get("/api/account").get_json()["id"]
    checker.check("POST", world.here.person().post("/api/upstream/office/sign-in"))
    checker.check("POST", ana.post("/api/upstream/office/connect"))
    for who, path in ((ana, "/api/account/identities"), (admin, f"/api/admin/accounts/{ana_id}/identities")):
        connected(world, ana, world.there.member("employee"))
        ana.sign_in()
        listed = ana.get("/api/account/identities")
        checker.check("GET", listed)
        checker.check("GET", admin.get(f"/api/admin/accounts/{ana_id}"))
        (identity,) = listed.get_json()["identities"]
        checker.check("DELETE", who.delete(f"{path}/{identity['id']}"))
    assert checker.succeeded == {
        "sign_in_with",
        "connect_with",
        "list_identities",
        "show_account",
        "disconnect_identity",
        "disconnect_account_identity",
    }
