"""One head on every page: it names who is signed in, and costs a visitor nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from tests.kit.pages import Page
from tests.people import Person, Service
from tests.web.endpoints import Endpoint, list_endpoints

HEADER = re.compile(r'<header class="top">.*?</header>', re.DOTALL)
ASKS_WHO_IT_IS = "FROM accounts LEFT OUTER JOIN memberships"
MIN_PAGES = 60
"""A member is shown so many, if only that they may not see them."""


def header_of(response: TestResponse) -> str:
    """The head of a page."""
    (header,) = HEADER.findall(response.text)
    return str(header)


def pages_of(service: Service) -> list[Endpoint]:
    """All addresses that show a page, in the language of whoever asks."""
    return [
        endpoint
        for endpoint in list_endpoints(service)
        if endpoint.method == "GET" and not endpoint.prefix and endpoint.format == "html"
    ]


def shown_pages(service: Service, person: Person) -> Iterator[tuple[Endpoint, TestResponse, list[str]]]:
    """Each page that somebody is shown, with the statements that it has cost."""
    for endpoint in pages_of(service):
        with service.record_statements() as statements:
            response = person.client.get(
                endpoint.path(),
                environ_base={"REMOTE_ADDR": person.network},
                headers={"Accept": "text/html"},
                buffered=True,
            )
        if response.mimetype == "text/html" and not 300 <= response.status_code < 400:
            yield endpoint, response, list(statements)


def test_every_page_names_who_is_signed_in_and_asks_the_store_once(service: Service) -> None:
    admin, member = service.admin(), service.member()
    for person in (member, admin):
        seen = 0
        for endpoint, response, statements in shown_pages(service, person):
            header = header_of(response)
            assert person.email in header, (endpoint, response.status_code)
            assert ("/admin" in header) == (person is admin), endpoint
            asked = [each for each in statements if ASKS_WHO_IT_IS in " ".join(each.split())]
            assert len(asked) == 1, (endpoint, statements)
            assert not re.search(r"<style|\sstyle=", response.text), endpoint
            seen += 1
        assert seen > MIN_PAGES


def test_no_page_names_anybody_to_a_visitor_or_asks_the_store_who_it_is(service: Service) -> None:
    service.admin()
    visitor = service.person()
    visitor.csrf_token()
    seen = 0
    for endpoint, response, statements in shown_pages(service, visitor):
        assert "@" not in header_of(response), endpoint
        assert "<details" not in header_of(response), endpoint
        assert not [each for each in statements if ASKS_WHO_IT_IS in " ".join(each.split())], endpoint
        seen += 1
    assert seen > 20


@pytest.mark.parametrize("path", ["/nothing-here", "/check-email", "/api/docs", "/sign-in", "/account"])
def test_these_pages_say_who_is_signed_in(service: Service, path: str) -> None:
    member = service.member("ada")
    page = member.get(path, headers={"Accept": "text/html"})
    header = header_of(page)
    assert member.email in header
    assert ">A</span>" in header, "the first letter of the name"
    assert "Your account" in header
    (form,) = Page(page.text).header_forms
    assert (form.action, form.method) == ("/sign-out", "post")


def test_the_menu_signs_out_by_a_form(service: Service) -> None:
    member = service.member()
    (form,) = Page(member.get("/nothing-here", headers={"Accept": "text/html"}).text).header_forms
    assert member.client.post(form.action, data={}).status_code == 403, "the token is asked for"
    assert member.client.post(form.action, data=form.values).status_code == 303
    assert not member.signed_in
    assert "<details" not in header_of(member.get("/check-email"))


def test_a_session_that_has_ended_is_a_visitor_s(service: Service) -> None:
    member = service.member()
    other = service.person(email=member.email)
    assert other.sign_in().status_code == 200
    assert other.post("/api/sign-out", {"everywhere": True}).status_code == 204
    header = header_of(member.get("/check-email"))
    assert member.email not in header


def test_the_colour_of_an_account_stays_and_comes_from_its_id(service: Service) -> None:
    member = service.member()
    colours = {tuple(re.findall(r"avatar-\d", header_of(member.get(path)))) for path in ("/account", "/check-email")}
    assert len(colours) == 1
    others = {tuple(re.findall(r"avatar-\d", header_of(service.member().get("/account")))) for _ in range(12)}
    assert len(others) > 1


def test_the_page_for_signing_in_says_who_is_signed_in_already(service: Service) -> None:
    member = service.member()
    page = member.get("/sign-in?next=/account/sessions")
    assert f"You&#39;re signed in as {member.email}." in page.text
    assert 'href="/account/sessions">Continue' in page.text
    (other,) = Page(page.text).forms
    assert other.action == "/sign-out"
    answer = member.client.post(other.action, data=other.values)
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/account/sessions")
    assert "password" in Page(member.get(answer.location).text).forms[0].kinds
    assert not member.signed_in


def test_the_language_of_the_account_is_that_of_pages_that_need_none(service: Service) -> None:
    member = service.member()
    assert member.patch("/api/account", {"locale": "de"}).status_code == 200
    for path in ("/check-email", "/nothing-here", "/sign-in"):
        assert Page(member.get(path, headers={"Accept-Language": "fr", "Accept": "text/html"}).text).lang == "de"
    assert Page(member.get("/es/check-email").text).lang == "es"


def test_a_page_is_shown_without_an_account_while_the_store_is_away(service: Service) -> None:
    member = service.member()

    def fail(*arguments: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    event.listen(service.site.store.engine, "before_cursor_execute", fail)
    try:
        for path, status in (
            ("/check-email", 200),
            ("/sign-in", 200),
            ("/nothing-here", 404),
            ("/account", 503),
        ):
            response = member.get(path, headers={"Accept": "text/html"})
            assert response.status_code == status, path
            assert member.email not in header_of(response)
    finally:
        event.remove(service.site.store.engine, "before_cursor_execute", fail)
    assert member.email in header_of(member.get("/check-email"))


def test_after_the_account_is_gone_nobody_is_named(service: Service) -> None:
    member = service.member()
    member.post("/api/confirm", {"password": member.password})
    assert member.post("/api/account/close").status_code == 202
    url = service.link_url(member.email, "close-account")
    member.client.get(url[url.index("/l/") :])
    (form,) = [each for each in Page(member.client.get("/l/close-account").text).forms if "link_id" in each.kinds]
    done = member.client.post("/l/close-account", data=form.values)
    assert done.status_code == 303
    page = member.client.get(done.location)
    assert member.email not in header_of(page)
