"""Terms with a version: accepted where an account is made, and after a change, by everybody and at every entrance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from accounts.core.links.link import Link
from accounts.core.models.audit import AuditRow
from accounts.flows import LINKS
from accounts.flows.helpdesk.first_admin import first_admin_url
from accounts.flows.shared import accounts, terms
from accounts.flows.shared.fields import NewAccountForm
from accounts.flows.upstream import identities, joining
from accounts.flows.upstream.provider import UpstreamUser
from accounts.flows.upstream.waiting import PENDING_SIGN_IN
from tests.conftest import on_both_databases
from tests.flows.steps import anonymous_uow
from tests.kit.browser import Browser
from tests.people import PASSWORD, Service, make_email, token_of_url
from tests.web.endpoints import problem_code
from tests.web.live_links import CREATING_PURPOSES, FORM_DATA, make_link_url

URL, FIRST, SECOND = "https://example.org/{language}/terms", "2026-01-01", "2026-11-01"
READABLE = "https://example.org/en/terms"
MakeService = Callable[..., Service]


@pytest.fixture
def service(make_service: MakeService) -> Service:
    return make_service(terms=URL, terms_version=FIRST)


def kept(service: Service, email: str) -> tuple[str, list[dict[str, Any]]]:
    """The version that is kept with an account, and what the audit log says of it."""
    with service.uow() as uow:
        account = accounts.find_account(uow, email)
        events = select(AuditRow.facts).where(
            AuditRow.account_id == account.id, AuditRow.kind == terms.ACCEPTED_EVENT
        )
        assert bool(account.terms_version) == (account.terms_accepted_at is not None)
        return account.terms_version, list(uow.session.scalars(events))


def email_of(service: Service, token: str, purpose: str) -> str:
    return str(service.site.link_signer.verify(service.site.links[purpose], token).subject_id)


def test_every_link_that_makes_an_account_with_a_password_asks_for_the_terms() -> None:
    creating = {link.purpose for link in LINKS if issubclass(link.form, NewAccountForm)}
    assert creating == set(CREATING_PURPOSES)


@on_both_databases
@pytest.mark.parametrize("purpose", CREATING_PURPOSES)
def test_no_account_without_the_terms_of_today(service: Service, purpose: str) -> None:
    token = token_of_url(make_link_url(service, purpose, service.admin()))
    person, email = service.person(), email_of(service, token, purpose)
    shown = person.get(f"/api/l/{purpose}?token={token}").get_json()
    assert "terms" in shown["asks"]
    assert shown["terms"] == {"url": READABLE, "version": FIRST}
    data = {"token": token, **FORM_DATA[purpose]}
    for said, code in (({}, "not_accepted"), ({"terms": "2020"}, "outdated"), ({"terms": ""}, "not_accepted")):
        refused = person.post(f"/api/l/{purpose}", data | said)
        assert (refused.status_code, problem_code(refused)) == (422, "invalid_input")
        assert [(each["field"], each["code"]) for each in refused.get_json()["errors"]] == [("terms", code)]
    assert person.post(f"/api/l/{purpose}", data | {"terms": FIRST}).status_code == 201
    assert kept(service, email) == (FIRST, [{"version": FIRST}])
    assert person.get("/api/account").get_json()["terms_accepted"] is True


def test_a_bad_password_and_terms_that_are_not_accepted_are_told_at_once(service: Service) -> None:
    token = token_of_url(make_link_url(service, "activate", service.admin()))
    refused = service.person().post("/api/l/activate", {"token": token, "password": "short"}).get_json()
    assert {each["field"] for each in refused["errors"]} == {"password", "terms"}


def test_the_first_admin_accepts_them_too(service: Service) -> None:
    url = first_admin_url(service.uow())
    assert url is not None
    data = {"token": token_of_url(url), "email": make_email(), "password": PASSWORD}
    assert problem_code(service.person().post("/api/l/invite", data)) == "invalid_input"
    assert service.person().post("/api/l/invite", data | {"terms": FIRST}).status_code == 201
    assert kept(service, str(data["email"]))[0] == FIRST


def test_the_first_admin_comes_in_by_the_page(service: Service) -> None:
    browser = Browser(service.app.test_client())
    browser.visit(str(first_admin_url(service.uow())))
    browser.submit(browser.form("password", "terms"), email=make_email(), password=PASSWORD, terms=FIRST)
    assert (browser.status, browser.url) == (200, "/admin")


@pytest.mark.parametrize("purpose", CREATING_PURPOSES)
def test_the_box_is_never_ticked_for_anybody_and_leads_to_the_terms(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    browser = Browser(service.app.test_client())
    page = browser.visit(url)
    form = browser.form("password", "terms")
    assert "terms" in form.required
    assert "terms" not in form.values
    assert READABLE in page.links
    browser.open(f"/l/{purpose}", form.values | {"password": PASSWORD})
    assert browser.status == 422
    assert "Accept the terms to continue." in browser.page.text
    browser.submit(browser.form("password", "terms"), password=PASSWORD, terms=FIRST)
    assert (browser.status, browser.url) == (200, f"/l/{purpose}/done")


@pytest.mark.parametrize("purpose", CREATING_PURPOSES)
def test_without_terms_nothing_is_asked(make_service: MakeService, purpose: str) -> None:
    service = make_service()
    url = make_link_url(service, purpose, service.admin())
    browser = Browser(service.app.test_client())
    browser.visit(url)
    assert "terms" not in browser.form("password").kinds
    shown = service.person().get(f"/api/l/{purpose}?token={token_of_url(url)}").get_json()
    assert "terms" not in shown["asks"]
    assert "terms" not in shown
    admin = service.person(email=make_email())
    assert problem_code(service.member().get("/api/account/terms")) == "not_found"
    assert admin.get("/account/terms").status_code == 303


def test_joining_by_another_service_asks_before_the_visit_and_keeps_what_was_accepted(
    make_service: MakeService,
) -> None:
    upstream = {
        "upstream_office_issuer": "https://office.example.org",
        "upstream_office_client_id": "x",
        "upstream_office_client_secret": "a secret of the office",
        "upstream_office_label": "Office",
    }
    service = make_service(terms=URL, terms_version=FIRST, **upstream)
    client = service.app.test_client()
    browser = Browser(client)
    browser.visit(make_link_url(service, "invite", service.admin()))
    form = browser.form("terms", action="/upstream/office/join")
    assert "terms" in form.required
    browser.open("/upstream/office/join", form.values)
    assert browser.status == 422
    assert "Accept the terms to continue." in browser.page.text
    sent = client.post("/upstream/office/join", data=form.values | {"terms": FIRST}, headers={"Origin": "null"})
    cookie = client.get_cookie("upstream")
    assert (sent.status_code, cookie is None) == (303, False)
    pending = service.site.signer.read(PENDING_SIGN_IN, cookie.value if cookie else "")
    assert pending is not None
    assert pending.terms == FIRST


@on_both_databases
@pytest.mark.parametrize("link", joining.JOIN_LINKS.values(), ids=lambda link: link.purpose)
def test_an_account_without_a_password_keeps_what_was_accepted_before_the_visit(service: Service, link: Link) -> None:
    token = token_of_url(make_link_url(service, link.purpose, service.admin()))
    link_id, email = service.site.link_signer.verify(link, token).link_id, email_of(service, token, link.purpose)
    user = UpstreamUser("https://issuer.example", "7", email, "Ana")
    joining.join_by_identity(anonymous_uow(service), link, token, link_id, user, None, terms=FIRST)
    assert kept(service, email) == (FIRST, [{"version": FIRST}])
    assert identities.sign_in_by_identity(anonymous_uow(service), user)[1]
