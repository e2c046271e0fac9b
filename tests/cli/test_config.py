"""``accounts config check`` and ``accounts upgrade``: would it start, and make it so."""

from __future__ import annotations

from pathlib import Path

from accounts.core.database import schema
from tests.cli.conftest import Command
from tests.conftest import KEY, on_both_databases
from tests.kit.images import svg


def test_the_check_shows_every_setting_and_no_secret(accounts: Command) -> None:
    result = accounts("config", "check", mail_username="house", mail_password="pass-phrase", service_name="Our House")
    assert result.status == 0
    for line in (
        "ACCOUNTS_ENV = development",
        "ACCOUNTS_SERVICE_NAME = Our House",
        "ACCOUNTS_SECRET_KEYS = (set)",
        "ACCOUNTS_MAIL_PASSWORD = (set)",
        "ACCOUNTS_DATABASE_URL = (set)",
        "ACCOUNTS_MAIL_USERNAME = house",
        "ACCOUNTS_TRUSTED_PROXIES = 0",
    ):
        assert line in result.out.splitlines()
    assert "keys: 1, " in result.out
    assert f"version {schema.head_revision()}" in result.out
    assert "pass-phrase" not in result.out
    assert KEY not in result.out


def test_settings_are_printed_as_they_are_written(accounts: Command, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("upstream-secret")
    given = {
        "lifetime_sign_in": "600",
        "call_networks": "10.0.0.0/8, 192.168.7.0/24",
        "audit_sealed": "yes",
        "upstream_work_issuer": "https://login.example.com",
        "upstream_work_client_id": "accounts",
        "upstream_work_client_secret_file": str(password),
    }
    result = accounts("config", "check", **given)
    lines = result.out.splitlines()
    for line in (
        "ACCOUNTS_LIFETIME_SIGN_IN = 600",
        "ACCOUNTS_LIFETIME_INVITE = 604800",
        "ACCOUNTS_CALL_NETWORKS = 10.0.0.0/8,192.168.7.0/24",
        "ACCOUNTS_AUDIT_SEALED = true",
        "ACCOUNTS_MAIL_USERNAME = (not set)",
        "ACCOUNTS_DEVISE_PEPPER = (not set)",
        "ACCOUNTS_UPSTREAM_WORK_ISSUER = https://login.example.com",
        "ACCOUNTS_UPSTREAM_WORK_LABEL = Work",
        "ACCOUNTS_UPSTREAM_WORK_CLIENT_SECRET = (set)",
    ):
        assert line in lines
    for python in ("None", "()", "timedelta", "Path(", "{", "upstream-secret"):
        assert python not in result.out
    (told,) = accounts("config", "check", "--json", **given).json
    written = dict(line.split(" = ") for line in lines if " = " in line)
    assert {name: value or "(not set)" for name, value in told["settings"].items()} == written
    assert told["store"]["version"] == schema.head_revision()


def test_what_is_printed_can_be_set_again(accounts: Command) -> None:
    (first,) = accounts("config", "check", "--json", call_networks="10.0.0.0/8,192.168.7.0/24").json
    again = {
        name.removeprefix("ACCOUNTS_").lower(): value
        for name, value in first["settings"].items()
        if value not in (None, "(set)")
    }
    assert accounts("config", "check", "--json", **again).json == [first]


def test_the_check_tells_how_pages_look_and_what_cannot(accounts: Command, tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_bytes(svg())
    look = {"logo": str(logo), "accent": "#0F766E", "links": "Privacy=/privacy, Our school=https://example.org/"}
    lines = accounts("config", "check", **look).out.splitlines()
    assert f"ACCOUNTS_LOGO = {logo}" in lines
    assert "ACCOUNTS_ACCENT = #0f766e" in lines
    assert "ACCOUNTS_LINKS = privacy=/privacy,Our school=https://example.org/" in lines
    refused = accounts("config", "check", accent="#ffcc00")
    assert refused.status == 1
    assert "ACCOUNTS_ACCENT: #ffcc00 has a contrast of 1.38:1" in refused.err


def test_a_check_that_fails_says_in_json_what_it_found(bare: Command) -> None:
    result = bare("config", "check", "--json", secret_keys=KEY)
    assert (result.status, result.json[0]["store"], result.json[0]["keys"]["count"]) == (1, None, 1)


@on_both_databases
def test_the_check_hides_the_password_of_the_database(accounts: Command, database: str) -> None:
    if database.startswith("postgresql"):
        database = database.replace("postgres@", "postgres:pass-phrase@", 1)
    result = accounts("config", "check", database_url=database)
    assert (result.status, result.err) == (0, "")
    assert "pass-phrase" not in result.out


def test_a_check_that_fails_ends_with_1_after_what_it_found(bare: Command) -> None:
    result = bare("config", "check", secret_keys=KEY)
    assert result.status == 1
    assert result.err.startswith("accounts: the tables are of version none")
    assert result.err.count("\n") == 1


def test_an_upgrade_makes_the_tables_and_may_be_repeated(bare: Command, tmp_path: Path) -> None:
    result = bare("upgrade", instance="here")
    assert result.status == 0
    assert result.out.endswith(f"accounts.db is at version {schema.head_revision()}\n")
    assert bare("upgrade", instance="here") == result
    assert bare("config", "check", instance="here").status == 0
    assert (tmp_path / "here").stat().st_mode & 0o777 == 0o700
