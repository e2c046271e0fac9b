"""The pages that somebody signs in by name the app that sent them, and nothing else than a registered one."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.apps import register_app
from tests.people import Service
from tests.web.parsed_page import ParsedPage, check_skeleton, submit_form

PAGES = ("/sign-in", "/sign-up", "/forgot-password", "/sign-in/mail")
HOSTILE_NAME = "W<b>iki & \u05d0\u05d1"


def with_target(path: str, target: str) -> str:
    return f"{path}?next={quote(target, safe='')}"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_on_the_way_to_an_app_names_it(service: Service, path: str) -> None:
    app = register_app(service, initiate_login_uri="https://wiki.example.org/login").app
    for target in (f"/oauth/authorize?client_id={app.id}&x=y", f"/apps/{app.id}/start"):
        page = check_skeleton(service.app.test_client().get(with_target(path, target)))
        assert "to continue to" in page.text("main") or "continue to" in page.text("main")
        assert "\u2068Wiki\u2069" in page.text("main")
        assert page.find_all("span", **{"class": "app-logo"})


@pytest.mark.parametrize("path", PAGES)
def test_what_no_app_is_behind_is_named_by_nobody(service: Service, path: str) -> None:
    app = register_app(service).app
    admin = service.admin()
    assert admin.post(f"/api/admin/apps/{app.id}/disable").status_code == 200
    for target in (
        f"/oauth/authorize?client_id={app.id}",
        "/oauth/authorize?client_id=Wiki",
        "/oauth/authorize",
        "/apps/none/start",
        "/forward-auth/pass?trip=junk",
        "/account?client_id=x",
    ):
        page = check_skeleton(service.app.test_client().get(with_target(path, target)))
        assert not page.find_all("span", **{"class": "app-logo"}), target


def test_the_name_is_text_that_turns_nothing_around(service: Service) -> None:
    app = register_app(service, HOSTILE_NAME, redirect_uris=["https://wiki.example.org/cb"]).app
    page = check_skeleton(
        service.app.test_client().get(with_target("/sign-in", f"/oauth/authorize?client_id={app.id}"))
    )
    assert page.text("h1") == f"Sign in to continue to \u2068{HOSTILE_NAME}\u2069"
    assert not page.find_all("b")


def test_the_name_stays_when_the_password_was_wrong(service: Service) -> None:
    app = register_app(service).app
    path = with_target("/sign-in", f"/oauth/authorize?client_id={app.id}")
    client = service.app.test_client()
    answer = submit_form(client, path, client.get(path), email="ann@example.org", password="not the password")
    assert answer.status_code == 401
    assert "Wiki" in ParsedPage(answer).text("h1")


def test_an_app_costs_one_statement_and_no_app_none(service: Service) -> None:
    app = register_app(service).app
    client = service.app.test_client()
    for path, cost in (
        ("/sign-in", 0),
        (with_target("/sign-in", "/account"), 0),
        (with_target("/sign-in", f"/oauth/authorize?client_id={app.id}"), 1),
    ):
        with service.record_statements() as statements:
            assert client.get(path).status_code == 200
        assert len(list(statements)) == cost, path


def test_a_proxied_app_is_named_by_the_origin_that_it_has_registered(service: Service) -> None:
    origin = "https://wiki.example.org"
    register_app(service, forward_origins=[origin])
    host = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "wiki.example.org", "X-Forwarded-Uri": "/"}
    client = service.app.test_client()
    started = client.get("/forward-auth/start?to=/", headers=host)
    passed = client.get(str(started.location).removeprefix(service.site.settings.public_origin))
    assert passed.location.startswith("/sign-in?next=")
    assert "Wiki" in ParsedPage(client.get(passed.location)).text("h1")
