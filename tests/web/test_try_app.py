"""Trying an app: an admin signs in to it through the real pages, and sees what it would learn, but no token."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import select

from accounts.core.models.apps import App, Consent, Grant
from accounts.core.models.audit import AuditRow
from accounts.core.models.logout import AppLogout
from accounts.flows.oidc import registration, trial_state
from tests.apps import register_app
from tests.kit.browser import Browser
from tests.kit.pages import Page
from tests.people import Service


def begun(service: Service, browser: Browser, app_id: str) -> str:
    """The request that the button makes: its address."""
    page = browser.visit(f"/admin/apps/{app_id}")
    (form,) = [form for form in page.forms if form.action.endswith("/try")]
    answer = browser._client.post(form.action, data=form.values, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
    return str(answer.location)


def answered(browser: Browser, url: str) -> str:
    """Where a request ends that is answered at the house's own address."""
    answer = browser._client.get(url)
    assert answer.status_code == 303
    assert answer.location.startswith("http://127.0.0.1:8000/admin/apps/tried?")
    return str(answer.location.removeprefix("http://127.0.0.1:8000"))


def landed(browser: Browser, url: str) -> Page:
    """What both requests of a trial come to: the one without PKCE, and the one with it."""
    onward = browser._client.get(answered(browser, url))
    assert onward.location.startswith("/oauth/authorize?")
    return browser.visit(answered(browser, onward.location))


@pytest.fixture
def browser(service: Service) -> Browser:
    admin = service.admin()
    admin.patch("/api/account", {"name": "Ada Admin", "locale": "en"})
    return Browser(admin.client)


def test_the_admin_sees_what_the_app_would_learn(service: Service, browser: Browser) -> None:
    app = register_app(service, trusted=True, claims=["email"]).app
    page = landed(browser, begun(service, browser, app.id))
    assert "Test sign-in succeeded." in page.text
    assert "Ada Admin" in page.text
    for claim in ("kid", "RS256", "iss", "aud", "email_verified", "admins"):
        assert claim in page.text
    text = browser.response.get_data(as_text=True)
    assert "eyJ" not in text, "no token"
    with service.uow() as uow:
        grants = list(uow.session.scalars(select(Grant)))
        assert len(grants) == 2
        assert all(each.revoked_at for each in grants), "their tokens are dead"


def test_an_app_is_tried_without_pkce_and_with_it(service: Service, browser: Browser) -> None:
    free, strict = (
        register_app(service, name, trusted=True, require_pkce=name == "Strict").app for name in ("Free", "Strict")
    )
    for app, words in ((free, "Sign-in works with and without PKCE."), (strict, "This app requires PKCE")):
        url = begun(service, browser, app.id)
        assert "code_challenge" not in url
        page = landed(browser, url)
        assert "Test sign-in succeeded." in page.text
        assert words in page.text
    with service.uow() as uow:
        rows = list(uow.session.scalars(select(Grant)))
        assert len(rows) == 3, "two of the one, one of the other"
        assert all(row.revoked_at for row in rows)
        tried = uow.session.scalars(select(AuditRow).where(AuditRow.kind == "app.tried"))
        assert len(list(tried)) == 2
        assert [each.observed_at for each in uow.session.scalars(select(App))] == [None, None], "no app sent it"


def test_a_trial_ends_with_the_first_error_that_is_not_about_pkce(service: Service, browser: Browser) -> None:
    app = register_app(service).app
    browser.visit(begun(service, browser, app.id))
    browser.submit(browser.form("request"), decision="no")
    (back,) = [each for each in browser.page.links if "/admin/apps/tried?" in each]
    assert "access_denied" in browser.visit(back.removeprefix("http://127.0.0.1:8000")).text


def test_consent_is_asked_as_people_are_asked(service: Service, browser: Browser) -> None:
    app = register_app(service).app
    page = browser.visit(begun(service, browser, app.id))
    assert "Wiki" in page.text
    assert [form for form in page.forms if "request" in form.kinds]
    with service.uow() as uow:
        assert list(uow.session.scalars(select(Consent))) == []


def test_a_used_answer_shows_the_error_that_the_app_would_get(service: Service, browser: Browser) -> None:
    app = register_app(service, trusted=True).app
    landed(browser, begun(service, browser, app.id))
    page = browser.visit(browser.url)
    assert "invalid_grant" in page.text


def test_no_app_is_answered_there_but_in_a_trial_of_that_app(service: Service, browser: Browser) -> None:
    app, other = (register_app(service, name, trusted=True).app for name in ("Wiki", "Notes"))
    url = begun(service, browser, app.id)
    data = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    elsewhere = {"redirect_uri": f"{data['redirect_uri']}/"}
    for wrong in ({"state": "x"}, {"state": ""}, {"client_id": other.id}, elsewhere):
        answer = browser._client.get(f"/oauth/authorize?{urlencode(data | wrong)}")
        assert answer.status_code == 400, wrong
        assert "Location" not in answer.headers, wrong
    twice = f"/oauth/authorize?{urlencode(data)}&state={data['state']}"
    assert browser._client.get(twice).status_code == 400


def test_what_arrives_is_for_the_admin_who_began_it(service: Service, browser: Browser) -> None:
    app = register_app(service, trusted=True).app
    arrived = answered(browser, begun(service, browser, app.id))
    member = service.member()
    assert member.get(arrived).status_code == 403
    from accounts.flows.shared import accounts

    accounts.set_groups(service.uow(), accounts.find_account(service.uow(), member.email).id, ["admins"])
    assert member.get(arrived).status_code == 404
    with service.uow() as uow:
        assert list(uow.session.scalars(select(Grant))) == []


def test_the_state_of_a_trial_is_unreadable_and_cannot_be_altered(service: Service) -> None:
    for step in ("", trial_state.TRYING, trial_state.ACCEPTED):
        state, begun_here = trial_state.make_trial_state(service.site, "app", "admin", step)
        assert trial_state.read_trial_state(service.site, state) == begun_here
        assert begun_here.without_pkce == step
        assert trial_state.read_trial_state(service.site, state + "x") is None
        assert begun_here.verifier not in state
    assert registration.list_apps(service.uow()) == []


def test_the_app_is_not_told_when_the_session_of_a_trial_ends(service: Service, browser: Browser) -> None:
    app = register_app(service, trusted=True, backchannel_logout_uri="https://wiki.example.org/out").app
    landed(browser, begun(service, browser, app.id))
    browser.visit("/account")
    browser.submit(browser.form(action="/sign-out"))
    registration.disable_app(service.uow(), app.id)
    with service.uow() as uow:
        assert list(uow.session.scalars(select(AppLogout))) == []
