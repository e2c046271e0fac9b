"""``flask accounts ...``: the console in a host app, with its mount, its engine and its settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import create_engine

from accounts.cli import COMMANDS
from accounts.flask_commands import NOT_UNDER_FLASK, accounts
from tests.kit.browser import Browser
from tests.people import PASSWORD, Service, token_of_url
from tests.web import hosts

mount = hosts.mount
Mount = Callable[..., Service]


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(accounts, list(arguments))


def test_it_has_every_command_of_the_console_but_serve() -> None:
    assert frozenset({"serve"}) == NOT_UNDER_FLASK
    shown = run(Flask("x"), "--help").output
    for name in COMMANDS.keys() - NOT_UNDER_FLASK:
        assert f"\n  {name} " in shown
    assert "\n  serve " not in shown


def test_the_first_admins_link_opens_under_the_mount(mount: Mount) -> None:
    service = mount(url_prefix="/auth")
    url = run(service.app, "first-admin").output.strip()
    assert url.startswith("http://127.0.0.1:8000/auth/l/invite/")
    browser = Browser(service.app.test_client())
    browser.visit(url)
    browser.submit(email="ada@example.org", password=PASSWORD)
    assert browser.url == "/auth/admin"
    assert "ada@example.org" in run(service.app, "users", "show", "ada@example.org").output
    assert "an admin already" in run(service.app, "first-admin").output


def test_invitations_printed_open_under_the_mount(mount: Mount) -> None:
    service = mount(url_prefix="/auth")
    printed = run(service.app, "invites", "create", "eve@example.org", "--print").output
    url = next(word for word in printed.split() if "/l/invite/" in word)
    assert url.startswith("http://127.0.0.1:8000/auth/l/invite/")
    shown = service.person().get(f"/auth/api/l/invite?token={token_of_url(url)}").get_json()
    assert shown["email"] == "e•••@example.org"


def test_letters_to_print_have_links_that_open_under_the_mount(mount: Mount, tmp_path: Path) -> None:
    service = mount(url_prefix="/auth")
    people = tmp_path / "spring.csv"
    people.write_text("eve@example.org\n")
    assert run(service.app, "invites", "create", "--csv", str(people)).exit_code == 0
    printed = run(service.app, "invites", "print-letters", "spring")
    assert (printed.exit_code, "http://127.0.0.1:8000/auth/l/invite/" in printed.output) == (0, True)


def test_ids_and_json_are_those_of_the_console(mount: Mount) -> None:
    service = mount(url_prefix="/auth")
    missing = run(service.app, "users", "show", "-habc")
    assert (missing.exit_code, missing.output) == (1, "Error: no account -habc\n")
    listed = run(service.app, "apps", "list", "--json")
    assert (listed.exit_code, listed.output) == (0, "")


def test_the_engine_and_the_settings_of_the_host_are_used(mount: Mount, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    service = mount(engine=engine, changes={"service_name": "The Shop"})
    done = run(service.app, "upgrade")
    assert done.exit_code == 0, done.output
    assert str(tmp_path / "shop.db") in done.output
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM accounts").scalar_one() == 0
    assert "ACCOUNTS_SERVICE_NAME = The Shop" in run(service.app, "config", "check").output
    engine.dispose()


def test_what_goes_wrong_is_one_line_and_status_1(mount: Mount) -> None:
    wrong = run(mount(url_prefix="/auth").app, "users", "show", "nobody@example.org")
    assert (wrong.exit_code, wrong.output) == (1, "Error: no account nobody@example.org\n")


def test_serving_is_left_to_the_host(mount: Mount) -> None:
    wrong = run(mount().app, "serve")
    assert wrong.exit_code == 2
    assert "flask run" in wrong.output


def test_a_worker_without_a_mail_server_says_where_mails_are(mount: Mount) -> None:
    wrong = run(mount(changes={"mail_server": None}).app, "worker")
    assert wrong.exit_code == 1
    assert "ACCOUNTS_MAIL_SERVER" in wrong.output


def test_an_app_without_accounts_is_told_what_is_missing() -> None:
    wrong = run(Flask("bare"), "upgrade")
    assert (wrong.exit_code, "Did you forget to call 'init_app'?" in wrong.output) == (1, True)


@pytest.mark.parametrize(("module", "loaded"), [("flask_commands", False), ("cli", False), ("cli.users", True)])
def test_flask_loads_no_part_of_the_service_before_a_command_is_asked_for(module: str, loaded: bool) -> None:
    program = f"import sys, accounts.{module}; print('accounts.core.site' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(loaded)


def test_flask_finds_the_command_by_its_entry_point(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from flask import Flask\nfrom accounts import Accounts\napp = Flask('shop')\nAccounts(app)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "shop", "accounts", "upgrade"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "is at version" in done.stdout
