"""A real browser on its way to another app and back: its own rules on where forms may lead are the hard ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.pages import follow
from tests.oidc.kit import CallbackRequest, Provider, RelyingParty
from tests.people import PASSWORD, make_email

pytestmark = pytest.mark.e2e


class Arrivals(ThreadingHTTPServer):
    """The app's own address, on another port: another origin than the provider's."""

    def __init__(self) -> None:
        self.seen: list[CallbackRequest] = []
        super().__init__(("127.0.0.1", 0), _Callback)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/cb"


class _Callback(BaseHTTPRequestHandler):
    server: Arrivals

    def do_GET(self) -> None:
        self._arrived({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._arrived(dict(parse_qsl(body)))

    def _arrived(self, posted: dict[str, str]) -> None:
        if self.path.startswith("/cb"):
            uri = self.server.uri
            self.server.seen.append(CallbackRequest(self.command, uri, f"{uri}?{urlsplit(self.path).query}", posted))
        if "hop=1" in self.path:
            # On to another origin of the same app, as where sign-in has a host of its own.
            self.send_response(303)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/welcome")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>App</title><link rel=icon href=data:,><h1>Welcome to the app</h1>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def arrivals() -> Iterator[Arrivals]:
    server = Arrivals()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(params=[True, False], ids=["scripts", "no_scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def page(scripts: bool, browser: Browser) -> Iterator[Page]:
    """A page of a fresh browser. Whatever it complains of fails the test, such as a policy that is violated."""
    complaints: list[str] = []
    # The test's authority is not in the browser's own store; whether TLS is checked is tested elsewhere.
    context: BrowserContext = browser.new_context(ignore_https_errors=True, java_script_enabled=scripts)
    shown = context.new_page()
    shown.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    yield shown
    context.close()
    assert complaints == []


@pytest.fixture
def rp(provider: Provider, arrivals: Arrivals) -> RelyingParty:
    return provider.register(redirect_uris=[arrivals.uri], application_type="native")


def sign_in(page: Page, email: str) -> None:
    if page.get_by_label("Email address").count():
        page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.locator("form").filter(has=page.get_by_label("Password", exact=True)).locator("button.primary").click()


def arrived(page: Page, arrivals: Arrivals, rp: RelyingParty) -> CallbackRequest:
    expect(page.get_by_role("heading")).to_have_text("Welcome to the app")
    landed = arrivals.seen[-1]
    assert landed.parameters["state"] == rp.state
    return landed


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_signing_in_for_an_app_leads_there(
    provider: Provider, rp: RelyingParty, arrivals: Arrivals, page: Page, mode: str, scripts: bool
) -> None:
    email = provider.person().email
    page.goto(rp.authorization_url(response_mode=mode))
    sign_in(page, email)
    if mode == "form_post" and not scripts:
        page.get_by_role("button", name="Continue").click()
    landed = arrived(page, arrivals, rp)
    assert landed.method == ("POST" if mode == "form_post" else "GET")
    assert rp.tokens(landed, redirect_uri=arrivals.uri).claims["sub"]
    page.goto(rp.authorization_url(prompt="login"))
    sign_in(page, email)
    arrived(page, arrivals, rp)


def test_agreeing_and_not_agreeing_lead_there(
    provider: Provider, arrivals: Arrivals, page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rp = provider.register(redirect_uris=[arrivals.uri], application_type="native", trusted=False)
    page.goto(rp.authorization_url(scope="openid email profile groups offline_access"))
    sign_in(page, provider.person().email)
    expect(page.get_by_role("heading")).to_have_text("Sign in to Wiki")
    page.screenshot(path=str(tmp_path_factory.getbasetemp() / "consent.png"), full_page=True)
    page.get_by_role("button", name="Cancel").click()
    assert arrived(page, arrivals, rp).parameters["error"] == "access_denied"
    page.goto(rp.authorization_url(scope="openid email"))
    page.get_by_role("button", name="Agree and continue").click()
    assert "code" in arrived(page, arrivals, rp).parameters


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_an_app_may_lead_on_to_another_origin_of_its_own(
    provider: Provider, arrivals: Arrivals, page: Page, mode: str, scripts: bool
) -> None:
    """Chromium holds a page's form-action against every redirect that follows on its form."""
    uri = f"{arrivals.uri}?hop=1"
    data = {"redirect_uris": [uri], "post_logout_redirect_uris": [uri], "application_type": "native"}
    rp = provider.register(**data, trusted=False)
    page.goto(rp.authorization_url(response_mode=mode, scope="openid email"))
    sign_in(page, provider.person().email)
    page.get_by_role("button", name="Agree and continue").click()
    if mode == "form_post" and not scripts:
        page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.get_by_role("heading")).to_have_text("Welcome to the app")
    assert page.url == f"http://localhost:{arrivals.server_port}/welcome"
    page.goto(f"{rp.metadata['end_session_endpoint']}?client_id={rp.id}&post_logout_redirect_uri={quote(uri)}")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading")).to_have_text("Welcome to the app")


def test_a_mailed_link_leads_there(provider: Provider, rp: RelyingParty, arrivals: Arrivals, page: Page) -> None:
    email = make_email()
    page.goto(rp.authorization_url())
    follow(page, page.get_by_role("link", name="Create an account"))
    page.get_by_label("Email address").fill(email)
    follow(page, "form button.primary")
    page.goto(provider.service.link_url(email, "activate"))
    page.get_by_label("New password").or_(page.get_by_label("Password")).first.fill(PASSWORD)
    page.locator("form button.primary").click()
    assert "code" in arrived(page, arrivals, rp).parameters


def test_signing_out_for_an_app_leads_back(
    provider: Provider, arrivals: Arrivals, page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rp = provider.register(
        redirect_uris=[arrivals.uri], application_type="native", post_logout_redirect_uris=[arrivals.uri]
    )
    page.goto(rp.authorization_url())
    sign_in(page, provider.person().email)
    arrived(page, arrivals, rp)
    back = f"client_id={rp.id}&post_logout_redirect_uri={arrivals.uri}&state={rp.state}"
    page.goto(f"{rp.metadata['end_session_endpoint']}?{back}")
    expect(page.get_by_role("heading")).to_have_text("Do you want to sign out?")
    page.screenshot(path=str(tmp_path_factory.getbasetemp() / "sign-out.png"), full_page=True)
    page.get_by_role("button", name="Sign out").click()
    arrived(page, arrivals, rp)
