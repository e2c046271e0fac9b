"""The pages of admins, walked through in a browser: each page in a state that has something to show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from playwright.sync_api import Page

from tests.e2e.pages import follow, send

if TYPE_CHECKING:
    from tests.e2e.conftest import Live

PASSWORD = "seven blue kettles sing"


def walk_helpdesk(page: Page, admin: Page, live: Live) -> Iterator[tuple[Page, str]]:
    """An admin is asked why no mail came, and why a link does not work; finds the account, helps, and deletes it."""
    origin = live.origin
    page.goto(f"{origin}/sign-up")
    send(page, email="ann@example.org")
    link = live.last_link()
    page.goto(link)
    send(page, name="Ann Example", password=PASSWORD)
    for _ in range(4):
        page.goto(f"{origin}/forgot-password")
        send(page, email="ann@example.org")
    admin.goto(live.first_admin_link())
    send(admin, email="root@example.org", password=PASSWORD)
    admin.goto(f"{origin}/account")
    admin.click("header summary")
    follow(admin, "header >> text=Administration")
    yield admin, "overview"
    admin.click("text=Show as a table")
    assert admin.locator(".plot tbody tr").count() == 14
    yield admin, "overview-table"
    follow(admin, "text=Show 30 days")
    yield admin, "overview-30-days"
    yield from _mail(admin, live, link)
    yield from _app_access(admin, page, origin)
    yield from _account(admin)
    yield from _log_limits_keys(admin, origin)


def _mail(admin: Page, live: Live, link: str) -> Iterator[tuple[Page, str]]:
    follow(admin, ".admin-nav >> text=Emails and links")
    yield admin, "mail"
    follow(admin, "text=Find cause")
    yield admin, "mail-refused"
    admin.fill("[name=email]", "ann@example.org")
    admin.fill("[name=link]", link)
    follow(admin, "text=Find cause")
    text = admin.inner_text("main")
    assert "This link has already been used." in text
    assert "Held back by a rate limit" in text
    assert re.search(r"Password reset\s+Queued", text)
    assert re.search(r"Sign-up link\s+Sent", text)
    yield admin, "mail-traced"
    follow(admin, "#mail ~ p >> text=ann@example.org")


def _app_access(admin: Page, page: Page, origin: str) -> Iterator[tuple[Page, str]]:
    """Ann is kept out of an app, and an admin sees why. Ends at the page of her account."""
    account_url = admin.url
    yield from _make_app(admin)
    client_id = admin.input_value("#copy-id")
    follow(admin, "text=Check access")
    yield admin, "app-access-asked"
    admin.fill("[name=who]", "ann@example.org")
    follow(admin, "main form .primary")
    assert "No access" in admin.inner_text("h2")
    yield admin, "app-access"
    admin.goto(account_url)
    follow(admin, "text=Apps this account can use")
    yield admin, "account-access"
    query = f"client_id={client_id}&redirect_uri=https://wiki.example.org/cb&response_type=code&scope=openid"
    page.goto(f"{origin}/oauth/authorize?{query}")
    assert "wiki@example.org" in page.inner_text("main")
    yield page, "app-refused"
    follow(page, "text=Use a different account")
    assert page.url.startswith(f"{origin}/sign-in?next=/oauth/authorize")
    yield page, "sign-in-to-an-app"
    yield from _remove_app(admin, f"{origin}/admin/apps/{client_id}")
    admin.goto(account_url)
    follow(admin, "text=Mark as invited")
    yield admin, "account-invited-asked"
    send(admin)
    assert "ann@example.org is now marked as invited." in admin.inner_text("#notice")


def _make_app(admin: Page) -> Iterator[tuple[Page, str]]:
    """An app is registered: its kind, then name and address, and what is seldom needed. Ends at its page."""
    follow(admin, ".admin-nav >> text=Apps")
    yield admin, "apps-empty"
    follow(admin, "main a.primary")
    yield admin, "app-kinds"
    follow(admin, "text=Web app")
    yield admin, "app-new"
    admin.click("summary >> text=Advanced")
    send(
        admin,
        name="Wiki",
        redirect_uris="https://wiki.example.org/cb",
        allowed_groups="board",
        contact="nobody, no place",
        access_token_seconds="2",
        access_token_seconds_unit="days",
    )
    assert "From 1 minute to 1 day." in admin.inner_text("[role=alert]")
    assert admin.locator("details.advanced").get_attribute("open") is not None, "what is wrong is in sight"
    yield admin, "app-refused-settings"
    send(admin, contact="wiki@example.org", access_token_seconds="15", access_token_seconds_unit="minutes")
    admin.context.grant_permissions(["clipboard-read", "clipboard-write"])
    admin.click("[aria-describedby=copies-secret]")
    admin.wait_for_selector("text=Copied")
    assert admin.evaluate("navigator.clipboard.readText()") == admin.input_value("#copy-secret")
    for summary in admin.locator("main summary").all():
        summary.click()
    yield admin, "app-secret"
    follow(admin, ".admin-nav >> text=Apps")
    yield admin, "apps"
    follow(admin, "text=Wiki")


def _remove_app(admin: Page, app_url: str) -> Iterator[tuple[Page, str]]:
    """An app is removed, once its name is typed; before that, whoever thinks better of it gets back."""
    admin.goto(app_url)
    follow(admin, "text=Remove app")
    yield admin, "app-remove"
    follow(admin, "text=Cancel")
    assert admin.url == app_url
    follow(admin, "text=Remove app")
    send(admin, name="Weki")
    assert "This is not the app's name." in admin.inner_text("[role=alert]")
    yield admin, "app-remove-refused"
    send(admin, name="Wiki")
    assert admin.inner_text("#notice") == "Wiki was removed."
    assert admin.evaluate("document.activeElement.id") == "notice", "so that a screen reader says it"
    yield admin, "app-removed"


def _account(admin: Page) -> Iterator[tuple[Page, str]]:
    yield admin, "account-of-somebody"
    follow(admin, "text=Send password reset")
    assert "is on its way to ann@example.org." in admin.inner_text("#notice")
    follow(admin, "text=Change groups")
    yield admin, "account-groups"
    send(admin, groups="not/a/group")
    yield admin, "account-groups-refused"
    send(admin, groups="editors, board")
    follow(admin, "text=Change groups")
    send(admin, groups="editors")
    yield admin, "account-groups-asked"
    send(admin)
    follow(admin, "text=Disable account")
    yield admin, "account-disable"
    send(admin)
    assert admin.inner_text("#notice") == "ann@example.org was disabled."
    assert "Disabled" in admin.inner_text("main .tag")
    follow(admin, "text=Enable account")
    yield admin, "account-enable"
    send(admin)
    assert "Active" in admin.inner_text("main .tag")
    follow(admin, ".admin-nav >> text=Accounts")
    admin.fill("[name=q]", "ann")
    admin.fill("[name=group]", "editors")
    follow(admin, "text=Search")
    yield admin, "accounts-found"
    yield from _many(admin)
    follow(admin, "table >> text=ann@example.org")
    follow(admin, "text=Delete account")
    yield admin, "account-delete"
    admin.fill("[name=email]", "root@example.org")
    follow(admin, "text=Delete permanently")
    assert "This email address doesn't match the account. Enter the account's email address." in admin.inner_text(
        "[role=alert]"
    )
    admin.fill("[name=email]", "ann@example.org")
    follow(admin, "text=Delete permanently")
    assert admin.inner_text("#notice") == "ann@example.org was deleted."
    assert "ann@example.org" not in admin.inner_text("main table")
    yield admin, "accounts"


def _many(admin: Page) -> Iterator[tuple[Page, str]]:
    """One thing is done about all that are ticked in a list. Ends at the list."""
    found_url = admin.url
    follow(admin, "#bulk .primary")
    assert admin.inner_text("#notice") == "Select at least one account."
    yield admin, "bulk-refused"
    follow(admin, "text=Select all on this page")
    assert admin.locator("[name=who]:checked").count() == 1
    admin.select_option("[name=act]", "sign-out")
    follow(admin, "#bulk .primary")
    yield admin, "bulk-dry-run"
    admin.click("text=Apply to 1 account")
    admin.wait_for_selector("text=Results")
    assert "Done: 1. Skipped: 0." in admin.inner_text("[role=status] >> visible=true")
    yield admin, "bulk-done"
    with admin.expect_download() as download:
        admin.click("text=Download as CSV")
    assert '"done",""' in download.value.path().read_text("utf-8-sig")
    follow(admin, "text=Bulk changes")
    yield admin, "bulk-acts"
    admin.goto(found_url)


def _log_limits_keys(admin: Page, origin: str) -> Iterator[tuple[Page, str]]:
    follow(admin, ".admin-nav >> text=Audit log")
    assert "Account deleted by an admin" in admin.inner_text("table")
    assert "Deleted account" in admin.inner_text("table")
    admin.click("details.raw >> nth=0")
    yield admin, "audit"
    admin.select_option("[name=kind]", "account.deleted")
    admin.fill("[name=since]", "2026-01-01T10:00")
    follow(admin, "text=Search")
    assert admin.input_value("[name=kind]") == "account.deleted"
    assert admin.locator("tbody tr").count() == 1
    follow(admin, "th a")
    assert admin.input_value("[name=since]").startswith("2026-01-01T10:00"), (
        "the order is another, the search the same"
    )
    yield admin, "audit-oldest"
    admin.goto(f"{origin}/admin/audit?since=yesterday")
    yield admin, "audit-refused"
    admin.goto(f"{origin}/admin/audit?kind=app.consent")
    yield admin, "audit-empty"
    admin.goto(f"{origin}/admin/audit?kind=account")
    follow(admin, "text=Export these entries")
    yield admin, "audit-export"
    with admin.expect_download() as download:
        admin.click("main .primary")
    text = download.value.path().read_text("utf-8")
    assert text.startswith('"id","at","kind",')
    assert "account.deleted" in text
    assert "mail.sent" not in text, "the filters of the page went along"
    follow(admin, ".admin-nav >> text=Rate limits")
    admin.fill("[name=email]", "ann@example.org")
    follow(admin, "main .primary")
    # From which networks somebody has asked is forgotten with the account; what was asked for the address is not.
    assert "3 of 20" in admin.inner_text("table")
    yield admin, "limits-shown"
    follow(admin, "text=Reset counters")
    assert "Counters of ann@example.org have been reset." in admin.inner_text("[role=status]")
    yield admin, "limits"
    follow(admin, ".admin-nav >> text=Signing keys")
    yield admin, "keys"
    admin.set_viewport_size({"width": 360, "height": 740})
    for path in (
        "/admin",
        "/admin/accounts",
        "/admin/mail",
        "/admin/mail/bounced",
        "/de/admin/audit",
        "/admin/limits",
        "/admin/keys",
    ):
        admin.goto(origin + path)
        # Nothing sticks out: what is wider than the screen would need scrolling sideways.
        assert admin.evaluate("document.documentElement.scrollWidth") <= 360, path
