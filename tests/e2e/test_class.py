"""A class of thirty joins by one QR code: some in browsers, the others over plain HTTP, and the 31st is told so."""

from __future__ import annotations

import re
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.core.link_errors import InviteFull
from tests.e2e.client import Client, mailed_token, mailed_url
from tests.e2e.conftest import Start
from tests.e2e.pages import follow, send
from tests.e2e.test_main_job_browser import People
from tests.kit.concurrency import run_concurrently
from tests.kit.shared_invites import shared_token
from tests.people import PASSWORD
from tests.servers.smtp import SmtpSink
from tests.web.admin.printed_letters import scan_qr_code

pytestmark = pytest.mark.e2e

PLACES = 30
IN_BROWSERS = 4
AT_ONCE = 6


def hang_up_poster(people: People, first_admin_link: str) -> tuple[Page, str]:
    """The admin's browser, and what a camera reads on the poster that it shows."""
    admin = people.one()
    admin.goto(first_admin_link)
    send(admin, email="teacher@example.org", name="Tea Teacher", password=PASSWORD)
    admin.goto("/admin/invites/shared")
    follow(admin, admin.get_by_role("link", name="Create link"))
    send(admin, title="Class 7b", places=str(PLACES), groups="admins")
    expect(admin.locator("[role=alert]")).to_contain_text("Shared links can't make anyone an admin.")
    send(admin, groups="pupils", domain="school.example")
    expect(admin.locator("h1")).to_have_text("Shared link: Class 7b")
    follow(admin, admin.get_by_role("button", name="Show link and QR code"))
    expect(admin.locator("h1")).to_have_text("Class 7b")
    scanned = scan_qr_code(re.findall("<svg.*?</svg>", admin.content(), re.DOTALL)[0])
    expect(admin.locator(".link")).to_have_text(scanned)
    return admin, scanned


def join_in_browser(phone: Page, url: str, email: str, post_office: SmtpSink) -> None:
    phone.goto(url)
    assert shared_token(url) not in phone.url, "the token is out of the address"
    expect(phone.locator("main")).to_contain_text("Class 7b")
    send(phone, email="ann@elsewhere.example")
    expect(phone.locator("[name=email]")).to_have_attribute("aria-invalid", "true")
    send(phone, email=email)
    expect(phone.locator("h1")).to_have_text("Check your email")
    phone.goto(mailed_url(post_office, email, "join-shared"))
    expect(phone.locator("main")).to_contain_text("Class 7b")
    send(phone, name="Pupil", password=PASSWORD)
    phone.wait_for_url("**/l/join-shared/done")
    phone.goto("/account")
    expect(phone.locator("main")).to_contain_text(email)


def join_over_http(origin: str, token: str, email: str, post_office: SmtpSink) -> None:
    with closing(Client(origin)) as client:
        assert client.post("/api/join", {"token": token, "email": email}).status == 202
        data = {"token": mailed_token(post_office, email, "join-shared"), "password": PASSWORD}
        assert client.post("/api/l/join-shared", data).status == 201
        assert client.get("/api/account").json["groups"] == ["pupils"]


def test_a_class_of_thirty_joins_by_one_qr_code(make_process: Start, browser: Browser, post_office: SmtpSink) -> None:
    process = make_process()
    process.start_and_answer()
    people = People(browser, process.origin, "en", scripts=True)
    admin, url = hang_up_poster(people, process.first_admin_link)
    without_scripts = People(browser, process.origin, "en", scripts=False, complaints=people.complaints)
    phones = [people.one(), people.one(), without_scripts.one()]
    for number, phone in enumerate(phones):
        join_in_browser(phone, url, f"phone{number}@school.example", post_office)
    # The last one borrows the phone of somebody who has joined: what it shows is nobody's, until they sign out.
    borrowed = phones[0]
    follow(borrowed, "main form[action$=sign-out] button")
    join_in_browser(borrowed, url, "phone3@school.example", post_office)

    pupils = [f"pupil{number}@school.example" for number in range(PLACES - IN_BROWSERS)]

    def join_share(share: int) -> None:
        for email in pupils[share::AT_ONCE]:
            join_over_http(process.origin, shared_token(url), email, post_office)

    run_concurrently(AT_ONCE, join_share)
    late = people.one()
    late.goto(url)
    expect(late.locator("h1")).to_have_text("This invitation is full")
    expect(late.locator("main")).to_contain_text(InviteFull.message)
    admin.goto("/admin/invites/shared")
    expect(admin.locator("tbody tr")).to_contain_text(f"{PLACES} of {PLACES}")
    follow(admin, admin.get_by_role("link", name="Class 7b"))
    expect(admin.locator("main")).to_contain_text("pupil7@school.example")
    assert people.complaints == []
    assert process.stop() == 0
    for secret in (PASSWORD, shared_token(url)):
        assert secret not in process.err
