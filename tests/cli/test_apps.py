"""``accounts apps``: an operator registers other apps on the console."""

from __future__ import annotations

from pathlib import Path

from accounts.config_images import parse_image
from accounts.flows.oidc import registration
from tests.apps import register_app
from tests.cli.conftest import Command
from tests.kit.images import png
from tests.people import Service

CALLBACK = "https://wiki.example.org/cb"


def said(out: str) -> dict[str, str]:
    """What is printed as a label and a value."""
    return {name.strip(): value for name, _, value in (line.partition(": ") for line in out.splitlines())}


def test_an_app_lives_on_the_console(accounts: Command, service: Service) -> None:
    made = accounts("apps", "add", "Wiki", "--redirect", CALLBACK, "--group", "staff", "--trusted")
    app_id, secret = said(made.out)["client id"], said(made.out)["client secret"]
    app = registration.get_app(service.uow(), app_id).app
    assert registration.verify_client_secret(app, secret)
    assert (app.redirect_uris, app.allowed_groups, app.trusted, app.require_pkce) == (
        [CALLBACK],
        ["staff"],
        True,
        False,
    )
    assert accounts("apps", "list").table == [
        {"client id": app_id, "state": "active", "name": "Wiki", "groups": "staff"}
    ]
    shown = accounts("apps", "show", app_id).out
    assert CALLBACK in shown
    assert secret not in shown
    origins = ("--origin", "https://a.example.org", "--origin", "https://b.example.org")
    assert accounts("apps", "change", app_id, "--name", "The Wiki", *origins).out == "The Wiki is changed\n"
    found = registration.get_app(service.uow(), app_id)
    assert found.forward_origins == ("https://a.example.org", "https://b.example.org")
    assert found.app.redirect_uris == [CALLBACK], "what is not said stays"
    assert accounts("apps", "change", app_id, "--group", "").status == 0
    assert registration.get_app(service.uow(), app_id).app.allowed_groups == []
    newer = said(accounts("apps", "rotate-secret", app_id).out)["client secret"]
    assert newer != secret
    app = registration.get_app(service.uow(), app_id).app
    assert [registration.verify_client_secret(app, each) for each in (secret, newer)] == [True, True]
    assert "is dead" in accounts("apps", "end-old-secret", app_id).out
    assert accounts("apps", "end-old-secret", app_id).status == 1
    newest = said(accounts("apps", "rotate-secret", app_id, "--at-once").out)["client secret"]
    app = registration.get_app(service.uow(), app_id).app
    assert [registration.verify_client_secret(app, each) for each in (secret, newer, newest)] == [False, False, True]
    assert accounts("apps", "disable", app_id).out == "The Wiki is disabled\n"
    assert [row["state"] for row in accounts("apps", "list").table] == ["disabled"]
    assert accounts("apps", "enable", app_id).out == "The Wiki is active\n"
    assert accounts("apps", "remove", app_id, "--yes").out == "The Wiki is removed\n"
    assert accounts("apps", "list").table == []


def test_an_app_gets_a_logo_from_a_file(accounts: Command, service: Service, tmp_path: Path) -> None:
    app = register_app(service).app
    file = tmp_path / "logo.png"
    file.write_bytes(png())
    assert accounts("apps", "logo", app.id, str(file)).out == "Wiki has a new logo\n"
    shown = registration.get_app(service.uow(), app.id).app.logo
    assert shown == parse_image(png()).fingerprint
    file.write_bytes(b"no picture")
    refused = accounts("apps", "logo", app.id, str(file))
    assert refused.status == 1
    assert "PNG, WebP or SVG" in refused.err
    assert accounts("apps", "logo", app.id).out == "Wiki has no logo\n"
    assert registration.get_app(service.uow(), app.id).app.logo is None
    assert accounts("apps", "logo", app.id, str(tmp_path / "missing")).status == 2


def test_scopes_are_taken_with_openid_and_with_blanks(accounts: Command, service: Service) -> None:
    for number, (given, kept) in enumerate(
        {
            ("openid",): [],
            ("openid", "profile"): ["profile"],
            (" profile ", "email"): ["profile", "email"],
            ("openid  profile,email ",): ["profile", "email"],
        }.items()
    ):
        options = [each for scope in given for each in ("--scope", scope)]
        made = accounts("apps", "add", f"App {number}", "--redirect", CALLBACK, *options)
        assert made.status == 0, given
        assert registration.get_app(service.uow(), said(made.out)["client id"]).app.scopes == kept, given
    assert accounts("apps", "add", "X", "--redirect", CALLBACK, "--scope", "openid phone").status == 1


