"""One's own account in a browser: times where it is, devices that are named and signed out."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Live
from tests.e2e.pages import follow, send
from tests.people import PASSWORD

pytestmark = pytest.mark.e2e
EMAIL = "root@example.org"
LOCAL, UTC = re.compile(r"\d+ \w+ \d{4}, \d\d:\d\d"), re.compile(r"\d+ \w+ \d{4}, \d\d:\d\d UTC")


def test_times_are_those_of_the_browser_and_a_device_is_signed_out_by_name(browser: Browser, live: Live) -> None:
    context = browser.new_context(base_url=live.origin, locale="en-GB", timezone_id="America/Sao_Paulo")
    page = context.new_page()
    page.goto(live.first_admin_link())
    send(page, email=EMAIL, password=PASSWORD, name="Ada Lovelace")
    asked: list[str] = []
    elsewhere = browser.new_context(base_url=live.origin, locale="en-GB", timezone_id="Asia/Tokyo").new_page()
    elsewhere.on("request", lambda request: asked.append(request.url))
    elsewhere.goto("/sign-in")
    assert len([each for each in asked if "favicon" not in each]) == 3, asked
    send(elsewhere, email=EMAIL, password=PASSWORD)

    page.goto("/account")
    # Learnt where the account was made; the second browser, in Tokyo, changed nothing.
    expect(page.locator("dd", has_text="America/Sao Paulo")).to_be_visible()
    assert re.search(r"Last event (?:now|\d+ \w+ ago)", page.locator("main").inner_text())

    follow(page, page.get_by_role("link", name="Devices and sessions"))
    times = page.locator("time[data-format=absolute]")
    for number in range(times.count()):
        assert LOCAL.fullmatch(times.nth(number).inner_text())
        assert UTC.fullmatch(times.nth(number).get_attribute("title") or "")
    minutes = [text[-5:] for text in (times.first.inner_text(), (times.first.get_attribute("title") or "")[:-4])]
    local, utc = (int(each[:2]) * 60 + int(each[3:]) for each in minutes)
    assert (local - utc) % (24 * 60) == 21 * 60

    device = page.locator("li.card", has_not=page.get_by_text("This device"))
    follow(page, device.get_by_role("link", name="Rename"))
    send(page, name="Kitchen laptop")
    expect(page.locator("#notice")).to_be_focused()
    follow(page, device.get_by_role("link", name="Sign out"))
    expect(page.get_by_role("heading", name="Sign out Kitchen laptop?")).to_be_visible()
    follow(page, page.get_by_role("button", name="Sign out device"))
    expect(page.locator("#notice")).to_have_text("Kitchen laptop was signed out.")
    elsewhere.goto("/account")
    assert elsewhere.url.endswith("/sign-in?next=/account")
