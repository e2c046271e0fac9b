"""Stops at the pages of a link for several people: its admin's, and those of whoever opens it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from playwright.sync_api import Page

from tests.e2e.pages import follow, send
from tests.e2e.walk_links import PASSWORD, Stops

if TYPE_CHECKING:
    from tests.e2e.conftest import Live


def walk_join(page: Page, admin: Page, live: Live) -> Stops:
    """What the admin sees who makes a link for two people, and what they see."""
    admin.goto(live.first_admin_link())
    send(admin, email="root@example.org", password=PASSWORD)
    admin.goto(f"{live.origin}/admin/invites/shared")
    yield admin, "shared-invites-empty"
    admin.goto(f"{live.origin}/admin/invites/shared/new")
    yield admin, "shared-invite-form"
    send(admin, places="30", title="Class 7b", groups="admins")
    yield admin, "shared-invite-refused"
    send(admin, places="1", groups="pupils", domain=".example.org")
    yield admin, "shared-invite"
    shown = admin.url
    follow(admin, "button >> text=Extend")
    yield admin, "shared-invite-extended"
    follow(admin, "main .primary")
    yield admin, "poster"
    link = admin.inner_text(".link")
    yield from _joins(page, link, live)
    admin.goto(shown)
    yield admin, "shared-invite-full"
    admin.goto(f"{live.origin}/admin/invites/shared")
    yield admin, "shared-invites"


def _joins(page: Page, link: str, live: Live) -> Iterator[tuple[Page, str]]:
    page.goto(link)
    yield page, "join"
    send(page, email="carl@elsewhere.example")
    yield page, "join-refused"
    send(page, email="carl@example.org")
    yield page, "join-sent"
    page.goto(live.last_link())
    yield page, "join-link"
    send(page, name="Carl", password=PASSWORD)
    page.goto(link)
    yield page, "join-full"
