"""The endpoints of links, for every kind of link: looking changes nothing, acting is for the form that was shown."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from accounts.core.links.link import get_link
from accounts.flows import LINKS
from tests.conftest import on_both_databases
from tests.kit.browser import Browser
from tests.kit.pages import Page
from tests.kit.tables import dump_tables
from tests.people import OTHER_PASSWORD, Person, Service, make_email, token_of_url
from tests.web.endpoints import csrf_token, problem_code
from tests.web.live_links import FORM_DATA, PASSWORD_PURPOSES, browser_for_link, make_link_url

PURPOSES = [link.purpose for link in LINKS]
each_purpose = pytest.mark.parametrize("purpose", PURPOSES)


def follow(person: Person, purpose: str, url: str) -> Page:
    token = token_of_url(url)
    assert person.get(f"/l/{purpose}/{token}/go").status_code == 303
    return Page(person.get(f"/l/{purpose}").get_data(as_text=True))


def send(person: Person, purpose: str, page: Page, **how: str) -> TestResponse:
    """Send the form of a link's page, with what the link asks for filled in."""
    (form,) = [form for form in page.forms if "link_id" in form.kinds]
    data = {name: value for name, value in FORM_DATA[purpose].items() if name in form.kinds.keys() | form.buttons}
    return person.client.post(f"/l/{purpose}", data={**form.values, **data, **how})


