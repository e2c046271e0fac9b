"""The pages of links: what they will do, to whom, and where a dead one leads."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from accounts.core.link_errors import DeadLink, LinkExpired, LinkRevoked, LinkUsed
from accounts.web.kit import context
from accounts.web.kit.forms import LINK_FIELD
from accounts.web.kit.reply import Reply
from tests.people import Service, make_email
from tests.web.parsed_page import ParsedPage, check_skeleton, submit_form


def opened(service: Service, client: FlaskClient, to: str, purpose: str) -> TestResponse:
    """The page that the newest link to an address shows in a browser."""
    return client.get(
        service.link_url(to, purpose).removeprefix(service.site.settings.public_origin), follow_redirects=True
    )


def invited(service: Service, email: str, groups: str = "") -> None:
    admin = service.admin()
    data = {"email": email, "groups": groups.split()}
    assert admin.post("/api/admin/invites", data).status_code == 202


def test_a_link_says_what_to_whom_and_until_when(service: Service) -> None:
    stranger = service.person()
    stranger.post("/api/sign-up", {"email": stranger.email})
    page = check_skeleton(opened(service, stranger.client, stranger.email, "activate"))
    assert f"{stranger.email[0]}•••@example.org" in page.text("main")
    assert page.find_all("time")
    assert page.input(LINK_FIELD)["type"] == "hidden"
    assert page.input("password")["autocomplete"] == "new-password"
    assert "hint-password" in page.input("password")["aria-describedby"]


def test_a_password_that_is_too_short_is_told_once(service: Service) -> None:
    stranger = service.person()
    stranger.post("/api/sign-up", {"email": stranger.email})
    shown = opened(service, stranger.client, stranger.email, "activate")
    page = check_skeleton(submit_form(stranger.client, "/l/activate", shown, name="Ann", password="short"))
    assert page.input("name")["value"] == "Ann"
    assert page.input("password")["aria-describedby"] == "error-password"


def test_a_used_link_ends_on_a_page_that_leads_to_the_account(service: Service) -> None:
    stranger = service.person()
    stranger.post("/api/sign-up", {"email": stranger.email})
    shown = opened(service, stranger.client, stranger.email, "activate")
    answer = submit_form(stranger.client, "/l/activate", shown, password=stranger.password)
    assert answer.location == "/l/activate/done"
    page = check_skeleton(stranger.client.get("/l/activate/done"))
    assert page.find_all("a", href="/account")


def test_a_link_of_somebody_else_names_both_and_offers_both_ways(service: Service) -> None:
    other, guest = service.member("other"), make_email("guest")
    invited(service, guest)
    shown = opened(service, other.client, guest, "invite")
    page = check_skeleton(shown)
    assert "g•••@example.org" in page.text("main")
    assert other.email in page.text("main")
    assert not page.find_all("input", name="password")
    assert "/account" in {each["href"] for each in page.find_all("a")}
    answer = submit_form(other.client, "/sign-out", shown, next=page.input("next")["value"])
    assert answer.location == "/l/invite"
    assert ParsedPage(other.client.get("/l/invite")).find_all("input", name="password")


def test_an_invited_member_is_sent_to_sign_in_and_back(service: Service) -> None:
    member = service.member()
    invited(service, member.email, "staff")
    page = check_skeleton(opened(service, service.app.test_client(), member.email, "invite"))
    assert not page.find_all("form")
    assert page.find_all("a", href="/sign-in?next=/l/invite")
    page = check_skeleton(opened(service, member.client, member.email, "invite"))
    assert "staff" in page.text("main")
    assert page.find_all("form", action="/l/invite")


@pytest.mark.parametrize("purpose", ["activate", "invite", "reset-password"])
def test_a_dead_link_leads_on(service: Service, purpose: str) -> None:
    page = check_skeleton(service.app.test_client().get(f"/l/{purpose}/junk/go"))
    ways = {each["href"] for each in page.find_all("a")}
    assert ("/forgot-password" if purpose == "reset-password" else "/sign-in") in ways
    assert not page.find_all("form")


@pytest.mark.parametrize("problem", [LinkExpired, LinkUsed, LinkRevoked])
def test_a_dead_invitation_names_who_can_help(service: Service, problem: type[DeadLink]) -> None:
    result = problem()
    says = {"code": result.code, "status": result.status, "problem": result, "purpose": "invite"}
    with service.app.test_request_context("/l/invite"):
        context.state().purpose = "invite"
        words = Reply(template="accounts/problem.html", json=says).response().get_data(as_text=True)
    assert result.message in words
    assert "ask the person who invited you" in words
