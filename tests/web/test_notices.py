"""No act of a browser is done in silence: each route declares what the page that follows says."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from accounts.core.messages import N_, nN_
from accounts.flows.sessions.notice import NOTICE_TTL, make_notice
from accounts.web.kit.notices import UndeclaredNotice, choose_notice
from accounts.web.kit.routes import ActNotice, Onward, Route
from tests.people import Service
from tests.web.endpoints import list_endpoints
from tests.web.parsed_page import ParsedPage, submit_form

SENT, REVOKED = N_("Sent to %(email)s."), nN_("%(count)s revoked.", "%(count)s revoked.")


def route(notice: ActNotice | None) -> Route:
    return Route(rule="/x", method="POST", view="accounts.web.admin.links:explain_link", notice=notice)


def acts(service: Service) -> dict[str, Route]:
    """What a form of ours may send: not what other sites and programs send, who get no page."""
    return {
        endpoint.route.name: endpoint.route
        for endpoint in list_endpoints(service)
        if endpoint.format == "html" and endpoint.is_unsafe and endpoint.route and endpoint.route.csrf is not False
    }


def test_every_act_declares_what_the_next_page_says(service: Service) -> None:
    assert {name for name, each in acts(service).items() if each.notice is None} == set()


def test_whoever_says_nothing_gives_the_reason(service: Service) -> None:
    reasons = [each.notice.reason for each in acts(service).values() if isinstance(each.notice, Onward)]
    assert all(len(reason.split()) > 3 for reason in reasons)


def test_a_view_says_what_its_route_declares() -> None:
    assert choose_notice(route(None), None) is None
    assert choose_notice(route(Onward("the page lists it")), None) is None
    assert choose_notice(route(N_("Changes saved.")), None) == make_notice(N_("Changes saved."))
    given = make_notice(REVOKED, count=3)
    assert choose_notice(route((SENT, REVOKED)), given) is given
    for notice, said in ((REVOKED, None), ((SENT, REVOKED), None), (SENT, given), (None, given)):
        with pytest.raises(UndeclaredNotice):
            choose_notice(route(notice), said)


def signed_out(service: Service) -> FlaskClient:
    """A browser that has just signed out, and has seen nothing since."""
    client = service.member().client
    submit_form(client, "/sign-out", client.get("/account"))
    return client


def test_a_notice_is_shown_once_and_in_the_language_of_the_page(service: Service) -> None:
    client = signed_out(service)
    shown = client.get("/de/sign-in")
    assert ParsedPage(shown).text("main").startswith("Sie sind abgemeldet.")
    assert "no-store" in shown.headers["Cache-Control"]
    assert "Sie sind abgemeldet." not in client.get("/de/sign-in").text


def test_the_next_stranger_is_told_nothing_of_it(service: Service) -> None:
    client, stranger = signed_out(service), service.app.test_client()
    before = stranger.get("/sign-in").text
    assert "You're signed out." in html.unescape(client.get("/sign-in").text)
    assert "signed out" not in stranger.get("/sign-in").text
    assert "notice" not in before


def test_a_notice_that_we_have_not_signed_or_that_is_old_is_not_shown(service: Service, stopped_clock: Any) -> None:
    client = signed_out(service)
    cookie = client.get_cookie("notice")
    assert cookie is not None
    for value in (cookie.value[:-2], f"x{cookie.value}", "junk", ""):
        client.set_cookie("notice", value)
        assert "signed out" not in client.get("/sign-in").text
    client.set_cookie("notice", cookie.value)
    stopped_clock.shift(NOTICE_TTL + timedelta(seconds=1))
    assert "signed out" not in client.get("/sign-in").text


def test_json_has_no_notice(service: Service) -> None:
    member = service.member()
    member.post("/api/sign-out")
    assert member.client.get_cookie("notice") is None
