"""The look of an installation in a real browser: a logo that can do nothing, and head and navigation on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it ships no types
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import Live
from tests.e2e.pages import follow, send
from tests.kit.images import svg

pytestmark = pytest.mark.e2e

PASSWORD = "seven blue kettles sing"
EMAIL = "root@example.org"
ACCENT = "#0f766e"
SCRIPT = "document.documentElement.setAttribute('data-ran', 'yes')"
HOSTILE_SVG = svg(f'<script>{SCRIPT}</script><image href="x" onerror="{SCRIPT}"/>')
HAS_RUN = "() => document.documentElement.getAttribute('data-ran')"
LAYOUT_SHIFT = """() => new Promise(done => new PerformanceObserver(list =>
    done(list.getEntries().reduce((sum, each) => sum + each.value, 0)))
    .observe({type: "layout-shift", buffered: true}) || setTimeout(() => done(0), 300))"""
PARTLY_OUTSIDE = """() => [...document.querySelectorAll(".admin-nav li a")].filter(each => {
    const box = each.getBoundingClientRect();
    return !box.width || box.left < 0 || box.right > innerWidth || each.scrollWidth > each.clientWidth;
}).map(each => each.textContent)"""
MAX_BYTES = 40_000


@pytest.fixture
def live_settings(tmp_path: Path) -> dict[str, str]:
    """An installation with a hostile logo and an accent of its own."""
    logo = tmp_path / "logo.svg"
    logo.write_bytes(HOSTILE_SVG)
    return {"logo": str(logo), "accent": ACCENT, "links": "Privacy=/privacy", "service_name": "Example School"}


def violations(page: Page) -> list[str]:
    """What axe finds on a page as it is now, in both schemes."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        found += [f"{scheme}: {each['id']}" for each in Axe().run(page).response["violations"]]
    page.emulate_media(color_scheme="light")
    return found


def look_with_scripts(phone: Page, browser: Browser, origin: str) -> None:
    """What axe, a script, finds on the same pages; and that Escape closes the menu and goes back to its button."""
    state = phone.context.storage_state()
    page = browser.new_context(
        base_url=origin, storage_state=state, viewport={"width": 320, "height": 640}
    ).new_page()
    for path in ("/admin", "/sign-in"):
        page.goto(path)
        page.click("header summary")
        assert violations(page) == [], path
    page.keyboard.press("Escape")
    assert page.locator("header details").get_attribute("open") is None
    assert page.evaluate("() => document.activeElement.tagName") == "SUMMARY"


def test_an_installation_s_look_is_seen_and_does_no_harm(live: Live, browser: Browser) -> None:
    page = browser.new_context(base_url=live.origin, locale="en-GB").new_page()
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
    page.goto("/sign-in", wait_until="networkidle")
    # When a browser asks for the icon of its tab is its own business.
    assert len([url for url in sizes if "/favicon" not in url]) <= 4, "page, style sheet, script, logo"
    assert sum(sizes.values()) < MAX_BYTES
    assert page.evaluate(LAYOUT_SHIFT) == 0
    colour = page.evaluate("() => getComputedStyle(document.querySelector('main .primary')).backgroundColor")
    assert colour == "rgb({}, {}, {})".format(*bytes.fromhex(ACCENT[1:]))
    logo = page.locator(".brand img")
    assert logo.evaluate("each => each.complete && each.naturalWidth > 0")
    assert violations(page) == []
    address = logo.get_attribute("src") or ""
    # The same picture with no policy runs: what is looked for can be seen.
    page.route("**/plain.svg", lambda route: route.fulfill(body=HOSTILE_SVG, content_type="image/svg+xml"))
    page.goto("/plain.svg")
    page.wait_for_function(HAS_RUN)
    page.goto(address, wait_until="load")
    assert page.evaluate(HAS_RUN) is None


def test_head_and_navigation_work_on_a_phone_by_keyboard_and_without_scripts(live: Live, browser: Browser) -> None:
    phone = browser.new_context(
        base_url=live.origin, viewport={"width": 320, "height": 640}, java_script_enabled=False, locale="en-GB"
    ).new_page()
    phone.goto(live.first_admin_link())
    send(phone, email=EMAIL, password=PASSWORD)
    for language in ("de", "fr", "es"):
        phone.goto(f"/{language}/admin/keys")
        here = phone.locator(".admin-nav [aria-current=page]")
        assert here.count() == 1
        box = here.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
        assert phone.evaluate(PARTLY_OUTSIDE) == []
    phone.goto("/check-email")
    menu = phone.locator("header details")
    assert not phone.get_by_role("button", name="Sign out").is_visible()
    for _ in range(3):
        # Past the link that skips, and the name of the service.
        phone.keyboard.press("Tab")
    phone.keyboard.press("Enter")
    assert menu.get_attribute("open") is not None
    assert EMAIL in menu.inner_text()
    look_with_scripts(phone, browser, live.origin)
    for _ in range(3):
        phone.keyboard.press("Tab")
    with phone.expect_event("load"):
        phone.keyboard.press("Enter")
    assert phone.locator("header details").count() == 0
    phone.goto("/sign-in")
    send(phone, email=EMAIL, password=PASSWORD)
    phone.goto("/sign-in?next=/account/sessions")
    follow(phone, phone.get_by_role("link", name="Continue"))
    assert phone.url.endswith("/account/sessions")
