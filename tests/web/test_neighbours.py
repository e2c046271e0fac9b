"""Beside the extensions that a host is likely to have: nothing of theirs is overwritten, and all of them work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask_babel import Babel, get_locale
from flask_login import LoginManager, current_user, login_user
from flask_mail import Mail, Message
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy_lite import SQLAlchemy as LiteSQLAlchemy
from flask_wtf import CSRFProtect, FlaskForm
from sqlalchemy import text
from wtforms import StringField

from accounts import Accounts, Reply, binds, current_account, login_required
from accounts.extension import get_app_state
from accounts.host import HostWork
from accounts.testing import CapturedMail, sign_in
from tests.kit.browser import Browser
from tests.people import PASSWORD, token_of_url
from tests.web.hosts import make_host

TEMPLATES = {
    "shop.html": "{{ current_user.get_id() }} {{ current_account.email }} {{ csrf_token() }} "
    "{{ accounts_sign_out_form() }}",
    "accounts/base.html": "{{ csrf_token() }}{% block main %}{% endblock %}",
}
DATABASES = [SQLAlchemy, LiteSQLAlchemy]
"""One of the two: the second refuses an app that has the first."""


class Customer:
    """A user as Flask-Login wants one."""

    is_authenticated = is_active = True

    def __init__(self, id: str) -> None:
        self.id = id

    def get_id(self) -> str:
        return self.id


class NameForm(FlaskForm):  # type: ignore[misc] # Flask-WTF has no types
    name = StringField("Name")


class Host:
    """An app with all of them, set up before or after ours."""

    def __init__(self, folder: Path, database: Callable[[], Any], *, ours_first: bool) -> None:
        url = f"sqlite:///{folder / 'shop.db'}"
        self.app = make_host(
            folder,
            TEMPLATES,
            SQLALCHEMY_DATABASE_URI=url,
            SQLALCHEMY_ENGINES={"default": url},
            MAIL_SUPPRESS_SEND=True,
            BABEL_DEFAULT_LOCALE="fr",
            ACCOUNTS_PUBLIC_ORIGIN="http://127.0.0.1:5000",
        )
        self.db, self.login, self.mail, self.csrf = database(), LoginManager(), Mail(), CSRFProtect()
        self.auth = Accounts(url_prefix="/auth", engine=lambda: self.db.engine)
        self.auth.link("confirm-order", lifetime=timedelta(hours=3), dies_with=[binds.auth_epoch])(confirm_order)
        # Whose engine we use comes first in any case.
        self.db.init_app(self.app)
        if ours_first:
            self.auth.init_app(self.app)
        Babel(self.app)
        for each in (self.login, self.mail, self.csrf):
            each.init_app(self.app)
        self.login.user_loader(Customer)
        if not ours_first:
            self.before = snapshot(self.app)
            self.auth.init_app(self.app)
            self.after = snapshot(self.app)
        self._add_views()

    def _add_views(self) -> None:
        @self.app.get("/shop")
        def shop() -> Reply:
            login_user(Customer("42"))
            return Reply(template="shop.html")

        @self.app.post("/name")
        @login_required
        def name() -> dict[str, object]:
            form = NameForm()
            return {
                "valid": form.validate_on_submit(),
                "customer": current_user.get_id(),
                "account": current_account.email,
                "locale": str(get_locale()),
                "posted": request.form["name"],
            }


def snapshot(app: Flask) -> dict[str, Any]:
    """All of an app that an extension could overwrite."""
    return {
        "extensions": dict(app.extensions),
        "config": dict(app.config),
        "globals": dict(app.jinja_env.globals),
        "filters": dict(app.jinja_env.filters),
        "tests": dict(app.jinja_env.tests),
        "views": dict(app.view_functions),
        "processors": list(app.template_context_processors[None]),
        "session": {"interface": app.session_interface},
        "rules": [rule.rule for rule in app.url_map.iter_rules()],
        "handlers": {code: dict(each) for code, each in app.error_handler_spec[None].items()},
        "json": {"provider": app.json},
    }


def confirm_order(work: HostWork, account: Any, form: Any) -> None:
    statement = text("UPDATE orders SET state = 'confirmed' WHERE id = :id")
    work.session.execute(statement, {"id": work.facts["order"]})


@pytest.fixture(params=[True, False], ids=["ours-first", "ours-last"])
def ours_first(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=DATABASES, ids=["sqlalchemy", "lite"])
def host(request: pytest.FixtureRequest, ours_first: bool, tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "host", request.param, ours_first=ours_first)
    host.auth.upgrade(host.app)
    yield host
    with host.app.app_context():
        host.db.engine.dispose()


@pytest.mark.parametrize("ours_first", [False], indirect=True)
def test_nothing_of_theirs_is_overwritten(host: Host) -> None:
    before, after = host.before, host.after
    for name in ("extensions", "config", "globals", "filters", "tests", "views", "session", "json"):
        changed = [key for key, value in before[name].items() if after[name].get(key) is not value]
        assert changed == [], name
    for name, added in (("extensions", {"accounts"}), ("config", set()), ("globals", set()), ("filters", set())):
        assert after[name].keys() - before[name].keys() == added, name
    assert [each for each in before["processors"] if each not in after["processors"]] == []
    new_rules = [rule for rule in after["rules"] if rule not in before["rules"]]
    assert all(rule == "/auth" or rule.startswith("/auth/") for rule in new_rules)
    for code, handlers in before["handlers"].items():
        assert {error: after["handlers"][code][error] for error in handlers} == handlers


def test_all_of_them_work_in_one_request(host: Host) -> None:
    client = host.app.test_client()
    sign_in(client, email="ada@example.org")
    page = client.get("/shop").text
    customer, email, csrf_token = page.split()[:3]
    assert (customer, email) == ("42", "ada@example.org")
    answer = client.post("/name", data={"csrf_token": csrf_token, "name": "Ada"})
    assert answer.get_json() == {
        "valid": True,
        "customer": "42",
        "account": "ada@example.org",
        "locale": "fr",
        "posted": "Ada",
    }
    refused = client.post("/name", data={"name": "Ada"})
    assert refused.status_code == 400, "CSRFProtect still guards the host's views"


def test_our_forms_pass_csrf_protection_and_keep_their_own(host: Host) -> None:
    mail = CapturedMail(host.app)
    browser = Browser(host.app.test_client())
    browser.visit("/auth/sign-up")
    browser.submit(email="ada@example.org")
    browser.visit(mail.link("activate"))
    browser.submit(name="Ada", password=PASSWORD)
    assert browser.url == "/auth/l/activate/done"
    forged = browser._client.post("/auth/sign-out", data={})
    assert forged.status_code == 403
    browser.visit("/shop")
    browser.submit()
    assert browser.url == "/"
    assert browser._client.get("/auth/api/account").status_code == 401
    unguarded = host.app.test_client().post(
        "/auth/api/sign-in", json={"email": "ada@example.org", "password": PASSWORD}
    )
    assert unguarded.status_code == 200


def test_accounts_live_in_the_database_of_the_host(host: Host) -> None:
    ada = sign_in(host.app.test_client(), email="ada@example.org")
    with host.app.app_context():
        assert host.db.session.execute(text("SELECT id FROM accounts")).scalar_one() == ada.id
        assert get_app_state(host.app).site.store.engine is host.db.engine


def test_mail_of_the_host_is_the_hosts(host: Host) -> None:
    captured = CapturedMail(host.app)
    with host.app.app_context(), host.mail.record_messages() as outbox:
        host.mail.send(Message("hello", recipients=["x@example.org"], sender="shop@example.org"))
    assert [message.subject for message in outbox] == ["hello"]
    assert captured.messages == []


def test_a_link_changes_tables_of_the_host_in_its_own_transaction(host: Host) -> None:
    mail = CapturedMail(host.app)
    ada = sign_in(host.app.test_client())
    with host.app.app_context():
        host.db.session.execute(text("CREATE TABLE orders (id INTEGER, state TEXT)"))
        host.db.session.execute(text("INSERT INTO orders VALUES (7, 'new'), (8, 'new')"))
        host.db.session.commit()
        host.auth.send(confirm_order, to=ada, order=7)
    token = token_of_url(mail.link("confirm-order"))
    stranger = host.app.test_client()
    assert stranger.post("/auth/api/l/confirm-order", json={"token": token}).status_code == 200
    with host.app.app_context():
        states = host.db.session.execute(text("SELECT state FROM orders ORDER BY id")).scalars().all()
    assert states == ["confirmed", "new"]