@each_purpose
@on_both_databases
def test_looking_at_a_link_changes_nothing_however_often(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    token, person = token_of_url(url), browser_for_link(service, purpose, url)
    before = dump_tables(service)
    for _ in range(3):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert person.client.open(f"/l/{purpose}/{token}/go", method=method).status_code in (200, 303)
            assert person.client.open(f"/l/{purpose}", method=method).status_code == 200
            assert person.client.open(f"/api/l/{purpose}?token={token}", method=method).status_code == 200
    assert dump_tables(service) == before
    assert send(person, purpose, follow(person, purpose, url)).status_code == 303


@each_purpose
def test_following_a_link_takes_the_token_out_of_the_address(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    token, person = token_of_url(url), browser_for_link(service, purpose, url)
    went = person.get(f"/l/{purpose}/{token}/go")
    assert went.location == f"/l/{purpose}"
    assert went.data == b""
    assert went.headers["Cache-Control"] == "no-store"
    assert went.headers["Referrer-Policy"] == "no-referrer"
    page = person.get(f"/l/{purpose}")
    assert page.headers["Cache-Control"] == "no-store"
    assert token not in page.text
    done = send(person, purpose, Page(page.text))
    assert token not in done.text + str(done.headers)
    dropped = next(each for each in done.headers.getlist("Set-Cookie") if each.startswith(f"link-{purpose}="))
    assert dropped.startswith(f"link-{purpose}=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0")


@each_purpose
def test_a_link_lasts_for_one_act(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    first, second = browser_for_link(service, purpose, url), browser_for_link(service, purpose, url)
    shown = follow(second, purpose, url)
    assert send(first, purpose, follow(first, purpose, url)).status_code == 303
    late = send(second, purpose, shown)
    assert late.status_code == 410
    again = service.person()
    again.get(f"/l/{purpose}/{token_of_url(url)}/go")
    page = again.get(f"/l/{purpose}")
    assert page.status_code == 410
    assert b'type="password"' not in page.data, "told before anybody types a password"
    shown_json = again.get(f"/api/l/{purpose}?token={token_of_url(url)}")
    assert (shown_json.status_code, problem_code(shown_json)) == (410, "link_used")


@each_purpose
def test_the_form_of_one_link_does_not_act_on_another_that_was_opened_meanwhile(
    service: Service, purpose: str
) -> None:
    admin = service.admin()
    first, second = make_link_url(service, purpose, admin), make_link_url(service, purpose, admin)
    person = browser_for_link(service, purpose, first)
    shown = follow(person, purpose, first)
    newer = follow(person, purpose, second)
    before = dump_tables(service, "rate_limits")
    assert send(person, purpose, shown).status_code == 409
    assert dump_tables(service, "rate_limits") == before
    if get_link(service.site, purpose).needs_session:  # the second speaks of another account
        person = browser_for_link(service, purpose, second)
        newer = follow(person, purpose, second)
    assert send(person, purpose, newer).status_code == 303


@each_purpose
def test_a_form_without_its_link_or_without_its_cookies_does_nothing(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    person, other = browser_for_link(service, purpose, url), service.person()
    shown = follow(person, purpose, url)
    csrf_token(other)
    before = dump_tables(service, "rate_limits")
    assert send(other, purpose, shown).status_code == 403, "another browser"
    assert send(other, purpose, shown, csrf_token=csrf_token(other)).status_code == 400
    for wrong in ("", "x", "é", "x" * 5000):
        assert send(person, purpose, shown, link_id=wrong).status_code == 409
    assert send(person, purpose, shown, csrf_token="").status_code == 403
    person.client.delete_cookie(f"link-{purpose}")
    assert send(person, purpose, shown).status_code == 400
    assert dump_tables(service, "rate_limits") == before


@each_purpose
@pytest.mark.parametrize(
    "junk", ["utm_source=x&next=//evil.example", "token=x", "format=json&purpose=invite", "%00=%ff"]
)
def test_what_mail_programs_append_to_a_link_does_not_matter(service: Service, purpose: str, junk: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    person = browser_for_link(service, purpose, url)
    went = person.get(f"/l/{purpose}/{token_of_url(url)}/go?{junk}")
    assert (went.status_code, went.location) == (303, f"/l/{purpose}")
    page = Page(person.get(f"/l/{purpose}?{junk}").get_data(as_text=True))
    assert send(person, purpose, page).location == ("/account" if purpose == "sign-in" else f"/l/{purpose}/done")


@each_purpose
def test_a_link_of_another_account_is_refused_and_nothing_is_consumed(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    other = service.member("other")
    before = dump_tables(service, "rate_limits")
    answer = other.post(f"/api/l/{purpose}", {"token": token_of_url(url), **FORM_DATA[purpose]})
    assert (answer.status_code, problem_code(answer)) == (409, "wrong_account")
    page = follow(other, purpose, url)
    assert other.email in page.text
    assert "•••@example.org" in page.text
    assert not any("link_id" in form.kinds for form in page.forms)
    assert dump_tables(service, "rate_limits") == before
    shown = follow(browser_for_link(service, purpose, url), purpose, url)
    before = dump_tables(service, "rate_limits")
    (form,) = [form for form in shown.forms if "link_id" in form.kinds]
    form.values["csrf_token"] = csrf_token(other)
    assert send(other, purpose, shown).status_code == 409, "even with a form from elsewhere"
    assert dump_tables(service, "rate_limits") == before
    assert other.get("/api/account").get_json()["email"] == other.email, "and nobody was switched"


def test_a_reset_never_signs_in(service: Service) -> None:
    url = make_link_url(service, "reset-password", service.admin())
    person = service.person()
    assert send(person, "reset-password", follow(person, "reset-password", url)).status_code == 303
    assert not person.signed_in


@pytest.mark.parametrize("purpose", PASSWORD_PURPOSES)
def test_a_password_that_may_not_be_chosen_comes_back_with_the_form_and_costs_nothing(
    service: Service, purpose: str
) -> None:
    url = make_link_url(service, purpose, service.admin())
    person = Browser(service.app.test_client())
    person.visit(url)
    for weak in ("short", "aaaaaaaaaaaaaaaaaaaa", "passwordpassword"):
        person.submit(password=weak)
        assert person.status == 422
        assert weak not in person.response.text
        assert person.url == f"/l/{purpose}"
    person.submit(password=OTHER_PASSWORD)
    assert person.url == f"/l/{purpose}/done"


def test_an_invitation_shows_that_it_was_revoked(service: Service) -> None:
    admin, email = service.admin(), make_email()
    sent = admin.post("/api/admin/invites", {"email": email}).get_json()
    token = service.link_token(email, "invite")
    assert admin.post(f"/api/admin/invites/{sent['id']}/revoke").status_code == 200
    guest = service.person()
    for answer in (guest.get(f"/api/l/invite?token={token}"), guest.post("/api/l/invite", {"token": token})):
        assert (answer.status_code, problem_code(answer)) == (410, "link_revoked")
    guest.get(f"/l/invite/{token}/go")
    assert guest.get("/l/invite").status_code == 410


def test_the_link_of_the_first_admin_opens_once(service: Service) -> None:
    from accounts.flows.helpdesk.first_admin import first_admin_url

    urls = [first_admin_url(service.uow()) for _ in range(2)]
    people = [service.person() for _ in urls]
    statuses = []
    for url, person in zip(urls, people, strict=True):
        data = {"token": token_of_url(str(url)), "email": person.email, "password": person.password}
        statuses.append(person.post("/api/l/invite", data).status_code)
    assert statuses == [201, 410]
    assert first_admin_url(service.uow()) is None
