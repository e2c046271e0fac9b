"""Trying an app: an admin signs in to it through the real pages, and sees what it would learn, but no token."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import select

from accounts.core.models.apps import Consent, Grant
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


def landed(browser: Browser, url: str) -> Page:
    """Where a request ends that is answered at the house's own address."""
    answer = browser._client.get(url)
    assert answer.status_code == 303
    assert answer.location.startswith("http://127.0.0.1:8000/admin/apps/tried?")
    return browser.visit(answer.location.removeprefix("http://127.0.0.1:8000"))


@pytest.fixture
def browser(service: Service) -> Browser:
    admin = service.admin()
    admin.patch("/api/account", {"name": "Ada Admin", "locale": "en"})
    return Browser(admin.client)


def test_the_admin_sees_what_the_app_would_learn(service: Service, browser: Browser) -> None:
    app = register_app(service, trusted=True, claims=["email"]).app
    page = landed(browser, begun(service, browser, app.id))
    assert "Signed in." in page.text
    assert "Ada Admin" in page.text
    for claim in ("kid", "RS256", "iss", "aud", "email_verified", "admins"):
        assert claim in page.text
    text = browser.response.get_data(as_text=True)
    assert "eyJ" not in text, "no token"
    with service.uow() as uow:
        (grant,) = uow.session.scalars(select(Grant))
        assert grant.revoked_at is not None, "its tokens are dead"


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
    answer = browser._client.get(begun(service, browser, app.id))
    arrived = answer.location.removeprefix("http://127.0.0.1:8000")
    member = service.member()
    assert member.get(arrived).status_code == 403
    from accounts.flows.shared import accounts

    accounts.set_groups(service.uow(), accounts.find_account(service.uow(), member.email).id, ["admins"])
    assert member.get(arrived).status_code == 404
    with service.uow() as uow:
        assert list(uow.session.scalars(select(Grant))) == []


def test_the_state_of_a_trial_is_unreadable_and_cannot_be_altered(service: Service) -> None:
    state, begun_here = trial_state.make_trial_state(service.site, "app", "admin")
    assert trial_state.read_trial_state(service.site, state) == begun_here
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
