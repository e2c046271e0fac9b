"""What tests of a host use: ``accounts.testing`` and the fixtures of the pytest plug-in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from accounts import Accounts, Settings, SettingsError, current_account, login_required
from accounts.testing import CapturedMail, sign_in
from tests.people import Service
from tests.web import hosts

mount = hosts.mount


@pytest.fixture
def service(mount: Callable[..., Service]) -> Service:
    return mount(url_prefix="/auth")


@pytest.fixture
def app(service: Service) -> Flask:
    """As hosts call the fixture that ``accounts_outbox`` looks for."""
    app = service.app

    @app.get("/private")
    @login_required
    def private() -> dict[str, object]:
        return {"id": current_account.id, "name": current_account.name, "groups": current_account.groups}

    return app


def test_a_client_is_signed_in_with_name_and_groups(app: Flask) -> None:
    client = app.test_client()
    ada = sign_in(client, email="ada@example.org", name="Ada", groups=["staff", "readers"])
    assert (ada.email, ada.groups, ada.is_in("staff")) == ("ada@example.org", ("readers", "staff"), True)
    assert client.get("/private").get_json() == {"id": ada.id, "name": "Ada", "groups": ["readers", "staff"]}
    assert app.test_client().get("/private").status_code == 303


def test_the_same_address_is_the_same_account(app: Flask) -> None:
    first, second = app.test_client(), app.test_client()
    ada = sign_in(first, email="ada@example.org", name="Ada")
    again = sign_in(second, email="Ada@Example.org", groups=["staff"])
    assert (again.id, again.name, again.groups) == (ada.id, "Ada", ("staff",))
    assert sign_in(app.test_client()).id != ada.id
    assert first.get("/private").status_code == second.get("/private").status_code == 200


def test_the_session_is_real_and_ends_like_one(app: Flask) -> None:
    client = app.test_client()
    sign_in(client)
    token = client.get("/auth/api/csrf").get_json()["csrf_token"]
    assert client.post("/auth/api/sign-out", json={}, headers={"X-CSRF-Token": token}).status_code == 204
    assert client.get("/private").status_code == 303


def test_the_clients_host_may_be_another(app: Flask) -> None:
    client = app.test_client()
    sign_in(client, domain="shop.example.org")
    assert client.get("/private", base_url="http://shop.example.org").status_code == 200
    app.config["SERVER_NAME"] = "shop.example.org:5000"
    client = app.test_client()
    sign_in(client)
    assert client.get("/private").status_code == 200


def test_secure_cookies_work_as_well(mount: Callable[..., Service]) -> None:
    service = mount(changes={"public_origin": "https://shop.example.org"})
    client = service.app.test_client()
    sign_in(client)
    assert client.get("/api/account").status_code == 200


def test_a_disabled_account_cannot_be_signed_in(service: Service) -> None:
    client = service.app.test_client()
    sign_in(client, email="ada@example.org")
    with (uow := service.uow()):
        uow.session.connection().exec_driver_sql("UPDATE accounts SET status = 'disabled'")
    with pytest.raises(ValueError, match="disabled"):
        sign_in(client, email="ada@example.org")


def test_tables_that_are_not_there_are_named_and_upgrade_makes_them(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    app = Flask("host")
    auth = Accounts(app, settings=settings(database_url=f"sqlite:///{tmp_path / 'new.db'}"))
    with pytest.raises(SettingsError, match="tables"):
        sign_in(app.test_client())
    auth.upgrade(app)
    assert sign_in(app.test_client()).email == "test@example.org"


def test_mail_is_captured_and_links_are_found(app: Flask, accounts_outbox: CapturedMail) -> None:
    client = app.test_client()
    assert accounts_outbox.messages == []
    for email in ("ada@example.org", "grace@example.org"):
        client.post("/auth/api/sign-up", json={"email": email})
    assert [message.to for message in accounts_outbox.messages] == ["grace@example.org", "ada@example.org"]
    link = accounts_outbox.link("activate", to="ada@example.org")
    assert link.startswith("http://127.0.0.1:8000/auth/l/activate/")
    assert accounts_outbox.link("activate") != link
    with pytest.raises(LookupError, match="no reset-password link was mailed to ada"):
        accounts_outbox.link("reset-password", to="ada@example.org")


def test_the_plug_in_loads_nothing_before_it_is_asked() -> None:
    program = "import sys, accounts.testing.plugin; print(sorted(n for n in sys.modules if n.startswith('accounts')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['accounts', 'accounts.testing', 'accounts.testing.plugin', 'accounts.version']"
