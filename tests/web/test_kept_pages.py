"""Pages of strangers are kept as bytes: the same bytes as if made anew, and nothing of anybody's request in them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import request
from werkzeug.test import TestResponse

from accounts import Reply
from accounts.config import LOCALES
from accounts.web.kit.kept_pages import MAX_KEPT_PAGES
from tests.people import Service
from tests.web import hosts
from tests.web.endpoints import list_endpoints

mount = hosts.mount
MakeService = Callable[..., Service]
Mount = Callable[..., Service]
UPSTREAMS = {
    "upstream_work_issuer": "http://127.0.0.1:1",
    "upstream_work_client_id": "accounts",
    "upstream_work_label": "W",
}
PAGES = ("/sign-in", "/sign-up", "/forgot-password", "/sign-in/mail", "/check-email")
TOKEN = re.compile(r'(?<=name="csrf_token" value=")[^"]+(?=")')
OWN_TEMPLATES = {"own.html": "of the host; the pages are ours"}
HOSTILE = "evil-neighbour"
HOSTILE_REQUESTS: dict[str, dict[str, Any]] = {
    "host": {"headers": {"Host": f"{HOSTILE}.example"}},
    "forwarded": {"headers": {f"X-Forwarded-{each}": f"/{HOSTILE}" for each in ("Host", "Prefix", "For", "Proto")}},
    "language": {"headers": {"Accept-Language": f"de-{HOSTILE}, {HOSTILE};q=0.9, */{HOSTILE}"}},
    "agent and referrer": {"headers": {"User-Agent": HOSTILE, "Referer": f"http://{HOSTILE}.example/"}},
    "accept": {"headers": {"Accept": f"text/html, application/{HOSTILE}"}},
    "cookie": {"headers": {"Cookie": f"session={HOSTILE}; device={HOSTILE}; link-activate={HOSTILE}"}},
    "email": {"query_string": {"email": f"{HOSTILE}@example.org"}},
    "next": {"query_string": {"next": f"/{HOSTILE}"}},
    "any query": {"query_string": {HOSTILE: HOSTILE, "done": HOSTILE, "about": HOSTILE}},
    "script name": {"environ_overrides": {"SCRIPT_NAME": f"/{HOSTILE}"}},
}


def ask(service: Service, path: str, **options: Any) -> TestResponse:
    """Ask for a page as somebody who was never here."""
    return service.app.test_client().get(path, **options)


def kept_text(service: Service) -> str:
    """All that is kept of pages, and under which keys."""
    return repr(service.state.kept_pages) + repr(service.state.fixed_urls)


def without_tokens(response: TestResponse) -> str:
    """A page with one and the same token in all forms, whatever it was."""
    tokens = set(TOKEN.findall(response.text))
    assert len(tokens) <= 1
    return TOKEN.sub("token", response.text)


def compare_pages(kept: Service, made_anew: Service, mount_path: str, pages: tuple[str, ...]) -> None:
    """Check that both show the same pages in every language, with and without one in front of the address."""
    made_anew.app.config["TEMPLATES_AUTO_RELOAD"] = True
    for page in pages:
        for language in LOCALES:
            for prefix in ("", *(f"/{each}" for each in LOCALES)):
                asked = (f"{mount_path}{prefix}{page}", {"Accept-Language": language})
                expected = ask(made_anew, asked[0], headers=asked[1])
                # The first one makes the page, the second gets what was kept.
                for response in (ask(kept, asked[0], headers=asked[1]) for _ in range(2)):
                    assert response.status_code == expected.status_code
                    assert without_tokens(response) == without_tokens(expected)
    assert made_anew.state.kept_pages == {}
    assert len(kept.state.kept_pages) >= 2 * len(PAGES) * len(LOCALES)


def test_a_kept_page_has_the_bytes_of_one_made_anew(make_service: MakeService) -> None:
    kept, made_anew = (make_service(options={}, **UPSTREAMS) for _ in range(2))
    compare_pages(kept, made_anew, "", (*PAGES, "/nothing-here"))
    assert len(TOKEN.findall(ask(kept, "/sign-in").text)) == 2


def test_a_kept_page_below_a_mount_has_the_bytes_of_one_made_anew(mount: Mount, tmp_path: Path) -> None:
    kept, made_anew = (
        mount(hosts.make_host(tmp_path / name, OWN_TEMPLATES), url_prefix="/auth") for name in ("kept", "anew")
    )
    compare_pages(kept, made_anew, "/auth", PAGES)


def test_each_visitor_gets_a_token_of_their_own(service: Service) -> None:
    responses = [ask(service, "/sign-in") for _ in range(3)]
    assert len({TOKEN.findall(response.text)[0] for response in responses}) == 3
    assert len({response.headers["Set-Cookie"] for response in responses}) == 3


def test_a_page_without_a_form_gives_no_session(service: Service) -> None:
    for response in (ask(service, "/check-email") for _ in range(2)):
        assert "Set-Cookie" not in response.headers
        assert "Cookie" not in response.vary


def test_nothing_of_a_request_is_kept(service: Service) -> None:
    responses = [ask(service, page) for page in (*PAGES, "/nothing") for _ in range(2)]
    own = [TOKEN.findall(response.text) for response in responses]
    secrets = {
        *(token for tokens in own for token in tokens),
        *(response.headers["X-Request-ID"] for response in responses),
        *re.findall(r"session=([^;]+)", " ".join(response.headers.get("Set-Cookie", "") for response in responses)),
    }
    assert service.state.kept_pages
    assert [secret for secret in secrets if secret in kept_text(service)] == []


@pytest.mark.parametrize("kind", HOSTILE_REQUESTS)
def test_a_neighbour_puts_nothing_into_pages_of_others(service: Service, kind: str) -> None:
    for page in (*PAGES, "/nothing"):
        ask(service, page, **HOSTILE_REQUESTS[kind])
    known = len(service.state.kept_pages)
    for page in (*PAGES, "/nothing"):
        assert HOSTILE not in ask(service, page).text
        ask(service, page, **HOSTILE_REQUESTS[kind])
    assert HOSTILE not in kept_text(service)
    assert len(service.state.kept_pages) <= known + len(PAGES) + 1


def test_what_somebody_gave_is_on_their_page_alone(service: Service) -> None:
    assert f"{HOSTILE}@example.org" in ask(service, "/sign-in", query_string={"email": f"{HOSTILE}@example.org"}).text
    assert HOSTILE in ask(service, "/sign-up", query_string={"next": f"/{HOSTILE}"}).text
    client = service.app.test_client()
    token = TOKEN.findall(client.get("/sign-in").text)[0]
    data = {"email": f"{HOSTILE}@example.org", "password": "wrong", "csrf_token": token}
    refused = client.post("/sign-in", data=data)
    assert refused.status_code == 401
    assert HOSTILE in refused.text
    assert HOSTILE not in ask(service, "/sign-in").text
    assert HOSTILE not in kept_text(service)


def test_no_page_that_shows_an_account_is_kept(service: Service) -> None:
    admin = service.admin()
    for endpoint in list_endpoints(service):
        if endpoint.method == "GET":
            admin.client.get(endpoint.path(), buffered=True)
    assert admin.client.get("/account").status_code == 200
    kept = kept_text(service)
    assert admin.email not in kept
    assert "Your account</a>" not in kept
    assert "Dein Konto</a>" not in kept


def test_all_pages_of_strangers_have_room(service: Service) -> None:
    paths = {endpoint.path() for endpoint in list_endpoints(service) if endpoint.method == "GET"}
    for language in LOCALES:
        for path in sorted(paths):
            ask(service, path, headers={"Accept-Language": language}, buffered=True)
    assert 0 < len(service.state.kept_pages) < MAX_KEPT_PAGES / 2


def test_what_has_no_room_is_made_anew(service: Service) -> None:
    service.state.kept_pages.update({number: [b"another"] for number in range(MAX_KEPT_PAGES)})
    assert "<h1>Sign in</h1>" in ask(service, "/sign-in").text
    assert len(service.state.kept_pages) == MAX_KEPT_PAGES


def test_two_apps_keep_pages_of_their_own(make_service: MakeService, tmp_path: Path) -> None:
    changes = {"database_url": f"sqlite:///{tmp_path / 'second.db'}"}
    first, second = make_service(service_name="First"), make_service(service_name="Second", **changes)
    for _ in range(2):
        assert "First</a>" in ask(first, "/sign-in").text
        assert "Second</a>" in ask(second, "/sign-in").text
    assert "Second" not in kept_text(first)
    assert "First" not in kept_text(second)


def test_a_host_that_changes_addresses_has_its_pages_made_anew(mount: Mount, tmp_path: Path) -> None:
    app = hosts.make_host(tmp_path / "host", OWN_TEMPLATES)

    @app.url_defaults
    def add_theme(endpoint: str, values: dict[str, Any]) -> None:
        values.setdefault("theme", request.args.get("theme", "plain"))

    service = mount(app)
    assert f"theme={HOSTILE}" in ask(service, "/sign-in", query_string={"theme": HOSTILE}).text
    assert f"theme={HOSTILE}" not in ask(service, "/sign-in").text
    assert service.state.kept_pages == {}


def test_the_reason_of_a_problem_is_on_no_kept_page(mount: Mount, tmp_path: Path) -> None:
    form = '<input name="csrf_token" value="{{ csrf_token() }}">{% if problem %}{{ problem.code }}{% endif %}'
    templates = {"accounts/sign_in.html": form + "{{ problem.reason if problem }}"}
    service = mount(hosts.make_host(tmp_path / "host", templates), url_prefix="/auth")
    for name in (HOSTILE, "another"):
        client = service.app.test_client()
        token = TOKEN.findall(client.get("/auth/sign-in").text)[0]
        refused = client.post("/auth/sign-in", data={"csrf_token": token, name: ["1", "2"]})
        assert refused.text.endswith("malformed_request")
    assert HOSTILE not in kept_text(service)


def test_a_page_of_a_host_is_kept_only_while_it_says_nothing(mount: Mount) -> None:
    service = mount(url_prefix="/auth")

    @service.app.get("/hello")
    def hello() -> Reply:
        return Reply(template="accounts/hello.html", context={"who": request.args.get("who", "")})

    for who in ("", "Ada", "", HOSTILE):
        assert ask(service, "/hello", query_string={"who": who}).text.endswith(f"hello {who}</html>")
    assert len(service.state.kept_pages) == 1
    assert HOSTILE not in kept_text(service)


def test_changed_templates_are_shown_at_once_in_debug_mode(mount: Mount, tmp_path: Path) -> None:
    service = mount(hosts.make_host(tmp_path / "host"), url_prefix="/auth")
    service.app.debug = True
    assert "The Shop" in ask(service, "/auth/sign-in").text
    template = tmp_path / "host" / "templates" / "accounts" / "base.html"
    template.write_text(template.read_text("utf-8").replace("The Shop", "The New Shop"), "utf-8")
    os.utime(template, (1, 1))
    assert "The New Shop" in ask(service, "/auth/sign-in").text
