"""One's own account: what its first page says, devices with names, activity in words, time zone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import time_machine
from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.models.account import Account
from accounts.core.models.session_names import SessionName
from accounts.flows.audit.labels import EVENT_LABELS
from accounts.flows.audit.own_activity import OWN_KINDS, OWN_LABELS
from accounts.flows.sessions import names
from tests.conftest import on_both_databases
from tests.people import OTHER_PASSWORD, Person, Service
from tests.web.parsed_page import ParsedPage, submit_form

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Version/17.0 Safari/604.1"


def sign_in_on_phone(service: Service, member: Person) -> Person:
    phone = service.person(email=member.email, password=member.password)
    answer = phone.post(
        "/api/sign-in", {"email": member.email, "password": member.password}, headers={"User-Agent": PHONE}
    )
    assert answer.status_code == 200
    return phone


def other_session(member: Person) -> str:
    listed = member.get("/api/account/sessions").get_json()["sessions"]
    (session_id,) = [each["id"] for each in listed if not each["current"]]
    return str(session_id)


def facts_of(page: str) -> list[str]:
    return [" ".join(part.split(">", 1)[1].split("</span>")[0].split()) for part in page.split('class="value"')[1:]]


@on_both_databases
def test_the_first_page_says_what_there_is_in_two_statements(service: Service) -> None:
    member = service.member()
    sign_in_on_phone(service, member)
    with service.record_statements() as statements:
        page = member.client.get("/account").text
    assert len(statements) == 2, "who is signed in, and all that the sections say"
    assert not [each for each in statements if each.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))]
    values = facts_of(page)
    assert values[:3] == [member.email, "Not changed yet", "2 devices"]
    assert "0 apps" in values
    assert '<span class="avatar large avatar-' in page
    assert "Verified" in page


def test_the_first_page_says_when_the_password_was_changed(service: Service) -> None:
    member = service.member()
    member.post("/api/account/password", {"current_password": member.password, "password": OTHER_PASSWORD})
    page = member.client.get("/account").text
    assert 'Last changed <time datetime="' in page
    assert 'data-format="relative"' in page


@on_both_databases
def test_others_are_signed_out_by_one_button_that_asks_and_says_how_many(service: Service) -> None:
    member = service.member()
    phone, tablet = sign_in_on_phone(service, member), sign_in_on_phone(service, member)
    path = "/account/sessions/end-others"
    shown = member.client.get(path)
    assert "2 other devices are signed out" in shown.text
    answer = submit_form(member.client, path, shown)
    assert (answer.status_code, answer.location) == (303, "/account/sessions")
    assert "2 other devices were signed out." in member.client.get(answer.location).text
    assert (member.signed_in, phone.signed_in, tablet.signed_in) == (True, False, False)
    assert member.post("/api/account/sessions/end-others").get_json() == {"count": 0}
    assert member.signed_in


def test_signing_out_a_device_asks_by_its_name_and_tells_it(service: Service) -> None:
    member = service.member()
    phone = sign_in_on_phone(service, member)
    path = f"/account/sessions/{other_session(member)}/end"
    shown = member.client.get(path)
    assert "Sign out Safari on iPhone?" in shown.text
    assert phone.signed_in, "a page that asks ends nothing"
    answer = submit_form(member.client, path, shown)
    assert "Safari on iPhone was signed out." in member.client.get(answer.location).text
    assert not phone.signed_in


@on_both_databases
def test_a_device_has_a_name_that_stays_with_it_and_goes_with_the_account(service: Service) -> None:
    member = service.member()
    phone = sign_in_on_phone(service, member)
    session_id = other_session(member)
    path = f"/account/sessions/{session_id}/name"
    answer = submit_form(member.client, path, member.client.get(path), name="Kitchen  phone")
    assert (answer.status_code, answer.location) == (303, "/account/sessions")
    shown = member.client.get(answer.location).text
    assert "Kitchen phone" in shown
    assert "Device name saved." in shown
    # A new password gives the device a session with another id.
    phone.post("/api/account/password", {"current_password": phone.password, "password": OTHER_PASSWORD})
    (own,) = phone.get("/api/account/sessions").get_json()["sessions"]
    assert (own["name"], own["id"] != session_id) == ("Kitchen phone", True)
    exported = phone.get("/api/account/export").get_json()
    assert [each["name"] for each in exported["sessions"]] == ["Kitchen phone"]
    assert phone.patch(f"/api/account/sessions/{own['id']}", {"name": ""}).status_code == 204
    with service.uow() as uow:
        assert uow.session.scalars(select(SessionName)).all() == []


def test_nobody_names_or_sees_the_device_of_another(service: Service) -> None:
    member, other = service.member(), service.member()
    (session,) = member.get("/api/account/sessions").get_json()["sessions"]
    assert other.patch(f"/api/account/sessions/{session['id']}", {"name": "Mine"}).status_code == 404
    assert other.client.get(f"/account/sessions/{session['id']}/name").status_code == 404


@on_both_databases
def test_activity_is_ones_own_in_words_newest_first(service: Service) -> None:
    member, admin = service.member(), service.admin()
    sign_in_on_phone(service, member)
    member.post("/api/account/password", {"current_password": member.password, "password": OTHER_PASSWORD})
    account_id = member.get("/api/account").get_json()["id"]
    assert admin.post(f"/api/admin/accounts/{account_id}/groups", {"groups": ["staff"]}).status_code == 200
    with service.record_statements() as statements:
        answer = member.get("/api/account/activity")
    assert len(statements) == 2
    events = answer.get_json()["events"]
    kinds = [each["kind"] for each in events]
    assert kinds == ["account.groups", "password.changed", "sign-in", "sign-in", "account.activated"]
    assert (events[0]["by"], events[0]["network"], events[0]["agent"]) == ("admin", "", "")
    page = member.client.get("/account/activity").text
    for text in ("By an administrator", "You changed your password", "You signed in", "Safari on iPhone"):
        assert text in page
    admin_id = admin.get("/api/account").get_json()["id"]
    assert admin.email not in answer.text + page
    assert admin_id not in answer.text + page


def test_activity_is_paged_and_filtered(service: Service) -> None:
    member = service.member()
    for name in ("Anna", "Ann", "Annie"):
        member.patch("/api/account", {"name": name})
    seen: list[str] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        page = member.get(f"/api/account/activity?limit=2&after={page['next']}").get_json()
        seen += [each["id"] for each in page["events"]]
    assert len(seen) == len(set(seen)) == 5
    groups = {each["group"] for each in member.get("/api/account/activity?group=profile").get_json()["events"]}
    assert groups == {"profile"}
    assert member.get("/api/account/activity?group=other").status_code == 422
    assert "No activity." in member.client.get("/account/activity?group=apps").text
    assert member.client.get("/account/activity?group=other").status_code == 422


def test_every_kind_of_activity_has_words() -> None:
    assert set(OWN_KINDS) <= set(EVENT_LABELS)
    assert set(OWN_LABELS) <= set(OWN_KINDS)
    assert len(OWN_KINDS) == len(set(OWN_KINDS))


@on_both_databases
def test_a_zone_is_learnt_once_and_never_over_a_choice(service: Service) -> None:
    member = service.member()
    assert member.get("/api/account").get_json()["zone"] == ""
    member.sign_in(zone="Mars/Olympus")
    assert member.get("/api/account").get_json()["zone"] == ""
    member.sign_in(zone="Asia/Tokyo")
    assert member.get("/api/account").get_json()["zone"] == "Asia/Tokyo"
    assert member.patch("/api/account", {"zone": "Europe/Berlin"}).get_json()["zone"] == "Europe/Berlin"
    member.sign_in(zone="Asia/Tokyo")
    assert member.get("/api/account").get_json()["zone"] == "Europe/Berlin"
    assert member.patch("/api/account", {"zone": "Berlin"}).status_code == 422
    assert exported_zone(member) == "Europe/Berlin"


def exported_zone(member: Person) -> str:
    return str(member.get("/api/account/export").get_json()["account"]["zone"])


def test_pages_without_scripts_are_in_the_zone_of_the_account(service: Service) -> None:
    member = service.member()
    member.patch("/api/account", {"zone": "Asia/Kolkata"})
    assert " IST</time>" in member.client.get("/account/sessions").text
    page = ParsedPage(member.client.get("/account"))
    assert page.find_all("option", value="Asia/Kolkata", selected="")
    assert service.person().client.get("/sign-in").text.count("data-zone") == 1


def test_a_letter_is_in_the_zone_of_its_account(service: Service) -> None:
    member = service.member()
    member.patch("/api/account", {"zone": "Asia/Kolkata"})
    member.post("/api/forgot-password", {"email": member.email})
    service.deliver()
    assert " UTC" not in str(service.mails_to(member.email)[-1].message.get_body(("plain",)))


def test_an_account_that_older_code_made_has_no_zone(service: Service) -> None:
    member = service.member()
    with service.uow() as uow:
        assert uow.session.scalars(select(Account.zone).where(Account.email == member.email)).one() == ""


@on_both_databases
def test_names_of_sessions_that_have_expired_are_swept(service: Service) -> None:
    member = service.member()
    (own,) = member.get("/api/account/sessions").get_json()["sessions"]
    member.patch(f"/api/account/sessions/{own['id']}", {"name": "Desk"})
    assert names.delete_old_names(service.site.store.engine) == 0
    with time_machine.travel(now() + timedelta(days=31)):
        assert names.delete_old_names(service.site.store.engine) == 1
