"""Every page in a real browser: no violation that axe can find, no script or style that the policy refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it ships no types
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import Live
from tests.e2e.pages import follow, send
from tests.e2e.walk_approvals import walk_approvals
from tests.e2e.walk_helpdesk import walk_helpdesk
from tests.e2e.walk_invites import walk_invites
from tests.e2e.walk_join import walk_join
from tests.e2e.walk_links import walk_links

pytestmark = pytest.mark.e2e

PASSWORD = "seven blue kettles sing"
OTHER_PASSWORD = "nine green lanterns hum"
SCHEMES = ("light", "dark")


Walk = Callable[[Page, Page, Live], Iterator[tuple[Page, str]]]


def as_stranger(page: Page, live: Live) -> Iterator[str]:
    """What somebody sees who is not signed in."""
    origin = live.origin
    page.goto(f"{origin}/mailbox")
    yield "mailbox-empty"
    page.goto(f"{origin}/sign-in")
    yield "sign-in"
    send(page, email="ann@example.org", password="wrong password here")
    yield "sign-in-failed"
    page.goto(f"{origin}/forgot-password")
    yield "forgot-password"
    page.goto(f"{origin}/sign-up")
    yield "sign-up"
    page.fill("[name=email]", "ann@gmial.con")
    page.press("[name=email]", "Tab")
    page.get_by_text("Did you mean ann@gmail.com?").wait_for()
    yield "sign-up-typo-by-script"
    send(page, email="ann@gmial.con")
    page.get_by_text("Did you mean ann@gmail.com?").wait_for()
    yield "sign-up-typo"
    page.goto(f"{origin}/sign-up")
    send(page, email="ann@example.org")
    page.get_by_role("button", name="Send again in").wait_for()
    yield "check-email"
    page.goto(f"{origin}/nothing-here")
    yield "not-found"
    page.goto(f"{origin}/l/reset-password/junk/go")
    yield "dead-link"
    page.goto(f"{origin}/api/docs")
    yield "api"


def as_ann(page: Page, live: Live) -> Iterator[str]:
    """What somebody sees who signs up and looks after her account."""
    origin = live.origin
    link = live.last_link()
    page.goto(f"{origin}/mailbox")
    yield "mailbox"
    follow(page, "main h2 a")
    yield "mailbox-message"
    for part in ("text", "source"):
        follow(page, f"main nav a[href$={part}]")
        yield f"mailbox-{part}"
    page.goto(f"{origin}/mailbox/clear")
    yield "mailbox-clear"
    page.goto(link)
    yield "activate"
    send(page, name="Ann Example", password="short")
    yield "activate-refused"
    page.click(".password button")
    yield "password-shown"
    send(page, password=PASSWORD)
    yield "activate-done"
    page.goto(link)
    yield "used-link"
    page.goto(f"{origin}/account")
    yield "account"
    page.goto(f"{origin}/account/password")
    yield "change-password"
    send(page, current_password="wrong password here", password=OTHER_PASSWORD)
    yield "change-password-refused"
    page.goto(f"{origin}/account/activity")
    yield "activity"
    page.goto(f"{origin}/account/sessions/end-others")
    yield "end-others"
    page.goto(f"{origin}/account/close")
    yield "close-account"
    page.goto(f"{origin}/account/sessions")
    yield "sessions"
    page.goto(f"{origin}/de/account")
    yield "account-de"


def as_admin(page: Page, ann: Page, live: Live) -> Iterator[tuple[Page, str]]:
    """What the first admin sees, and whoever is invited."""
    origin = live.origin
    page.goto(live.first_admin_link())
    yield page, "first-admin"
    send(page, email="root@example.org", password=PASSWORD)
    page.goto(f"{origin}/admin/invites")
    yield page, "invites-empty"
    for email, groups in (("bob@example.org", "staff, board"), ("ann@example.org", "staff")):
        send(page, email=email, groups=groups)
    follow(page, ".actions >> text=Revoke >> nth=1")
    yield page, "invite-revoke"
    send(page)
    yield page, "invites"
    send(page, email="carl@example.org", groups="not/a/group")
    yield page, "invites-refused"
    link = live.last_link()
    page.goto(link)
    yield page, "wrong-account"
    ann.goto(link)
    yield ann, "invite-of-a-member"
    ann.context.clear_cookies()
    ann.goto(link)
    yield ann, "invite-must-sign-in"
    ann.goto(f"{origin}/de/sign-in")
    yield ann, "sign-in-de"


def walk(page: Page, admin: Page, live: Live) -> Iterator[tuple[Page, str]]:
    """Stops at every page, in the state that its name says."""
    for name in as_stranger(page, live):
        yield page, name
    for name in as_ann(page, live):
        yield page, name
    yield from as_admin(admin, page, live)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", [walk, walk_links, walk_helpdesk, walk_approvals, walk_join, walk_invites])
def test_no_page_has_violations_and_none_breaks_the_policy(live: Live, browser: Browser, way: Walk) -> None:
    page, admin = (browser.new_context(locale="en-GB").new_page() for _ in range(2))
    refused: list[str] = []
    for each in (page, admin):
        each.on("console", lambda told: refused.append(told.text) if "Content Security Policy" in told.text else None)
        each.on("pageerror", lambda error: refused.append(str(error)))
    found: list[str] = []
    for shown, name in way(page, admin, live):
        for scheme in SCHEMES:
            shown.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            results = Axe().run(shown)
            found += [
                f"{name} ({scheme}): {each['id']} {[node['target'] for node in each['nodes']]}"
                for each in results.response["violations"]
            ]
    assert found == []
    assert refused == []
