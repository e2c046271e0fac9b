"""What stands on the pages: their skeleton, their forms, and what they say to whom."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from accounts.web.kit.templates import STATIC_FOLDER, static_fingerprint
from tests.people import Service
from tests.web.parsed_page import ParsedPage, check_skeleton, submit_form

STRANGERS = (
    "/sign-in",
    "/sign-in/mail",
    "/sign-up",
    "/forgot-password",
    "/check-email",
    "/nothing",
    "/api/docs",
)
OWN = (
    "/account",
    "/account/password",
    "/account/email",
    "/account/close",
    "/account/sessions",
    "/confirm",
    "/admin",
    "/admin/invites",
    "/admin/invites/batches",
    "/admin/accounts",
    "/admin/accounts/bulk",
    "/admin/accounts/bulk/acts",
    "/admin/mail",
    "/admin/audit",
    "/admin/audit/export",
    "/admin/limits",
    "/admin/keys",
)
FORMS = (
    "/sign-in",
    "/sign-in/mail",
    "/sign-up",
    "/forgot-password",
    "/account",
    "/account/password",
    "/account/email",
    "/account/close",
    "/confirm",
    "/admin/invites",
    "/admin/invites/batches",
    "/admin/accounts/bulk",
    "/admin/mail",
    "/admin/audit/export",
    "/admin/limits",
)


@pytest.fixture
def stranger(service: Service) -> FlaskClient:
    return service.app.test_client()


@pytest.fixture
def admin(service: Service) -> FlaskClient:
    return service.admin().client


@pytest.mark.parametrize("path", STRANGERS)
def test_a_strangers_page_has_a_whole_skeleton(stranger: FlaskClient, path: str) -> None:
    check_skeleton(stranger.get(path))
    check_skeleton(stranger.get(path, headers={"Accept-Language": "de"}), "de")


@pytest.mark.parametrize("path", OWN)
def test_a_page_of_ones_own_has_a_whole_skeleton(admin: FlaskClient, path: str) -> None:
    check_skeleton(admin.get(path))
    check_skeleton(admin.get(f"/de{path}"), "de")


@pytest.mark.parametrize("path", FORMS)
def test_an_empty_form_comes_back_with_every_mistake_at_its_field(admin: FlaskClient, path: str) -> None:
    required = [attrs["name"] for attrs in ParsedPage(admin.get(path)).find_all("input") if "required" in attrs]
    page = ParsedPage(submit_form(admin, path, admin.get(path), surplus="x"))
    assert page.find_all("div", role="alert")
    for name in required:
        assert page.input(name)["aria-invalid"] == "true"
        assert f"error-{name}" in page.input(name)["aria-describedby"]
        assert page.find_all("a", href=f"#field-{name}")
    if required:
        assert "autofocus" in page.input(required[0])
    assert page.text("title").startswith("Error: ")


def test_a_field_says_what_browsers_and_password_managers_need(stranger: FlaskClient) -> None:
    page = ParsedPage(stranger.get("/sign-in"))
    email, password = page.input("email"), page.input("password")
    assert email["type"] == "email"
    assert email["autocomplete"] == "username"
    assert email["maxlength"] == "254"
    assert password["type"] == "password"
    assert password["autocomplete"] == "current-password"
    assert "required" in email
    assert "required" in password
    assert "autofocus" in email
    assert page.input("remember")["type"] == "checkbox"


def test_a_failed_sign_in_keeps_the_address_and_forgets_the_password(stranger: FlaskClient) -> None:
    shown = stranger.get("/sign-in")
    answer = submit_form(
        stranger, "/sign-in", shown, email="ann@example.org", password="not the password", remember="on"
    )
    page = check_skeleton(answer)
    assert page.input("email")["value"] == "ann@example.org"
    assert "value" not in page.input("password")
    assert "autofocus" in page.input("password")
    assert "checked" in page.input("remember")
    assert "not the password" not in answer.text


def test_what_was_typed_is_shown_as_text(stranger: FlaskClient) -> None:
    answer = submit_form(stranger, "/sign-up", stranger.get("/sign-up"), email='"><script>alert(1)</script>')
    assert "<script>alert" not in answer.text
    assert ParsedPage(answer).input("email")["value"] == '"><script>alert(1)</script>'


def test_a_return_target_stays_with_the_person(stranger: FlaskClient) -> None:
    page = ParsedPage(stranger.get("/sign-in?next=/somewhere?a=b%26c"))
    assert page.input("next")["value"] == "/somewhere?a=b&c"
    (sign_up,) = [each["href"] for each in page.find_all("a") if each["href"].startswith("/sign-up?next=")]
    assert ParsedPage(stranger.get(sign_up)).input("next")["value"] == "/somewhere?a=b&c"


@pytest.mark.parametrize("prefix", ["", "/de", "/en"])
def test_the_same_page_is_one_step_away_in_every_other_language(stranger: FlaskClient, prefix: str) -> None:
    page = ParsedPage(stranger.get(f"{prefix}/forgot-password"))
    other = "en" if prefix == "/de" else "de"
    (link,) = [each for each in page.find_all("a") if each.get("hreflang") == other]
    assert link == {"href": f"/{other}/forgot-password", "lang": other, "hreflang": other}
    assert page.find_all("span", lang="de" if other == "en" else "en")


def test_a_page_without_a_form_sets_no_cookie(stranger: FlaskClient) -> None:
    for path in ("/check-email", "/nothing", "/api/docs"):
        assert "Set-Cookie" not in stranger.get(path).headers


def test_only_admins_are_led_to_administration(service: Service) -> None:
    page = ParsedPage(service.admin().client.get("/account"))
    ways = {each["href"] for each in page.find_all("a")}
    assert {"/account/password", "/account/sessions", "/admin"} <= ways
    assert page.find_all("form", action="/sign-out")
    assert page.input("everywhere")["value"] == "on"
    assert "/admin" not in service.member().client.get("/account").text


def test_an_open_invitation_can_be_sent_again_and_revoked(admin: FlaskClient) -> None:
    submit_form(admin, "/admin/invites", admin.get("/admin/invites"), email="bob@example.org", groups="staff, board")
    answer = admin.get("/admin/invites")
    page = check_skeleton(answer)
    assert "board, staff" in page.text("table")
    (again,) = [each["action"] for each in page.find_all("form") if each["action"].endswith("/resend")]
    (revoke,) = [each["href"] for each in page.find_all("a") if each["href"].endswith("/revoke")]
    submit_form(admin, again, answer)
    assert "(2 times)" in ParsedPage(admin.get("/admin/invites")).text("table")
    submit_form(admin, revoke, admin.get(revoke))
    page = ParsedPage(admin.get("/admin/invites"))
    assert "Revoked" in page.text("table")
    assert not [each for each in page.find_all("form") if each["action"].endswith("/resend")]
    assert not [each for each in page.find_all("a") if each["href"].endswith("/revoke")]


def test_another_session_can_be_ended_and_this_one_cannot(service: Service) -> None:
    here = service.member()
    elsewhere = service.person(email=here.email)
    elsewhere.sign_in()
    answer = here.client.get("/account/sessions")
    assert "This device" in answer.text
    forms = {each["action"] for each in ParsedPage(answer).find_all("form")}
    assert forms == {"/sign-out"}, "of the head; no other device is signed out at one click"
    (end,) = [each["href"] for each in ParsedPage(answer).find_all("a") if each["href"].endswith("/end")]
    assert submit_form(here.client, end, here.client.get(end)).status_code == 303
    assert not elsewhere.signed_in
    shown = here.client.get("/account/sessions")
    assert "was signed out" in shown.text
    assert not [each for each in ParsedPage(shown).find_all("a") if each["href"].endswith("/end")]


def test_static_files_stay_small_and_may_be_kept_for_ever(stranger: FlaskClient) -> None:
    page = ParsedPage(stranger.get("/sign-in"))
    used = [each["href"] for each in page.find_all("link")] + [each["src"] for each in page.find_all("script")]
    # What a single page uses is asked for by that page: tests/web/admin/test_batches.py, tests/oidc.
    used += [
        f"/assets/{name}?v={static_fingerprint(name)}"
        for name in (
            "admin.css",
            "api-search.js",
            "api.css",
            "copy.js",
            "email-typos.js",
            "favicon.svg",  # what the icon of an installation is made of
            "form-post.js",
            "letters.css",
            "menu.js",
            "poster.css",
            "progress.js",
            "send-again.js",
        )
    ]
    files = {f"/assets/{path.name}" for path in STATIC_FOLDER.iterdir()}
    assert {path.partition("?")[0] for path in used} == {*files, "/assets/brand/favicon"}
    for path in used:
        answer = stranger.get(path, buffered=True)
        assert answer.status_code == 200
        assert "max-age=31536000" in answer.headers["Cache-Control"]
        assert len(answer.data) < (
            24_000 if "style.css" in path else 12_000 if "admin.css" in path else 6_000
        )  # of signing in: test_moments.py
