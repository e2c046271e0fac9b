"""Requests for accounts at the web: the applicant's page, the admin's page, and the same for programs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from accounts.flows.account.approval import REQUEST_PURPOSE
from accounts.flows.account.approval_request import REVIEW_PURPOSE
from accounts.flows.shared import accounts
from tests.approvals import NAME, ask, request_url, review_url, send_request
from tests.people import PASSWORD, Person, Service, make_email, token_of_url
from tests.web.endpoints import problem_code
from tests.web.parsed_page import ParsedPage, check_skeleton, submit_form

REQUEST_PATH, REVIEW_PATH = f"/l/{REQUEST_PURPOSE}", f"/l/{REVIEW_PURPOSE}"


def open_page(service: Service, client: FlaskClient, url: str) -> TestResponse:
    """The page that a mailed link leads to."""
    return client.get(url.removeprefix(service.site.settings.public_origin), follow_redirects=True)


def ways(page: ParsedPage) -> set[str]:
    return {each["href"] for each in page.find_all("a")}


def second_admin(service: Service) -> Person:
    person = service.member("second")
    uow = service.uow()
    accounts.set_groups(uow, accounts.find_account(uow, person.email).id, ["admins"])
    assert person.sign_in().status_code == 200
    return person


def test_an_applicant_asks_without_a_password_and_reads_what_comes_next(service: Service) -> None:
    service.admin()
    client = service.app.test_client()
    shown = open_page(service, client, request_url(service))
    page = check_skeleton(shown)
    assert page.text("h1") == "Request an account"
    assert not page.find_all("input", type="password")
    assert page.input("name")["required"] is not None
    wrong = submit_form(client, REQUEST_PATH, shown, name="www.evil.example", message="Hello")
    assert wrong.status_code == 422
    page = check_skeleton(wrong)
    assert page.input("name")["aria-invalid"] == "true"
    assert "Put a space after a dot" in page.text("main")
    assert "Hello" in page.text("main"), "what was typed stays"
    done = submit_form(client, REQUEST_PATH, wrong, name=NAME, message="Hello")
    assert done.location == f"{REQUEST_PATH}/done"
    page = check_skeleton(client.get(done.location))
    assert "as soon as an admin has decided" in page.text("main")
    assert "/sign-in" not in {way for way in ways(page) if "next" in way}


def test_a_used_link_and_one_with_an_account_meanwhile_say_how_to_go_on(service: Service) -> None:
    service.admin()
    email, client = make_email("applicant"), service.app.test_client()
    url = request_url(service, email)
    submit_form(client, REQUEST_PATH, open_page(service, client, url), name=NAME)
    answer = open_page(service, service.app.test_client(), url)
    page = check_skeleton(answer)
    assert (answer.status_code, page.text("h1")) == (410, "This link is no longer valid")
    assert "wait for an email" in page.text("main")
    assert {"/sign-in", "/sign-up"} <= ways(page)


def test_an_admin_signs_in_and_confirms_and_comes_back_to_the_page(service: Service) -> None:
    admin = service.admin()
    email = send_request(service, message="I teach the third class.")
    url = service.link_url(admin.email, REVIEW_PURPOSE)
    stranger = service.app.test_client()
    page = check_skeleton(open_page(service, stranger, url))
    assert f"/sign-in?next={REVIEW_PATH}" in ways(page)
    assert all(each not in page.text("main") for each in (email, NAME, "third class")), "the link alone tells nothing"
    assert not page.find_all("form", action=REVIEW_PATH)
    elsewhere = service.person(email=admin.email)
    elsewhere.sign_in(remember=True)
    page = check_skeleton(open_page(service, elsewhere.client, url))
    assert f"/confirm?next={REVIEW_PATH}" in ways(page)
    assert not page.find_all("form", action=REVIEW_PATH)
    confirmed = elsewhere.client.get(f"/confirm?next={REVIEW_PATH}")
    answer = submit_form(elsewhere.client, "/confirm", confirmed, password=PASSWORD, next=REVIEW_PATH)
    assert answer.location == REVIEW_PATH
    page = check_skeleton(elsewhere.client.get(REVIEW_PATH))
    text = page.text("main")
    assert all(each in text for each in (email, NAME, "I teach the third class.", "10.", "Approve", "Decline"))
    assert "Requested app" not in text, "they came for none"
    assert [each["value"] for each in page.find_all("button", name="decision")] == ["approve", "decline"]


def test_an_admin_approves_on_the_page_and_ticks_for_admins(service: Service) -> None:
    admin = service.admin()
    email = send_request(service)
    shown = open_page(service, admin.client, service.link_url(admin.email, REVIEW_PURPOSE))
    refused = submit_form(admin.client, REVIEW_PATH, shown, decision="approve", groups="editors, admins")
    page = check_skeleton(refused)
    assert refused.status_code == 422
    assert page.input("groups")["value"] == "editors, admins"
    assert "Tick this box" in page.text("main")
    done = submit_form(admin.client, REVIEW_PATH, refused, decision="approve", groups="editors")
    assert done.location == f"{REVIEW_PATH}/done"
    said = check_skeleton(admin.client.get(done.location)).text("main")
    assert f"You approved the request of {email}. They'll get an invitation by email." in said
    assert service.link_url(email, "invite")


def test_an_admin_declines_on_the_page_and_the_other_is_told_on_theirs(service: Service) -> None:
    admin, second = service.admin(), second_admin(service)
    send_request(service)
    shown = open_page(service, admin.client, service.link_url(admin.email, REVIEW_PURPOSE))
    late = open_page(service, second.client, service.link_url(second.email, REVIEW_PURPOSE))
    declining = check_skeleton(shown)
    assert declining.find_all("details"), "asked before it is done"
    done = submit_form(admin.client, REVIEW_PATH, shown, decision="decline", reason="Not now.")
    said = check_skeleton(admin.client.get(done.location)).text("main")
    assert "You declined the request of" in said
    answer = submit_form(second.client, REVIEW_PATH, late, decision="approve")
    page = check_skeleton(answer)
    assert (answer.status_code, page.text("h1")) == (410, "This request has been decided")
    assert re.search(r"Admin declined the request on .+ UTC\.", page.text("main"))
    german = ParsedPage(second.client.get(f"/de{REVIEW_PATH}"))
    assert re.search(r"Admin hat die Anfrage am .+ UTC abgelehnt\.", german.text("main"))


def test_an_expired_review_leads_to_inviting(service: Service, stopped_clock: Any) -> None:
    admin = service.admin()
    url = review_url(service, admin)
    stopped_clock.shift(15 * 86400)
    page = check_skeleton(open_page(service, service.app.test_client(), url))
    assert "/admin/invites" in ways(page)
    assert "can send a new request" in page.text("main")


def test_programs_decide_with_a_session_a_fresh_proof_and_the_right(service: Service) -> None:
    admin, second = service.admin(), second_admin(service)
    email = send_request(service, message="Hello")
    token = service.link_token(admin.email, REVIEW_PURPOSE)
    path, data = f"/api{REVIEW_PATH}", {"token": token, "decision": "approve", "groups": ["editors"]}
    assert problem_code(service.person().post(path, data)) == "not_signed_in"
    remembered = service.person(email=admin.email)
    remembered.sign_in(remember=True)
    assert problem_code(remembered.post(path, data)) == "confirmation_required"
    assert problem_code(second.post(path, data)) == "wrong_account", "each admin has a link of their own"
    assert problem_code(service.member().post(path, data)) == "wrong_account"
    for nobody in (service.person(), second):
        said = nobody.get(f"{path}?token={token}").get_json()
        assert set(said) == {"purpose", "email", "expires_at", "asks"}
    said = admin.get(f"{path}?token={token}").get_json()
    assert (said["applicant"], said["name"], said["message"]) == (email, NAME, "Hello")
    assert said["asks"] == ["admin", "decision", "groups", "reason"]
    assert said["asked_at"].endswith("Z")
    assert problem_code(admin.post(path, {**data, "decision": "perhaps"})) == "invalid_input"
    assert problem_code(admin.post(path, {**data, "reason": "see evil.example"})) == "invalid_input"
    answer = admin.post(path, data)
    assert (answer.status_code, answer.get_json()) == (200, {"purpose": REVIEW_PURPOSE, "account": ""})
    late = second.post(path, {**data, "token": service.link_token(second.email, REVIEW_PURPOSE)})
    assert late.status_code == 410
    assert late.get_json()["detail"].startswith("Admin approved the request on ")


@pytest.mark.parametrize("other", ["activate", "invite", REQUEST_PURPOSE])
def test_a_link_of_another_purpose_decides_nothing(service: Service, other: str) -> None:
    admin = service.admin()
    token = token_of_url(review_url(service, admin))
    answer = admin.post(f"/api/l/{other}", {"token": token})
    assert problem_code(answer) == "link_invalid"
    token = token_of_url(request_url(service))
    assert problem_code(admin.post(f"/api{REVIEW_PATH}", {"token": token, "decision": "approve"})) == "link_invalid"


def test_a_demoted_admin_sees_nothing_of_the_request(service: Service) -> None:
    service.admin()
    second = second_admin(service)
    email = send_request(service)
    url = service.link_url(second.email, REVIEW_PURPOSE)
    uow = service.uow()
    accounts.set_groups(uow, accounts.find_account(uow, second.email).id, [])
    assert second.sign_in().status_code == 200
    answer = open_page(service, second.client, url)
    assert answer.status_code == 403
    assert email not in answer.text
    data = {"token": token_of_url(url), "decision": "approve"}
    assert problem_code(second.post(f"/api{REVIEW_PATH}", data)) == "forbidden"


def test_the_page_names_the_app_that_the_applicant_came_for(service: Service) -> None:
    admin = service.admin()
    data = {"name": "Wiki & Co", "redirect_uris": ["https://wiki.example.org/cb"]}
    app = admin.post("/api/admin/apps", data).get_json()
    target = "/oauth/authorize?" + urlencode({"client_id": app["id"], "scope": "openid"})
    email = make_email("applicant")
    ask(service, email, next=target)
    token = service.link_token(email, REQUEST_PURPOSE)
    assert service.person().post(f"/api{REQUEST_PATH}", {"token": token, "name": NAME}).status_code == 200
    page = check_skeleton(open_page(service, admin.client, service.link_url(admin.email, REVIEW_PURPOSE)))
    assert "Wiki & Co" in page.text("main")
    shown = admin.client.get(REVIEW_PATH)
    submit_form(admin.client, REVIEW_PATH, shown, decision="approve")
    invite = service.link_token(email, "invite")
    joined = service.person(email=email).post("/api/l/invite", {"token": invite, "password": PASSWORD})
    assert joined.get_json()["next"] == target
