"""The programs in the documentation run as they stand there."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from accounts.core.database import schema
from accounts.core.links.link import Link
from accounts.extension import get_app_state
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
    said = {"token": token_of_url(newest_link(app, "activate")), "name": "Anna", "password": PASSWORD}
    done = client.post("/auth/api/l/activate", json=said)
    assert (done.status_code, done.get_json()["next"]) == (201, "/")
    return client


def test_the_app_in_the_readme_asks_to_sign_in_and_greets(run: Run) -> None:
    app = run("README.md", "hello")
    asked = app.test_client().get("/")
    assert (asked.status_code, asked.headers["Location"]) == (303, "/auth/sign-in?next=/")
    assert signed_up(app).get("/").text == "Hello Anna"


def test_the_kind_of_link_in_the_documentation_works_once(run: Run) -> None:
    app = run("docs/links.md", "newsletter")
    assert signed_up(app).post("/newsletter").status_code == 202
    url = newest_link(app, "join-newsletter")
    assert url.startswith("http://127.0.0.1:5000/auth/l/join-newsletter/")

    client, token = app.test_client(), token_of_url(url)
    page = client.get(url.removeprefix("http://127.0.0.1:5000"), follow_redirects=True)
    assert "You get one letter a month." in page.text
    assert client.post("/auth/api/l/join-newsletter", json={"token": token}).status_code == 200
    again = client.post("/auth/api/l/join-newsletter", json={"token": token})
    assert (again.status_code, again.get_json()["code"]) == (410, "link_used")


def test_a_kind_of_link_that_binds_nothing_lasting_cannot_be_declared(run: Run) -> None:
    declared = get_app_state(run("docs/links.md", "newsletter")).site.links["join-newsletter"]
    with pytest.raises(TypeError, match="never returns"):
        Link(**{**vars(declared), "dies_with": declared.dies_with[:2]})
