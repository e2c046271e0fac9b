"""The pages of admins, walked through in a browser: each page in a state that has something to show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from playwright.sync_api import Page

if TYPE_CHECKING:
    from tests.e2e.conftest import Live

PASSWORD = "seven blue kettles sing"


def walk_helpdesk(page: Page, admin: Page, live: Live) -> Iterator[tuple[Page, str]]:
    """An admin is asked why no mail came, and why a link does not work; finds the account, helps, and deletes it."""
    origin = live.origin
    page.goto(f"{origin}/sign-up")
    page.fill("[name=email]", "ann@example.org")
    page.click("main .primary")
    link = live.last_link()
    page.goto(link)
    page.fill("[name=name]", "Ann Example")
    page.fill("[name=password]", PASSWORD)
    page.click("main .primary")
    for _ in range(4):
        page.goto(f"{origin}/forgot-password")
        page.fill("[name=email]", "ann@example.org")
        page.click("main .primary")
    admin.goto(live.first_admin_link())
    admin.fill("[name=email]", "root@example.org")
    admin.fill("[name=password]", PASSWORD)
    admin.click("main .primary")
    admin.goto(f"{origin}/account")
    admin.click("header >> text=Administration")
    yield admin, "administration"
    yield from _mail(admin, live, link)
    yield from _app_access(admin, page, origin)
    yield from _account(admin)
    yield from _log_limits_keys(admin, origin)


def _mail(admin: Page, live: Live, link: str) -> Iterator[tuple[Page, str]]:
    admin.click(".admin-nav >> text=Mail and links")
    yield admin, "mail"
    admin.click("text=Find out")
    yield admin, "mail-refused"
    admin.fill("[name=email]", "ann@example.org")
    admin.fill("[name=link]", link)
    admin.click("text=Find out")
    text = admin.inner_text("main")
    assert "This very link was used already." in text
    assert "Held back by the limit mail" in text
    assert re.search(r"reset-password\s+waits", text)
    assert re.search(r"activate\s+sent", text)
    yield admin, "mail-traced"
    admin.click("#mail ~ p >> text=ann@example.org")


def _app_access(admin: Page, page: Page, origin: str) -> Iterator[tuple[Page, str]]:
    """Ann is kept out of an app, and an admin sees why. Ends at the page of her account."""
    account_url = admin.url
    admin.goto(f"{origin}/admin/apps/new")
    admin.fill("[name=name]", "Wiki")
    admin.fill("[name=redirect_uris]", "https://wiki.example.org/cb")
    admin.fill("[name=allowed_groups]", "board")
    admin.fill("[name=contact]", "wiki@example.org")
    admin.click("main .primary")
    client_id = admin.inner_text("#settings ~ dl dd >> nth=0")
    admin.click("text=Who has access?")
    yield admin, "app-access-asked"
    admin.fill("[name=who]", "ann@example.org")
    admin.click("text=Explain")
    assert "no access" in admin.inner_text("h2")
    yield admin, "app-access"
    admin.goto(account_url)
    admin.click("text=Apps this account can use")
    yield admin, "account-access"
    query = f"client_id={client_id}&redirect_uri=https://wiki.example.org/cb&response_type=code&scope=openid"
    page.goto(f"{origin}/oauth/authorize?{query}")
    assert "wiki@example.org" in page.inner_text("main")
    yield page, "app-refused"
    page.click("text=Use another account")
    assert page.url.startswith(f"{origin}/sign-in?next=/oauth/authorize")
    admin.goto(account_url)
    admin.click("text=Count as invited")
    assert "counts as invited" in admin.inner_text("[role=status]")


def _account(admin: Page) -> Iterator[tuple[Page, str]]:
    yield admin, "account-of-somebody"
    admin.click("text=Mail a link for a new password")
    assert "A letter with a link" in admin.inner_text("[role=status]")
    admin.click("text=Change the groups")
    yield admin, "account-groups"
    admin.fill("[name=groups]", "not/a/group")
    admin.click("main .primary")
    yield admin, "account-groups-refused"
    admin.fill("[name=groups]", "editors")
    admin.click("main .primary")
    admin.click("text=Disable the account")
    assert "disabled" in admin.inner_text("h2 .tag")
    admin.click("text=Enable the account")
    yield admin, "account-enable"
    admin.click("main .primary")
    assert admin.locator("h2 .tag").count() == 0 or "disabled" not in admin.inner_text("h2 .tag")
    admin.click(".admin-nav >> text=Accounts")
    admin.fill("[name=q]", "ann")
    admin.fill("[name=group]", "editors")
    admin.click("text=Search")
    yield admin, "accounts-found"
    yield from _many(admin)
    admin.click("table >> text=ann@example.org")
    admin.click("text=Delete the account")
    yield admin, "account-delete"
    admin.fill("[name=email]", "root@example.org")
    admin.click("text=Delete for good")
    assert "That is not the address of this account." in admin.inner_text("[role=alert]")
    admin.fill("[name=email]", "ann@example.org")
    admin.click("text=Delete for good")
    assert "ann@example.org" not in admin.inner_text("main")
    yield admin, "accounts"


def _many(admin: Page) -> Iterator[tuple[Page, str]]:
    """One thing is done about all that are ticked in a list. Ends at the list."""
    found_url = admin.url
    admin.click("#bulk .primary")
    assert "Nobody is ticked." in admin.inner_text("[role=alert]")
    yield admin, "bulk-refused"
    admin.click("text=Tick all on this page")
    assert admin.locator("[name=who]:checked").count() == 1
    admin.select_option("[name=act]", "sign-out")
    admin.click("#bulk .primary")
    yield admin, "bulk-dry-run"
    admin.click("text=Do this for one account")
    admin.wait_for_selector("text=What became of it")
    assert "Done: 1. Skipped: 0." in admin.inner_text("[role=status] >> visible=true")
    yield admin, "bulk-done"
    with admin.expect_download() as download:
        admin.click("text=Download as CSV")
    assert '"done",""' in download.value.path().read_text("utf-8-sig")
    admin.click("text=Changes to many accounts")
    yield admin, "bulk-acts"
    admin.goto(found_url)


def _log_limits_keys(admin: Page, origin: str) -> Iterator[tuple[Page, str]]:
    admin.click(".admin-nav >> text=Audit log")
    assert "account deleted by an admin" in admin.inner_text("table")
    yield admin, "audit"
    admin.fill("[name=since]", "yesterday")
    admin.click("text=Search")
    yield admin, "audit-refused"
    admin.goto(f"{origin}/admin/audit?kind=account")
    admin.click("text=Take these lines away as a file")
    yield admin, "audit-export"
    with admin.expect_download() as download:
        admin.click("text=Download")
    text = download.value.path().read_text("utf-8")
    assert text.startswith('"id","at","kind",')
    assert "account.deleted" in text
    assert "mail.sent" not in text, "the filters of the page went along"
    admin.click(".admin-nav >> text=Limits")
    admin.fill("[name=email]", "ann@example.org")
    admin.click("text=Show")
    # From which networks somebody has asked is forgotten with the account; what was asked for the address is not.
    assert "3 of 20" in admin.inner_text("table")
    yield admin, "limits-shown"
    admin.click("text=Have all of this counted anew")
    assert "Counting begins anew." in admin.inner_text("[role=status]")
    yield admin, "limits"
    admin.click(".admin-nav >> text=Keys")
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
