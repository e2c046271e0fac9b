"""Stops at the pages of the further kinds of links, and at the pages that ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from playwright.sync_api import Page

from accounts.core.security.addresses import parse_email
from accounts.core.uow import UnitOfWork
from accounts.extension import get_app_state
from accounts.flows.sign_in import unlock
from tests.e2e.pages import follow, send

if TYPE_CHECKING:
    from tests.e2e.conftest import Live

PASSWORD = "seven blue kettles sing"
OTHER_PASSWORD = "nine green lanterns hum"
NEWEST_PASSWORD = "four silver anchors drift"
Stops = Iterator[tuple[Page, str]]


def walk_links(page: Page, other: Page, live: Live) -> Stops:
    """What somebody sees on her own device, and on one where nobody is signed in."""
    _sign_up(page, live)
    yield from _by_mail(other, live)
    yield from _another_address(page, other, live)
    yield from _confirming(page, other, live)
    yield from _locked(other, live)
    yield from _notices(page, other, live)
    yield from _leaving(page, live)


def _sign_up(page: Page, live: Live) -> None:
    page.goto(f"{live.origin}/sign-up")
    send(page, email="dora@example.org")
    page.goto(live.last_link())
    send(page, name="Dora Example", password=PASSWORD)


def _by_mail(other: Page, live: Live) -> Stops:
    other.goto(f"{live.origin}/sign-in/mail")
    yield other, "sign-in-mail"
    send(other, email="dora@example.org")
    link = live.last_link()
    other.goto(link)
    yield other, "sign-in-link"
    send(other)
    other.goto(link)
    yield other, "sign-in-link-used"
    send(other)
    assert live.last_link() != link
    other.context.clear_cookies()


def _another_address(page: Page, other: Page, live: Live) -> Stops:
    page.goto(f"{live.origin}/account/email")
    yield page, "change-email"
    send(page, email="do..ra@example.net")
    yield page, "change-email-refused"
    send(page, email="dora@example.net")
    elder = live.last_link()
    page.goto(f"{live.origin}/account/email")
    send(page, email="dora@example.net")
    link = live.last_link()
    page.goto(elder)
    yield page, "change-email-link-superseded"
    other.goto(link)
    yield other, "change-email-link-must-sign-in"
    page.goto(link)
    yield page, "change-email-link"
    send(page)
    yield page, "change-email-done"
    other.goto(live.last_link())
    yield other, "undo-link"


def _confirming(page: Page, other: Page, live: Live) -> Stops:
    page.goto(f"{live.origin}/account/email")
    send(page, email="dora@example.com")
    link = live.last_link()
    other.goto(f"{live.origin}/sign-in")
    other.check("[name=remember]")
    send(other, email="dora@example.net", password=PASSWORD)
    other.goto(link)
    yield other, "change-email-link-must-confirm"
    other.goto(f"{live.origin}/account/sessions")
    yield other, "sessions-must-confirm"
    other.goto(f"{live.origin}/account")
    other.check("[name=everywhere]")
    follow(other, "main [action='/sign-out'] button")
    yield other, "confirmation-required"
    other.goto(f"{live.origin}/account/email")
    yield other, "confirm"
    send(other, password="wrong password here")
    yield other, "confirm-refused"
    other.context.clear_cookies()


def _locked(other: Page, live: Live) -> Stops:
    with UnitOfWork(get_app_state(live.app).site) as uow:
        for _ in range(unlock.MAX_FAILURES):
            unlock.count_failure(uow, parse_email("dora@example.net").key)
    link = live.last_link()
    other.goto(link)
    yield other, "unlock-link"
    send(other)
    yield other, "unlock-done"
    other.goto(link)
    yield other, "unlock-link-used"


def _notices(page: Page, other: Page, live: Live) -> Stops:
    page.goto(f"{live.origin}/account/password")
    send(page, current_password=PASSWORD, password=OTHER_PASSWORD)
    link = live.last_link()
    other.goto(link)
    yield other, "not-me-link"
    send(other)
    yield other, "not-me-done"
    reset = live.last_link()
    other.goto(link)
    yield other, "not-me-link-used"
    # The password is void now: without the reset nobody gets in with it any more.
    other.goto(reset)
    send(other, password=NEWEST_PASSWORD)


def _leaving(page: Page, live: Live) -> Stops:
    page.context.clear_cookies()
    page.goto(f"{live.origin}/sign-in")
    send(page, email="dora@example.net", password=NEWEST_PASSWORD)
    page.goto(f"{live.origin}/account/close")
    yield page, "close-account"
    send(page, email="dora@example.net")
    link = live.last_link()
    page.goto(link)
    yield page, "close-account-link"
    send(page)
    yield page, "close-account-done"
    page.goto(link)
    yield page, "close-account-link-used"
