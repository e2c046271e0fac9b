"""Registering other apps and looking after them, by pages and by JSON."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from accounts.core.errors import InvalidInput, NotFound
from accounts.core.models.apps import App
from accounts.core.models.audit import AuditRow
from accounts.flows.oidc import registration, registration_form
from tests.apps import register_app, sign_in_to_apps
from tests.conftest import on_both_databases
from tests.kit.browser import Browser
from tests.kit.concurrency import run_concurrently
from tests.kit.tables import dump_tables
from tests.people import PASSWORD, Person, Service

SAID: dict[str, Any] = {"name": "Wiki", "redirect_uris": ["https://wiki.example.org/cb"]}


def browser_of(service: Service, person: Person) -> Browser:
    browser = Browser(service.app.test_client())
    browser.visit("/sign-in")
    browser.submit(email=person.email, password=PASSWORD)
    return browser


def kinds(service: Service) -> list[str]:
    with service.uow() as uow:
        return list(
            uow.session.scalars(select(AuditRow.kind).where(AuditRow.kind.like("app.%")).order_by(AuditRow.at))
        )


@on_both_databases
def test_an_app_lives_and_each_step_leaves_one_line(service: Service) -> None:
    admin = service.admin()
    made = admin.post("/api/admin/apps", SAID)
    assert made.status_code == 201
    app_id, secret = made.get_json()["id"], made.get_json()["secret"]
    path = f"/api/admin/apps/{app_id}"
    assert len(secret) >= 43
    changed = admin.patch(path, {"name": "The Wiki", "allowed_groups": ["staff"]}).get_json()
    assert (changed["name"], changed["allowed_groups"]) == ("The Wiki", ["staff"])
    assert changed["redirect_uris"] == SAID["redirect_uris"], "what is not said stays"
    assert admin.patch(path, {"name": "The Wiki"}).status_code == 200, "which changes nothing"
    newer = admin.post(f"{path}/secret").get_json()["secret"]
    with service.uow() as uow:
        app = uow.session.get_one(App, app_id)
        assert registration.verify_client_secret(app, secret), "for a day, so that the app can be switched over"
        assert registration.verify_client_secret(app, newer)
    assert admin.post(f"{path}/disable").get_json()["disabled_at"]
    assert admin.post(f"{path}/enable").get_json()["disabled_at"] is None
    assert [each["id"] for each in admin.get("/api/admin/apps").get_json()["apps"]] == [app_id]
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404
    assert kinds(service) == [
        "app.registered",
        "app.changed",
        "app.secret-changed",
        "app.disabled",
        "app.enabled",
        "app.removed",
    ]


def test_a_secret_is_shown_once_and_kept_nowhere(service: Service) -> None:
    admin = service.admin()
    made = admin.post("/api/admin/apps", SAID).get_json()
    rows = "\n".join(line for lines in dump_tables(service).values() for line in lines)
    assert made["secret"] not in rows
    for path in ("/api/admin/apps", f"/api/admin/apps/{made['id']}", f"/admin/apps/{made['id']}", "/admin/apps"):
        text = admin.get(path).get_data(as_text=True)
        assert made["id"] in text
        assert made["secret"] not in text
        assert "secret_hash" not in text


def test_an_old_secret_is_good_for_a_day_or_until_it_is_ended(service: Service) -> None:
    admin, first = service.admin(), register_app(service)
    path = f"/api/admin/apps/{first.app.id}"

    def good() -> list[bool]:
        app = registration.get_app(service.uow(), first.app.id).app
        return [registration.verify_client_secret(app, str(secret)) for secret in secrets]

    secrets = [first.secret]
    assert admin.get(path).get_json()["old_secret_until"] is None
    assert admin.delete(f"{path}/old-secret").status_code == 404
    for _ in range(2):
        said = admin.post(f"{path}/secret").get_json()
        secrets.append(said["secret"])
        assert said["old_secret_until"]
    assert good() == [False, True, True], "never more than two"
    with time_machine.travel(time.time() + registration.OLD_SECRET_TTL.total_seconds() - 60):
        assert good() == [False, True, True]
    with time_machine.travel(time.time() + registration.OLD_SECRET_TTL.total_seconds() + 1):
        assert good() == [False, False, True]
        with pytest.raises(NotFound):
            registration.end_old_client_secret(service.uow(), first.app.id)
    assert admin.delete(f"{path}/old-secret").status_code == 204
    assert good() == [False, False, True]
    said = admin.post(f"{path}/secret", {"at_once": True}).get_json()
    secrets.append(said["secret"])
    assert (good(), said["old_secret_until"]) == ([False, False, False, True], None)
    admin.post(f"{path}/secret")
    admin.patch(path, {"token_endpoint_auth_method": "none"})
    assert good() == [False, False, False, False]
    assert kinds(service).count("app.old-secret-ended") == 1
    hashes = [registration.hash_client_secret(str(secret)) for secret in secrets]
    said_of_it = admin.get(path).get_data(as_text=True) + admin.get("/api/admin/audit").get_data(as_text=True)
    assert not any(each in said_of_it for each in hashes)


def test_the_page_ends_an_old_secret(service: Service) -> None:
    admin, app = service.admin(), register_app(service).app
    browser = Browser(admin.client)
    browser.visit(f"/admin/apps/{app.id}")
    browser.click("/secret")
    page = browser.submit(browser.form(action="/secret"))
    assert "The old one also works until" in page.text
    browser.click("/old-secret/end")
    page = browser.submit(browser.form(action="/old-secret/end"))
    assert "The old secret of Wiki no longer works." in page.text
    assert "Old client secret" not in page.text


def test_a_public_app_has_no_secret_until_it_is_public_no_more(service: Service) -> None:
    admin = service.admin()
    made = admin.post("/api/admin/apps", {**SAID, "token_endpoint_auth_method": "none"}).get_json()
    assert made["secret"] is None
    path = f"/api/admin/apps/{made['id']}"
    refused = admin.post(f"{path}/secret")
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (422, "public_app")
    closed = admin.patch(path, {"token_endpoint_auth_method": "client_secret_post"}).get_json()
    assert closed["secret"]
    assert "secret" not in admin.patch(path, {"token_endpoint_auth_method": "none"}).get_json()
    assert registration.get_app(service.uow(), made["id"]).app.secret_hash is None


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"redirect_uris": []}, "redirect_uris", "missing"),
    ({"name": ""}, "name", "missing"),
    ({"name": "x" * 101}, "name", "too_long"),
    ({"redirect_uris": ["https://wiki.example.org/cb#x"]}, "redirect_uris", "address"),
    ({"redirect_uris": ["https://*.example.org/cb"]}, "redirect_uris", "address"),
    ({"redirect_uris": ["http://wiki.example.org/cb"]}, "redirect_uris", "address"),
    ({"redirect_uris": ["https://wiki.example.org;script-src/cb"]}, "redirect_uris", "address"),
    ({"redirect_uris": ["https://wiki,notes.example.org/cb"]}, "redirect_uris", "address"),
    ({"redirect_uris": ["https://wiki.%65xample.org/cb"]}, "redirect_uris", "address"),
    ({"redirect_uris": ["https://wiki.example.org/a/../cb"]}, "redirect_uris", "address"),
    ({"redirect_uris": ["https://wiki.example.org/./cb"]}, "redirect_uris", "address"),
    ({"redirect_uris": ["https://a.example/cb"] * 21}, "redirect_uris", "too_long"),
    ({"post_logout_redirect_uris": ["javascript:alert(1)"]}, "post_logout_redirect_uris", "address"),
    ({"backchannel_logout_uri": "https://me:pw@wiki.example.org/bye"}, "backchannel_logout_uri", "address"),
    ({"initiate_login_uri": "data:text/html,x"}, "initiate_login_uri", "address"),
    ({"forward_origins": ["https://wiki.example.org/path"]}, "forward_origins", "address"),
    ({"allowed_groups": ["no group!"]}, "allowed_groups", "groups"),
    ({"scopes": ["openid", "phone"]}, "scopes", "scopes"),
    ({"scopes": "openid,phone"}, "scopes", "scopes"),
    ({"redirect_uris": ["com.example.app:/cb"]}, "redirect_uris", "address"),
    ({"application_type": "native", "redirect_uris": ["myapp:/cb"]}, "redirect_uris", "address"),
    ({"application_type": "native", "redirect_uris": ["javascript:/cb"]}, "redirect_uris", "address"),
    ({"preferred_username": "local_part"}, "allowed_email_domain", "missing"),
    ({"preferred_username": "nickname"}, "preferred_username", "literal_error"),
    ({"allowed_email_domain": "ana@example.org"}, "allowed_email_domain", "domain"),
    ({"allowed_email_domain": "example.org, example.com"}, "allowed_email_domain", "domain"),
    ({"allowed_email_domain": "*.example.org"}, "allowed_email_domain", "domain"),
    ({"claims": ["Not A Claim"]}, "claims", "claims"),
    ({"access_token_seconds": 59}, "access_token_seconds", "greater_than_equal"),
    ({"refresh_token_seconds": 10**9}, "refresh_token_seconds", "less_than_equal"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "token_endpoint_auth_method", "literal_error"),
    ({"secret": "mine"}, "secret", "extra_forbidden"),
    ({"id": "mine"}, "id", "extra_forbidden"),
]


def test_what_may_not_be_is_refused_by_its_field_when_registering_and_when_changing(service: Service) -> None:
    admin, known = service.admin(), register_app(service, "Known").app
    before = dump_tables(service, "rate_limits")
    for data, field, code in WRONG:
        answer = admin.post("/api/admin/apps", {**SAID, **data})
        assert answer.status_code == 422, data
        assert (field, code) in {(each["field"], each["code"]) for each in answer.get_json()["errors"]}, data
        assert admin.patch(f"/api/admin/apps/{known.id}", data).status_code == 422, data
    assert dump_tables(service, "rate_limits") == before


def test_in_production_plain_http_is_for_native_apps_on_loopback(make_service: Any) -> None:
    service = make_service(env="production", public_origin="https://accounts.example.org")
    local = {**SAID, "redirect_uris": ["http://127.0.0.1/cb"]}
    with pytest.raises(InvalidInput):
        registration.register_app(service.uow(), registration_form.RegisterAppForm.model_validate(local))
    native = registration.register_app(
        service.uow(), registration_form.RegisterAppForm.model_validate({**local, "application_type": "native"})
    )
    assert native.app.redirect_uris == ["http://127.0.0.1/cb"]


def test_the_pages_do_the_same(service: Service) -> None:
    admin = service.admin()
    browser = browser_of(service, admin)
    browser.visit("/admin/apps")
    browser.click("/admin/apps/new")
    browser.visit(next(link for link in browser.page.links if link.endswith("kind=web")))
    page = browser.submit(
        browser.form("redirect_uris"),
        name="Wiki",
        redirect_uris="https://wiki.example.org/cb\nhttps://wiki.example.org/other",
        allowed_groups="staff, editors",
        allowed_email_domain="@Example.org ",
        preferred_username="local_part",
        trusted="on",
    )
    assert browser.status == 201
    (app,) = registration.list_apps(service.uow())
    assert app.redirect_uris == ["https://wiki.example.org/cb", "https://wiki.example.org/other"]
    assert (app.trusted, app.require_pkce, app.allowed_groups) == (True, False, ["editors", "staff"])
    assert (app.allowed_email_domain, app.preferred_username) == ("example.org", "local_part")
    (secret,) = re.findall(r'id="copy-secret" value="([\w-]{43})"', browser.response.get_data(as_text=True))
    assert registration.verify_client_secret(app, secret)
    browser.visit(f"/admin/apps/{app.id}/change")
    wrong = browser.submit(browser.form("redirect_uris"), name="Wiki 2", backchannel_logout_uri="ftp://x")
    assert "https://" in wrong.text
    assert browser.form("name").values["name"] == "Wiki 2", "what was typed is still there"
    page = browser.submit(browser.form("redirect_uris"), backchannel_logout_uri="https://wiki.example.org/bye")
    assert (browser.url.partition("?")[0], page.headings) == (f"/admin/apps/{app.id}", ["Wiki 2"])
    assert app.id in page.text
    for act, notice in (
        ("disable", "Wiki 2 was disabled."),
        ("enable", "Wiki 2 was enabled."),
        ("secret", "shown only once"),
    ):
        browser.click(f"/{act}")
        assert notice in browser.submit(browser.form(action=f"/{act}")).text
        browser.visit(f"/admin/apps/{app.id}")
    browser.click("/remove")
    assert "This is not the app's name." in browser.submit(browser.form("name"), name="Wiki").text
    assert "Wiki 2 was removed." in browser.submit(browser.form("name"), name="Wiki 2").text
    assert browser.url == "/admin/apps"
    assert registration.list_apps(service.uow()) == []


def test_what_an_app_is_called_is_only_text(service: Service) -> None:
    admin, name = service.admin(), "<script>alert(1)</script>"
    app = register_app(service, redirect_uris=["https://x.example/cb"], name=name).app
    member = service.member()
    sign_in_to_apps(service, member, app)
    for person, path in ((admin, "/admin/apps"), (admin, f"/admin/apps/{app.id}"), (member, "/account/apps")):
        page = person.get(path).get_data(as_text=True)
        assert "&lt;script&gt;" in page
        assert "<script>" not in page


@on_both_databases
def test_fifty_changes_at_once_leave_one_whole_app(service: Service) -> None:
    app = register_app(service).app
    names = [f"Wiki {number:02}" for number in range(50)]

    def change(number: int) -> str:
        data = {
            "name": names[number],
            "allowed_groups": [f"g{number}"],
            "forward_origins": [f"https://w{number}.example"],
        }
        try:
            registration.change_app(service.uow(), app.id, registration_form.ChangeAppForm.model_validate(data))
        except Exception as wrong:  # noqa: BLE001 - a test compares its name
            return type(wrong).__name__
        return "done"

    outcomes = set(run_concurrently(50, change))
    assert "done" in outcomes
    assert outcomes <= {"done", "Conflict"}
    found = registration.get_app(service.uow(), app.id)
    number = names.index(found.app.name)
    assert (found.app.allowed_groups, found.forward_origins) == ([f"g{number}"], (f"https://w{number}.example",))
