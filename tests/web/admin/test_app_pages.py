"""Registering an app by its kind, and what its page gives to whoever connects it."""

from __future__ import annotations

import ast
import re
from html import unescape
from pathlib import Path

import pytest

from accounts.flows.oidc import registration
from accounts.flows.oidc.app_kinds import KIND_LABELS, kind_of_app
from accounts.flows.oidc.registration_form import RegisterAppForm
from tests.apps import register_app, sign_in_to_apps
from tests.kit.browser import Browser
from tests.people import Service
from tests.web.endpoints import csrf_token

ROOT = Path(__file__).parents[3]
REDIRECT, ORIGIN = "https://wiki.example.org/cb", "https://wiki.example.org"
NEEDS = {
    "web": {"redirect_uris": REDIRECT},
    "spa": {"redirect_uris": REDIRECT},
    "native": {"redirect_uris": "com.example.app:/cb"},
    "proxy": {"forward_origins": ORIGIN},
}


def snippet(page: str, id: str) -> str:
    (text,) = re.findall(rf'<p class="quiet" id="copies-{id}">.*?<code>(.*?)</code></pre>', page, re.DOTALL)
    return unescape(text)


def test_the_first_step_is_the_kind_and_works_by_links(service: Service) -> None:
    browser = Browser(service.admin().client)
    page = browser.visit("/admin/apps/new")
    assert [link for link in page.links if "?kind=" in link] == [
        f"/admin/apps/new?kind={kind}" for kind in KIND_LABELS
    ]
    assert not [form for form in page.forms if "name" in form.kinds]


@pytest.mark.parametrize("kind", NEEDS)
def test_each_kind_asks_for_a_name_and_what_it_needs_and_becomes_what_was_chosen(service: Service, kind: str) -> None:
    browser = Browser(service.admin().client)
    browser.visit(f"/admin/apps/new?kind={kind}")
    form = browser.form("name")
    assert set(form.required) == {"name", *NEEDS[kind]}
    assert {*RegisterAppForm.model_fields} <= form.kinds.keys(), "all else is in reach"
    page = browser.submit(form, name="Wiki", **NEEDS[kind])
    assert browser.status == 201, page.text
    (app,) = registration.list_apps(service.uow())
    assert kind_of_app(app, registration.list_forward_origins(service.uow(), app.id)) == kind
    assert KIND_LABELS[kind] in page.text
    assert KIND_LABELS[kind] in browser.visit("/admin/apps").text


def test_an_app_behind_a_proxy_without_an_origin_is_told_so_at_that_field(service: Service) -> None:
    admin = service.admin()
    data = {"csrf_token": csrf_token(admin), "kind": "proxy", "name": "Wiki", "redirect_uris": REDIRECT}
    answer = admin.client.post("/admin/apps/new", data=data, headers={"Accept-Language": "en"})
    assert answer.status_code == 422
    assert re.search(r'id="field-forward_origins"[^>]*aria-invalid="true"', answer.text)
    assert 'name="kind" value="proxy"' in answer.text


def test_a_lifetime_is_asked_for_in_its_unit_and_kept_in_seconds(service: Service) -> None:
    browser = Browser(service.admin().client)
    app = register_app(service, access_token_seconds=90).app
    browser.visit(f"/admin/apps/{app.id}/change")
    form = browser.form("name")
    said = {
        name: (form.values[name], form.values[f"{name}_unit"]) for name in form.kinds if name.endswith("_seconds")
    }
    assert said == {
        "access_token_seconds": ("90", "seconds"),
        "id_token_seconds": ("1", "hours"),
        "refresh_token_seconds": ("30", "days"),
    }
    wrong = browser.submit(form, access_token_seconds="2", access_token_seconds_unit="days")
    assert browser.status == 422
    assert "From 1 minute to 1 day." in wrong.text
    assert browser.form("name").values["access_token_seconds_unit"] == "days", "what was typed is still there"
    for typed in ("soon", "", "-5"):
        browser.submit(browser.form("name"), access_token_seconds=typed) if typed else None
        assert browser.status == 422
    page = browser.submit(browser.form("name"), access_token_seconds="15", access_token_seconds_unit="minutes")
    assert "Wiki was changed." in page.text
    assert "15 minutes" in page.text
    assert registration.get_app(service.uow(), app.id).app.access_token_seconds == 900


def test_the_page_of_an_app_has_what_a_library_is_configured_with(service: Service) -> None:
    admin = service.admin()
    app = register_app(service).app
    page = admin.get(f"/admin/apps/{app.id}").text
    issuer = service.site.settings.public_origin
    for text in (app.id, issuer, f"{issuer}/.well-known/openid-configuration", f"{issuer}/oauth/token"):
        assert f'value="{text}" readonly' in page
    discovered = admin.get("/.well-known/openid-configuration").get_json()
    shown = dict(re.findall(r'id="copy-(\w+_endpoint|jwks_uri)" value="([^"]+)"', page))
    assert shown == {name: discovered[name] for name in shown}
    assert len(shown) == 7
    assert f"OIDC_CLIENT_ID={app.id}" in snippet(page, "env")
    assert "OIDC_CLIENT_SECRET=(client secret)" in snippet(page, "env")


def test_the_snippets_are_the_examples_that_are_run_by_the_tests(service: Service) -> None:
    admin = service.admin()
    page = admin.get(f"/admin/apps/{register_app(service).app.id}").text
    for id, example in (("flask", "flask/app.py"), ("express", "express/app.js")):
        text = (ROOT / "examples" / example).read_text("utf-8")
        block = text.partition("begin sign-in\n")[2].partition("end sign-in")[0].rpartition("\n")[0].strip()
        assert block in snippet(page, id)
    ast.parse(snippet(page, "flask"))


def test_the_proxies_are_configured_as_the_documentation_says(service: Service) -> None:
    admin = service.admin()
    app = register_app(service, redirect_uris=[], forward_origins=[ORIGIN]).app
    page = admin.get(f"/admin/apps/{app.id}").text
    own_host = service.site.settings.public_origin.partition("//")[2]
    docs = (ROOT / "docs/forward-auth.md").read_text("utf-8").replace("accounts.example.org", own_host)
    for id, language in (("nginx", "nginx"), ("caddy", "caddyfile")):
        assert f"```{language}\n{snippet(page, id)}\n```" in docs


def test_the_list_says_who_uses_an_app_and_when_it_was_used_last(service: Service) -> None:
    admin, wiki = service.admin(), register_app(service).app
    register_app(service, "Notes")
    for number in range(2):
        sign_in_to_apps(service, service.member(f"m{number}"), wiki)
    page = Browser(admin.client).visit("/admin/apps").text
    assert re.search(r"Wiki Web app 2 .* UTC Everyone Active", page), page
    assert "Notes Web app 0 Not recently Everyone Active" in page
