"""The page without a server of its own, in a real browser, and which pages of other origins may ask for tokens."""

from __future__ import annotations

import json

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.e2e.running import free_port
from tests.examples.conftest import Run
from tests.examples.kit import EXAMPLES, Example, RunningService
from tests.people import PASSWORD

pytestmark = pytest.mark.e2e
NEAR_MISSES = (
    "http://localhost:{other}",
    "http://127.0.0.1:{port}",
    "https://localhost:{port}",
    "http://localhost",
    "http://localhost:{port}/",
    "http://localhost:{port}.example.org",
    "http://example.org:{port}",
    "http://a.localhost:{port}",
    "HTTP://LOCALHOST:{port}",
    "null",
    "*",
)


@pytest.fixture
def page_example(plain_house: RunningService, run_example: Run) -> Example:
    example = run_example("browser", plain_house)
    for path in (EXAMPLES / "browser").glob("*.*"):
        (example.folder / path.name).write_bytes(path.read_bytes())
    settings = {"issuer": plain_house.origin, "client_id": example.client_id}
    (example.folder / "settings.json").write_text(json.dumps(settings))
    return example


def test_somebody_signs_in_and_out_in_a_real_browser(
    plain_house: RunningService, page_example: Example, browser: Browser
) -> None:
    email = plain_house.member("Ana")
    page = browser.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(page_example.origin)
    expect(page.get_by_role("heading")).to_have_text("Hello stranger")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Agree and continue").click()
    expect(page.get_by_role("heading")).to_have_text("Hello Ana")
    assert page.url == f"{page_example.origin}/", "the code does not stay in the address"
    assert page.evaluate("JSON.stringify([localStorage, sessionStorage])") == "[{},{}]", "no token is stored"

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading")).to_have_text("Hello stranger")
    assert page.url.startswith(page_example.origin)
    page.goto(f"{plain_house.origin}/account")
    assert "/sign-in" in page.url, "signed out there, too"
    assert troubles == []


def test_only_pages_of_exactly_the_origins_of_public_apps_may_ask_for_tokens(
    plain_house: RunningService, page_example: Example
) -> None:
    secret = Example("flask", plain_house, page_example.folder)
    secret.register()
    for path in ("/oauth/token", "/oauth/userinfo"):
        assert allowed(plain_house, path, page_example.origin) == page_example.origin
        for spelling in NEAR_MISSES:
            origin = spelling.format(port=page_example.port, other=free_port())
            assert allowed(plain_house, path, origin) is None, origin
        assert allowed(plain_house, path, secret.origin) is None, "an app with a secret has no business in a page"
    assert allowed(plain_house, "/oauth/authorize", page_example.origin) is None


def allowed(service: RunningService, path: str, origin: str) -> str | None:
    """Which origin a browser is told may read the answer, asked beforehand and with the request itself."""
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    before = requests.options(f"{service.origin}{path}", headers=headers, timeout=20)
    answer = requests.post(f"{service.origin}{path}", headers={"Origin": origin}, allow_redirects=False, timeout=20)
    for each in (before, answer):
        assert "Access-Control-Allow-Credentials" not in each.headers
    results = {each.headers.get("Access-Control-Allow-Origin") for each in (before, answer)}
    assert len(results) == 1, results
    return results.pop()
