"""What admins do about mail and limits is asked where something is lost, and named on the page that follows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from accounts.core.clock import now
from accounts.core.models.bounces import UnreachableAddress
from accounts.core.models.invites import InviteBatch
from accounts.core.models.outbox import OutboxRow
from tests.kit.browser import Browser
from tests.people import Service, make_email, token_of_url


@pytest.fixture
def admin(service: Service) -> Browser:
    """An admin in a browser, with a fresh proof."""
    email = service.admin().email
    browser = Browser(service.app.test_client())
    browser.visit("/sign-in")
    browser.sign_in_as(email)
    return browser


def put(service: Service, model: Any, *rows: dict[str, Any]) -> None:
    with service.site.store.engine.begin() as connection:
        connection.execute(insert(model), list(rows))


def letter(id: str, subject: str, **fields: Any) -> dict[str, Any]:
    later = now() + timedelta(hours=1)
    return {"id": id, "purpose": "activate", "subject": subject, "facts": {}, "locale": "en", "lane": "direct",
            "not_before": later, "attempts": 0, "dead_at": None, "batch": None} | fields  # fmt: skip


def test_an_email_that_is_sent_again_is_named_by_its_address(service: Service, admin: Browser) -> None:
    email = make_email("lost")
    put(service, OutboxRow, letter("dead1", email, dead_at=now(), last_error="550 no"))
    admin.visit("/admin/mail")
    page = admin.submit(admin.form(action="/again"))
    assert f"We'll try again to send the email to {email}, with a new link." in page.text
    assert "We'll try again" not in admin.visit("/admin/mail").text, "it is shown once"


def test_discarding_the_emails_of_a_list_asks_first_and_says_how_many(service: Service, admin: Browser) -> None:
    put(service, InviteBatch, {"id": "summer", "name": "Summer school", "made_by": "x"})
    rows = [letter(f"s{number}", make_email(), lane="bulk", batch="summer") for number in range(3)]
    put(service, OutboxRow, *rows)
    admin.visit("/admin/mail")
    page = admin.click("/summer/cancel")
    assert "Discard the unsent emails of “Summer school”?" in page.text
    assert "3 emails have not gone out yet. They won't be sent." in page.text
    assert "Invitations among them stay open." in page.text
    assert "Cancel" in page.text
    page = admin.submit(admin.form(action="/cancel"))
    assert admin.url == "/admin/mail"
    assert "3 unsent emails of “Summer school” were discarded." in page.text
    assert admin.visit("/admin/mail/summer/cancel").text, "there is nothing left to ask about"
    assert admin.status == 404


def test_the_question_about_one_email_is_about_one(service: Service, admin: Browser) -> None:
    put(service, OutboxRow, letter("only", make_email(), lane="bulk", batch="nameless"))
    page = admin.visit("/admin/mail/nameless/cancel")
    assert "1 email has not gone out yet. It won't be sent." in page.text
    assert "1 unsent email of “Discarded list” was discarded." in admin.submit(admin.form(action="/cancel")).text


def test_pausing_and_resuming_name_the_queue_or_the_list(service: Service, admin: Browser) -> None:
    put(service, InviteBatch, {"id": "summer", "name": "Summer school", "made_by": "x"})
    put(service, OutboxRow, letter("s", make_email(), lane="bulk", batch="summer"))
    admin.visit("/de/admin/mail")
    assert "Angehalten: Vorrangige E-Mails" in admin.submit(admin.form(action="/direct/pause")).text
    admin.visit("/admin/mail")
    assert "Resumed: Priority emails." in admin.submit(admin.form(action="/direct/resume")).text
    page = admin.submit(admin.form(action="/summer/pause"))
    assert "Sending of “Summer school” is paused." in page.text
    assert "Paused on" in page.text
    assert "Sending of “Summer school” has resumed." in admin.submit(admin.form(action="/summer/resume")).text


def test_an_address_that_is_reachable_again_is_named(service: Service, admin: Browser) -> None:
    member = service.member()
    mark = {
        "email_key": member.email,
        "since": now(),
        "mail": "m",
        "purpose": "sign-in",
        "status": "5.1.1",
        "said": "no",
    }
    put(service, UnreachableAddress, mark)
    page = admin.visit("/admin/mail/bounced")
    assert "Sign-in link" in page.text
    page = admin.submit(admin.form("email", action="/bounced/lift"))
    assert f"{member.email} is marked as reachable again." in page.text
    assert "No bounced emails." in page.text


def test_unreachable_addresses_come_in_the_order_that_was_asked_for(service: Service) -> None:
    admin = service.admin()
    members = [service.member() for _ in range(3)]
    for days, member in enumerate(members):
        mark = {"mail": f"m{days}", "purpose": "x", "status": "5.1.1", "said": "", "email_key": member.email}
        put(service, UnreachableAddress, mark | {"since": now() - timedelta(days=days)})
    for order, expected in (("newest", members), ("oldest", members[::-1])):
        seen: list[str] = []
        after: str | None = ""
        while after is not None:
            path = f"/api/admin/mail/bounced?order={order}&limit=2&after={after}"
            answer = admin.get(path).get_json()
            seen, after = [*seen, *(each["email"] for each in answer["addresses"])], answer["next"]
        assert seen == [member.email for member in expected]
    assert 'aria-sort="ascending"' in admin.get("/admin/mail/bounced?order=oldest").text


def test_limits_that_were_reset_are_named_by_whose_they_are(service: Service, admin: Browser) -> None:
    member, stranger = service.member(), service.person()
    for _ in range(4):
        stranger.post("/api/forgot-password", {"email": member.email})
    admin.visit("/admin/limits")
    page = admin.submit(email=member.email)
    assert "Emails requested from one network Limit reached" in page.text
    assert f"Password reset, {stranger.network}" in page.text
    page = admin.submit(admin.form("link", action="/lift"))
    assert f"Counters of {member.email} have been reset." in page.text
    admin.submit(email=member.email)
    admin.open("/admin/limits/lift", admin.form("email").values | {"email": make_email("quiet")})
    assert "so nothing was reset" in admin.page.text


def test_the_doctor_says_where_the_account_of_a_used_link_went(service: Service, admin: Browser) -> None:
    member, new_email = service.person(), make_email("moved")
    member.post("/api/sign-up", {"email": member.email})
    url = service.link_url(member.email, "activate")
    member.post("/api/l/activate", {"token": token_of_url(url), "password": member.password})
    member.sign_in()
    member.post("/api/account/email", {"email": new_email})
    member.post("/api/l/change-email", {"token": service.link_token(new_email, "change-email")})
    admin.visit("/admin/links/explain")
    page = admin.submit(link=url)
    assert "The account changed its email address on" in page.text
    assert f"It now uses {new_email}." in page.text
    assert "Owner of the address Changed" in page.text
    assert "Sign-up link" in page.text