def test_registering_says_what_the_app_must_be_told(accounts: Command, service: Service) -> None:
    made = said(accounts("apps", "add", "Wiki", "--redirect", CALLBACK).out)
    assert (made["issuer"], made["PKCE"]) == ("http://127.0.0.1:8000", "taken, not required")
    native = ("--kind", "native", "--auth", "none", "--redirect", "com.example.app:/cb")
    made = said(accounts("apps", "add", "Phone", *native).out)
    assert made["PKCE"] == "required"
    assert registration.get_app(service.uow(), made["client id"]).app.redirect_uris == ["com.example.app:/cb"]
    assert "Only a native app" in accounts("apps", "add", "X", "--redirect", "com.example.app:/cb").refused


def test_what_an_app_learns_is_said_on_the_console(accounts: Command, service: Service) -> None:
    options = ("--claims-in-id-token", "--username", "local_part", "--domain", "Example.org")
    app_id = said(accounts("apps", "add", "Wiki", "--redirect", CALLBACK, *options).out)["client id"]
    app = registration.get_app(service.uow(), app_id).app
    assert (app.claims_in_id_token, app.preferred_username) == (True, "local_part")
    assert app.allowed_email_domain == "example.org"
    assert "allowed_email_domain" in accounts("apps", "change", app_id, "--domain", "").refused
    assert accounts("apps", "change", app_id, "--domain", "", "--username", "none", "--thin-id-token").status == 0
    app = registration.get_app(service.uow(), app_id).app
    assert (app.claims_in_id_token, app.preferred_username, app.allowed_email_domain) == (False, "none", None)


def test_a_public_app_is_given_no_secret(accounts: Command) -> None:
    made = accounts("apps", "add", "Notes", "--redirect", CALLBACK, "--auth", "none")
    assert "client secret" not in said(made.out)
    refused = accounts("apps", "rotate-secret", said(made.out)["client id"]).refused
    assert refused == "token_endpoint_auth_method: A public app has no client secret."


def test_what_may_not_be_is_one_line(accounts: Command) -> None:
    assert (
        "redirect_uris: URLs must match exactly"
        in accounts("apps", "add", "X", "--redirect", "https://*.x.org").refused
    )
    assert accounts("apps", "add", "X").refused.startswith("redirect_uris: ")
    assert accounts("apps", "show", "nobody").refused == "no app nobody"
    assert accounts("apps", "add", "X", "--kind", "toaster").status == 2


def test_an_operator_reads_why_somebody_is_kept_out_and_lets_them_in(accounts: Command, service: Service) -> None:
    member = service.member()
    made = accounts("apps", "add", "Wiki", "--redirect", CALLBACK, "--invited-only", "--contact", "help@example.org")
    app_id = said(made.out)["client id"]
    assert "help@example.org" in accounts("apps", "show", app_id).out
    kept_out = accounts("apps", "why", app_id, member.email)
    lines = dict(line.split(maxsplit=1) for line in kept_out.out.splitlines())
    assert lines["verdict"] == "no access"
    assert (lines["invited"], lines["groups"], lines["app_enabled"]) == ("no", "not asked for", "yes")
    assert accounts("apps", "why", app_id, member.email, "--json").json[0]["allowed"] is False
    assert accounts("users", "let-in", member.email).out == f"{member.email} counts as invited\n"
    assert accounts("apps", "why", app_id, member.email, "--json").json[0]["allowed"] is True
    assert accounts("users", "let-in", member.email, "--take-back").status == 0
    assert "no access" in accounts("apps", "why", app_id, member.email).out
    assert accounts("apps", "change", app_id, "--everybody", "--contact", "").status == 0
    assert "has access" in accounts("apps", "why", app_id, member.email).out
    assert accounts("apps", "why", app_id, "nobody@example.org").status == 1
    assert accounts("apps", "why", "nothing", member.email).refused
    assert (
        "contact: Enter an email address, or a URL"
        in accounts("apps", "change", app_id, "--contact", "http://example.org").err
    )
