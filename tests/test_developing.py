"""The recipes for developers: files that they name are there, and the one for a link gives a link that works once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "developing.md").read_text(encoding="utf-8")
RECIPE = TEXT.partition("## Add a kind of link\n")[2].partition("\n## ")[0]
BLOCK = re.compile(r"^`([\w./-]+)`:\n\n```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MADE_BY_THE_RECIPE = "emails/end-sessions/de.*"
FLOOR_FOLDERS = {
    "web": "accounts/web",
    "flows": "accounts/flows",
    "core": "accounts/core",
    "delivery": "accounts/delivery",
}

USE = """
import accounts
from accounts import Settings, create_app
from accounts.core.database import schema
from accounts.core.uow import UnitOfWork
from accounts.extension import get_app_state
from accounts.flows.account.end_sessions import send_end_sessions_link

print(accounts.__file__)
app = create_app(Settings.load())
state = get_app_state(app)
schema.upgrade(state.site.store)
client = app.test_client()
PASSWORD = "correct horse battery staple"


def newest_token(purpose):
    state.make_worker().deliver_all()
    assert state.mailbox is not None
    return state.mailbox.messages[0].text.partition(f"/l/{purpose}/")[2].partition("/go")[0]


assert client.post("/api/sign-up", json={"email": "anna@example.org"}).status_code == 202
activation = {"token": newest_token("activate"), "name": "Anna", "password": PASSWORD}
account_id = client.post("/api/l/activate", json=activation).get_json()["account"]
assert client.get("/api/account").status_code == 200

send_end_sessions_link(UnitOfWork(state.site), account_id)
token = newest_token("end-sessions")
page = client.get(f"/l/end-sessions/{token}/go", follow_redirects=True)
assert "All devices that are signed in to your account will be signed out." in page.text, page.text
assert client.get("/api/account").status_code == 200

csrf = {"X-CSRF-Token": client.get("/api/csrf").get_json()["csrf_token"]}
used = client.post("/api/l/end-sessions", json={"token": token}, headers=csrf)
assert (used.status_code, used.get_json()) == (200, {"purpose": "end-sessions", "account": account_id}), used.text
assert client.get("/api/account").status_code == 401
again = app.test_client().post("/api/l/end-sessions", json={"token": token})
assert (again.status_code, again.get_json()["code"]) == (410, "link_used"), again.text
state.site.store.close()
"""


def apply_diff(text: str, diff: str) -> str:
    """Insert the lines that a diff adds. A context line that ends in " ..." stands for the first that begins so."""
    lines = text.splitlines()
    for hunk in diff.split("@@\n"):
        context = [line[1:] for line in hunk.splitlines() if line.startswith(" ")]
        added = [line[1:] for line in hunk.splitlines() if line.startswith("+")]
        assert len(context) == 1
        begins_so = [
            number
            for number, line in enumerate(lines)
            if line == context[0] or (context[0].endswith(" ...") and line.startswith(context[0][:-3]))
        ]
        assert begins_so, context[0]
        at = begins_so[0] + (0 if hunk.startswith("+") else 1)
        lines[at:at] = added
    return "\n".join(lines) + "\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package, its emails and migrations, and the recipe followed in it."""
    for folder in ("accounts", "emails", "alembic"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, language, block in BLOCK.findall(RECIPE):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if language == "diff":
            path.write_text(apply_diff(path.read_text(encoding="utf-8"), block), encoding="utf-8")
        else:
            assert not path.exists()
            path.write_text(block, encoding="utf-8")
    return tmp_path


def test_the_recipe_is_one_declaration_one_folder_of_words_and_one_name_in_the_registry() -> None:
    blocks = BLOCK.findall(RECIPE)
    code = [name for name, language, _ in blocks if language == "python"]
    edited = [(name, block.count("\n+    ")) for name, language, block in blocks if language == "diff"]
    word_folders = {Path(name).parent for name, language, _ in blocks if not language}
    assert (len(code), edited, word_folders) == (
        1,
        [("accounts/flows/__init__.py", 1)],
        {Path("emails/end-sessions")},
    )


def test_a_link_made_by_the_recipe_works_once_over_http(copy: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ACCOUNTS_")}
    environment |= {"PYTHONPATH": str(copy), "ACCOUNTS_INSTANCE": str(copy / "instance")}
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(copy / "accounts" / "__init__.py")


def test_the_code_of_the_recipe_is_as_the_linter_wants_it(copy: Path) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--quiet", "accounts/flows"]
    checked = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"`((?:accounts|alembic|docs|emails|tests)/[\w./*-]+)`", TEXT))
    made = {name for name, language, _ in BLOCK.findall(RECIPE) if language != "diff"} | {MADE_BY_THE_RECIPE}
    assert [name for name in sorted(named - made) if not (ROOT / name).exists()] == []


def test_every_file_of_the_drawn_request_is_there() -> None:
    drawing = TEXT.partition("## One request through the floors\n")[2].partition("```\n")[2].partition("```\n")[0]
    floor, found, missing = "", 0, []
    for line in drawing.splitlines():
        floor = line.split(" ")[0] or floor
        path = re.match(r"\w* +([\w/]+(?:\.py|/))", line)
        if path:
            found += 1
            missing += [path[1]] if not (ROOT / FLOOR_FOLDERS[floor] / path[1]).exists() else []
    assert found > 10
    assert missing == []
