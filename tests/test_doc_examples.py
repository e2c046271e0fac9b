"""The programs in the documentation run as they stand there."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from accounts import Accounts, account_deleted, binds
from accounts.core.database import schema
from accounts.core.links.link import Link
from accounts.extension import get_app_state
from accounts.testing import CapturedMail, sign_in
from tests.kit.browser import Browser
from tests.people import PASSWORD, token_of_url

ROOT = Path(__file__).parents[1]
NAMED_BLOCK = re.compile(r"^`([\w./-]+)`:\n\n```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"^https?://\S+/go$", re.MULTILINE)
Run = Callable[[str, str], Flask]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Writes the files of a document into an empty folder, and imports one of them with its tables made."""
    for name in [name for name in os.environ if name.startswith("ACCOUNTS_")]:
        monkeypatch.delenv(name)
    monkeypatch.syspath_prepend(str(tmp_path))
    apps: dict[str, Flask] = {}

    def run(document: str, module: str) -> Flask:
        for name, text in NAMED_BLOCK.findall((ROOT / document).read_text(encoding="utf-8")):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        app = importlib.import_module(module).app
        assert isinstance(app, Flask)
        app.testing = True  # in development it would deliver mail by itself
        apps[module] = app
        schema.upgrade(get_app_state(app).site.store)
        return app

    yield run
    for module, app in apps.items():
        get_app_state(app).site.store.close()
        del sys.modules[module]


def newest_link(app: Flask, purpose: str) -> str:
    """The newest link of a purpose in the development mailbox."""
    get_app_state(app).make_worker().deliver_all()
    box = get_app_state(app).mailbox
    assert box is not None
    found: list[str] = [url for mail in box.messages for url in LINK.findall(mail.text) if f"/l/{purpose}/" in url]
    return found[0]


def signed_up(app: Flask) -> FlaskClient:
    """A browser in which somebody has just signed up."""
    client = app.test_client()
    assert client.post("/auth/api/sign-up", json={"email": "anna@example.org", "next": "/"}).status_code == 202
    data = {"token": token_of_url(newest_link(app, "activate")), "name": "Anna", "password": PASSWORD}
    done = client.post("/auth/api/l/activate", json=data)
    assert (done.status_code, done.get_json()["next"]) == (201, "/")
    return client


def test_the_app_in_the_readme_asks_to_sign_in_and_greets(run: Run) -> None:
    app = run("README.md", "hello")
    asked = app.test_client().get("/")
    assert (asked.status_code, asked.headers["Location"]) == (303, "/auth/sign-in?next=/")
    assert signed_up(app).get("/").text == "Hello Anna"


def test_the_start_for_hosts_runs_as_it_stands(run: Run) -> None:
    app = run("docs/hosts.md", "app")
    stranger = app.test_client()
    asked = stranger.post("/newsletter", headers={"Referer": "http://127.0.0.1:5000/"})
    assert (asked.status_code, asked.location) == (303, "/auth/sign-in?next=/")
    reader = signed_up(app)
    assert (answer := reader.post("/newsletter")).status_code == 202
    assert answer.text == "Check your email."
    url = newest_link(app, "join-newsletter")
    assert url.startswith("http://127.0.0.1:5000/auth/l/join-newsletter/")

    # As a browser that is signed in: the link, its page, its button; and once more.
    browser = Browser(reader)
    browser.visit(url.removeprefix("http://127.0.0.1:5000"))
    assert "Join newsletter" in browser.page.text
    browser.submit(browser.form("link_id"))
    assert browser.url == "/auth/l/join-newsletter/done"
    assert reader.get("/auth/api/account").get_json()["groups"] == ["newsletter"]
    browser.visit(url.removeprefix("http://127.0.0.1:5000"))
    assert browser.status == 410
    again = stranger.post("/auth/api/l/join-newsletter", json={"token": token_of_url(url)})
    assert (again.status_code, again.get_json()["code"]) == (410, "link_used")


def test_its_tests_pass(run: Run, tmp_path: Path) -> None:
    run("docs/hosts.md", "app")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout


def test_the_other_examples_for_hosts_work(run: Run) -> None:
    text = (ROOT / "docs/hosts.md").read_text(encoding="utf-8")
    booking, forgetting = (
        next(block for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if word in block)
        for word in ("book-table", "account_deleted")
    )
    auth, app, seen = Accounts(url_prefix="/auth"), Flask("host"), list[object]()
    app.testing = True
    names: dict[str, Any] = {"auth": auth, "app": app, "binds": binds, "timedelta": timedelta}
    names["delete_orders_of"] = seen.append
    names["reserve"] = lambda session, evening, seats: (evening, seats) == ("friday", 2)
    exec(booking + forgetting, names)  # noqa: S102 - examples of our own documents
    auth.init_app(app)
    auth.upgrade(app)
    mail, client = CapturedMail(app), app.test_client()
    guest = sign_in(client)
    with app.app_context():
        auth.send(names["book"], to=guest, evening="friday")
    token = token_of_url(mail.link("book-table"))
    assert client.get(f"/auth/api/l/book-table?token={token}").get_json()["asks"] == ["seats"]
    stranger = app.test_client()
    full = stranger.post("/auth/api/l/book-table", json={"token": token, "seats": 3})
    assert (full.status_code, full.get_json()["code"]) == (409, "full")
    assert stranger.post("/auth/api/l/book-table", json={"token": token, "seats": 2}).status_code == 200
    account_deleted.send(app, account_id=guest.id, event="account.closed", actor_id=None, facts={})
    assert seen == [guest.id]
    get_app_state(app).site.store.close()


def test_a_kind_of_link_that_binds_nothing_lasting_cannot_be_declared(run: Run) -> None:
    declared = get_app_state(run("docs/hosts.md", "app")).site.links["join-newsletter"]
    with pytest.raises(TypeError, match="never returns"):
        Link(**{**vars(declared), "dies_with": declared.dies_with[:1], "spends": None})
