"""Mounted in somebody's Flask app: it keeps its session, static files, templates and error pages, and gets ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import jsonify
from werkzeug.wrappers import Response

from accounts import Reply, current_account, login_required
from accounts.web.kit.context import existing_state
from tests.kit.browser import Browser
from tests.kit.tables import dump_tables
from tests.people import PASSWORD, Service, make_email
from tests.web import hosts

mount = hosts.mount
Mount = Callable[..., Service]


@pytest.fixture
def service(mount: Mount) -> Service:
    mounted = mount(url_prefix="/auth")
    app = mounted.app

    @app.get("/who")
    def who() -> Response:
        return jsonify(signed_in=bool(current_account), email=getattr(current_account, "email", None))

    @app.get("/private")
    @login_required
    def private() -> str:
        return f"only for {current_account.email}"

    @app.get("/hello")
    def hello() -> Reply:
        return Reply(template="accounts/hello.html", context={"who": getattr(current_account, "name", "stranger")})

    @app.post("/order")
    def order() -> Reply:
        return Reply(location="/hello")

    return mounted


def joined(service: Service) -> tuple[Browser, str]:
    """Somebody who signed up with pages under ``/auth``."""
    browser, email = Browser(service.app.test_client()), make_email()
    browser.visit("/auth/sign-up")
    browser.submit(email=email)
    browser.visit(service.link_url(email, "activate"))
    browser.submit(name="Grace", password=PASSWORD)
    return browser, email


def test_pages_and_links_stand_under_the_prefix(service: Service) -> None:
    browser, email = joined(service)
    assert browser.url == "/auth/l/activate/done"
    assert "/auth/l/activate/" in service.link_url(email, "activate")
    browser.visit("/auth/account")
    assert email in browser.page.text
    assert all(link.startswith(("/auth/", "#")) for link in browser.page.links)
    assert browser.visit("/sign-in").text == "an error page of the host"


def test_json_stands_under_the_prefix(service: Service) -> None:
    person = service.person()
    data = {"email": person.email, "password": PASSWORD}
    answer = person.client.post("/auth/api/sign-in", json=data)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "sign_in_failed")
    described = person.get("/auth/api/openapi.json").get_json()
    assert [server["url"] for server in described["servers"]] == [f"{service.site.settings.public_origin}/auth"]
    assert all(path.startswith("/api/") for path in described["paths"])


def test_views_of_the_host_know_who_is_signed_in(service: Service) -> None:
    browser, email = joined(service)
    browser.visit("/who")
    assert browser.response.get_json() == {"signed_in": True, "email": email}
    assert browser.response.headers["Cache-Control"] == "no-store"
    assert "Cookie" in browser.response.vary
    stranger = service.app.test_client().get("/who")
    assert stranger.get_json() == {"signed_in": False, "email": None}


def test_a_guarded_view_sends_strangers_to_sign_in_and_back(service: Service) -> None:
    _, email = joined(service)
    stranger = Browser(service.app.test_client())
    stranger.visit("/private?order=5&x=//evil.example")
    assert stranger.url.startswith("/auth/sign-in?next=/private?order%3D5")
    stranger.submit(email=email, password=PASSWORD)
    assert stranger.url.startswith("/private?order=5")
    assert stranger.page.text == f"only for {email}"


def test_views_of_the_host_that_ask_nobody_cost_nothing(service: Service) -> None:
    browser, _ = joined(service)
    with service.record_statements() as statements:
        browser.visit("/")
    assert statements == []
    answer = browser.response
    for ours in ("Content-Security-Policy", "Cache-Control", "X-Request-ID", "X-Frame-Options", "Vary"):
        assert ours not in answer.headers
    with service.app.test_request_context("/"):
        service.app.dispatch_request()
        assert existing_state() is None


def test_the_host_keeps_its_own_session_beside_ours(service: Service) -> None:
    browser, email = joined(service)
    for expected in ("1", "2", "3"):
        assert browser.visit("/count").text == expected
    browser.visit("/who")
    assert browser.response.get_json()["email"] == email
    cookies = {cookie.key for cookie in browser._client._cookies.values()}  # type: ignore[union-attr] # there is no public list
    assert {"session", "accounts-session"} <= cookies
    browser.visit("/auth/account")
    browser.submit(browser.form("everywhere"))
    assert browser.visit("/count").text == "4", "signing out leaves the host's session alone"


def test_the_host_keeps_its_static_files_templates_and_error_pages(service: Service) -> None:
    client = service.app.test_client()
    with client.get("/static/style.css") as own, client.get("/auth/assets/style.css") as ours:
        assert own.data == b"/* the host's */"
        assert b"--" in ours.data
    assert client.get("/nowhere").data == b"an error page of the host"
    assert client.post("/").data == b"an error page of the host"


def test_the_host_changes_our_pages_with_templates_of_its_own(service: Service) -> None:
    page = service.app.test_client().get("/auth/sign-in").get_data(as_text=True)
    assert "<b>The Shop</b>" in page
    assert 'name="password"' in page
    assert "stylesheet" not in page


def test_our_errors_are_told_our_way_whatever_pages_the_host_has(service: Service) -> None:
    person = service.person()
    for path, status in (("/auth/l/activate/x/go", 400), ("/auth/mailbox", 404)):
        answer = person.get(path)
        assert answer.status_code == status
        assert "The Shop" in answer.text
    large = person.client.post("/auth/api/sign-up", json={"email": "x" * 70_000})
    assert (large.status_code, large.get_json()["code"]) == (413, "too_large")


def test_a_view_of_the_host_answers_with_a_reply(service: Service) -> None:
    browser, _ = joined(service)
    page = browser.visit("/hello")
    assert page.text == "The Shop hello Grace"
    ordered = service.app.test_client().post("/order")
    assert (ordered.status_code, ordered.location) == (303, "/hello")


def test_the_hosts_jinja_environment_is_left_alone(service: Service) -> None:
    for ours in ("csrf_token", "page_url", "current", "settings", "link_url"):
        assert ours not in service.app.jinja_env.globals
    assert "moment" not in service.app.jinja_env.filters


def test_mounting_and_reading_changes_nothing_in_the_store(service: Service) -> None:
    before = dump_tables(service)
    for path in ("/", "/who", "/hello", "/auth/sign-in", "/auth/health/ready"):
        assert service.app.test_client().get(path).status_code == 200
    assert dump_tables(service) == before


def test_without_a_prefix_the_host_keeps_the_addresses_it_has(mount: Mount) -> None:
    service = mount()
    client = service.app.test_client()
    assert client.get("/").data == b"the shop"
    assert client.get("/sign-in").status_code == 200


@pytest.mark.parametrize("taken", ["session", "other", "accounts-session", "__Host-session"])
@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "https://shop.example.org"])
def test_our_cookie_never_has_the_name_of_the_hosts(mount: Mount, taken: str, origin: str, tmp_path: Path) -> None:
    app = hosts.make_host(tmp_path / "host", SESSION_COOKIE_NAME=taken)
    service = mount(app, {"public_origin": origin})
    assert service.state.session_cookie_name != taken
    client = app.test_client()
    answer = client.get("/sign-in")
    assert answer.headers["Set-Cookie"].startswith(f"{service.state.session_cookie_name}=")
