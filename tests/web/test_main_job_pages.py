"""The main job with nothing but pages and forms: what a browser without scripts can do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.flows.helpdesk.first_admin import first_admin_url
from tests.conftest import on_both_databases
from tests.kit.browser import Browser
from tests.people import OTHER_PASSWORD, PASSWORD, Service, make_email


def first_admin(service: Service, browser: Browser) -> str:
    url = first_admin_url(service.uow())
    assert url is not None
    page = browser.visit(url)
    assert browser.status == 200
    assert browser.form("email").visible == {"email", "name", "password"}
    email = make_email("admin")
    browser.submit(email=email, name="Ada", password=PASSWORD)
    assert (browser.status, browser.url) == (200, "/admin")
    page = browser.click("/account")
    assert email in page.text
    assert "admins" in page.text
    return email


@pytest.fixture
def browser(service: Service) -> Callable[..., Browser]:
    return lambda language="en": Browser(service.app.test_client(), language)


@on_both_databases
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_main_job_works_with_pages_from_the_first_admin_to_a_forgotten_password(
    service: Service, browser: Callable[..., Browser], language: str
) -> None:
    admin = browser(language)
    first_admin(service, admin)
    invited(service, admin, browser(language), language)
    member, email = browser(language), make_email("third")
    signed_up(service, member, email)
    reset(service, browser(language), email)
    member.visit("/account")
    assert member.url == "/sign-in?next=/account", "the old session is out"


def invited(service: Service, admin: Browser, second: Browser, language: str) -> None:
    email = make_email("second")
    admin.click("/admin")
    admin.click("/admin/invites")
    page = admin.submit(email=email, groups="editors, writers", locale=language)
    assert email in page.text
    page = second.visit(service.link_url(email, "invite"))
    assert page.lang == language
    assert "s•••@example.org" in page.text
    assert "editors" in page.text
    second.submit(name="Second", password=PASSWORD)
    assert second.url == "/l/invite/done"
    page = second.click("/account")
    assert email in page.text
    assert "editors" in page.text


def signed_up(service: Service, third: Browser, email: str) -> None:
    third.visit("/")
    assert third.url == "/sign-in"
    third.click("/sign-up")
    page = third.submit(email=email)
    assert third.url == "/check-email"
    assert email in page.text, "shown to the browser that typed it"
    third.visit(service.link_url(email, "activate"))
    third.submit(name="", password=PASSWORD)
    assert third.url == "/l/activate/done"
    third.click("/account")
    assert email in third.page.text


def reset(service: Service, forgetful: Browser, email: str) -> None:
    language = forgetful.visit("/sign-in").lang
    forgetful.click("/forgot-password")
    forgetful.submit(email=email)
    forgetful.visit(service.link_url(email, "reset-password"))
    assert forgetful.page.lang == language
    forgetful.submit(password=OTHER_PASSWORD)
    assert forgetful.url == "/l/reset-password/done"
    forgetful.visit("/account")
    assert forgetful.url == "/sign-in?next=/account", "a reset never signs in"
    forgetful.submit(email=email, password=PASSWORD)
    assert forgetful.status == 401
    assert forgetful.form("email").values["email"] == email, "what was typed is still there"
    assert forgetful.form("email").values["password"] == "", "but for the password"
    forgetful.submit(password=OTHER_PASSWORD)
    assert forgetful.url == "/account"


def test_an_account_is_looked_after_with_pages(service: Service, browser: Callable[..., Browser]) -> None:
    me, elsewhere = browser(), browser()
    email = first_admin(service, me)
    elsewhere.visit("/account")
    elsewhere.submit(email=email, password=PASSWORD)
    assert elsewhere.url == "/account", "where one wanted to go"

    me.visit("/account")
    page = me.submit(name="Ada Lovelace", locale="de")
    assert page.lang == "de"
    assert me.form("name").values["name"] == "Ada Lovelace"
    me.click("/account/sessions")
    (end,) = [link for link in me.page.links if link.endswith("/end")]
    me.click(end)
    me.submit()
    elsewhere.visit("/account")
    assert elsewhere.url == "/sign-in?next=/account"

    me.visit("/account/password")
    me.submit(current_password="wrong password entirely", password=OTHER_PASSWORD)
    assert me.status == 422
    me.submit(current_password=PASSWORD, password="short")
    assert me.status == 422
    me.submit(current_password=PASSWORD, password=OTHER_PASSWORD)
    assert (me.status, me.url) == (200, "/account")
    me.submit(me.form("everywhere"))
    assert me.url == "/sign-in"
    me.visit("/account")
    assert me.url == "/sign-in?next=/account"


def test_an_invitation_is_sent_again_and_revoked_with_pages(
    service: Service, browser: Callable[..., Browser]
) -> None:
    admin, guest, email = browser(), browser(), make_email("guest")
    first_admin(service, admin)
    admin.visit("/admin/invites")
    admin.submit(email=email)
    url = service.link_url(email, "invite")
    admin.submit(next(form for form in admin.page.forms if form.action.endswith("/resend")))
    assert len(service.mails_to(email)) == 2
    admin.click("/revoke")
    admin.submit(admin.form(action="/revoke"))
    assert not [link for link in admin.page.links if link.endswith("/revoke")]
    page = guest.visit(url)
    assert guest.status == 410
    assert page.forms == []


def test_whoever_has_an_account_is_asked_to_sign_in_and_comes_back_to_the_invitation(
    service: Service, browser: Callable[..., Browser]
) -> None:
    admin, member = browser(), service.member()
    first_admin(service, admin)
    admin.visit("/admin/invites")
    admin.submit(email=member.email, groups="editors")
    guest = browser()
    guest.visit(service.link_url(member.email, "invite"))
    assert guest.page.forms == []
    guest.click("/sign-in")
    guest.submit(email=member.email, password=member.password)
    assert guest.url == "/l/invite"
    guest.submit(guest.form("link_id"))
    assert guest.url == "/l/invite/done"
    assert "editors" in guest.visit("/account").text


def test_a_link_of_another_account_names_both_and_offers_to_switch(
    service: Service, browser: Callable[..., Browser]
) -> None:
    admin, email = browser(), make_email("guest")
    admin_email = first_admin(service, admin)
    admin.visit("/admin/invites")
    admin.submit(email=email)
    page = admin.visit(service.link_url(email, "invite"))
    assert admin_email in page.text
    assert "g•••@example.org" in page.text
    assert not any("password" in form.kinds for form in page.forms)
    admin.submit(admin.form("next"))
    assert admin.url == "/l/invite", "signed out, and back at the link"
    assert admin.form("password").visible == {"name", "password"}


def test_every_page_has_one_heading_and_its_links_lead_somewhere(
    service: Service, browser: Callable[..., Browser]
) -> None:
    me = browser()
    first_admin(service, me)
    seen: set[str] = set()
    todo = ["/account", "/sign-in", "/sign-up", "/api/docs"]
    while todo:
        url = todo.pop()
        if url in seen or url.startswith("#"):
            continue
        seen.add(url)
        page = me.visit(url)
        assert me.status == 200, url
        if me.response.mimetype == "text/html":
            assert len(page.headings) == 1, url
            todo += [link if link.startswith(("/", "#")) else f"/api/{link}" for link in page.links]
    assert len(seen) > 12
