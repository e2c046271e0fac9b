"""The wheel is the whole service: words, pages and migrations are carried along."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from accounts import __version__
from accounts.core.database import schema
from tests.e2e.client import mailed_token
from tests.e2e.conftest import Start, Visit
from tests.people import PASSWORD, token_of_url
from tests.servers.smtp import SmtpSink

ROOT = Path(__file__).parents[2]
PLACES = {"accounts": "accounts", "emails": "accounts/_emails", "alembic": "accounts/_alembic"}
"""Folders of the checkout, and where the wheel has them."""


def run(*command: str | Path, folder: Path) -> str:
    """Run a command to its good end; what it printed."""
    ended = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False, env=_environ()
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("ACCOUNTS_", "COV", "PYTEST_"))}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel made from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, folder=ROOT)
    [made] = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside of the checkout that holds the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input")
    run(*pip, "install", "--no-deps", "--no-index", "--target", folder, wheel, folder=folder)
    return folder


def test_the_wheel_holds_what_the_checkout_has_and_writes_into_no_other_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.name == f"accounts-{__version__}-py3-none-any.whl"
    assert {name.split("/")[0] for name in names} == {"accounts", f"accounts-{__version__}.dist-info"}
    for folder, inside in (
        ("accounts", "accounts"),
        ("emails", "accounts/_emails"),
        ("alembic", "accounts/_alembic"),
    ):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert files
        missing = [path for path in files if f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" not in names]
        assert missing == []
    assert "accounts/py.typed" in names


def test_an_installed_service_does_the_main_job_far_from_the_checkout(
    installed: Path, make_process: Start, visit: Visit, post_office: SmtpSink
) -> None:
    process = make_process()
    process.environ["PYTHONPATH"] = str(installed)
    where = "import accounts; print(accounts.__file__)"
    process.program, process.command = (sys.executable, "-c", where), ("where",)
    process.start()
    assert process.running.wait(60) == 0, process.err
    assert Path(process.out.strip()).is_relative_to(installed)

    process.program, process.command = (sys.executable, str(installed / "bin" / "accounts")), ("upgrade",)
    process.start()
    assert process.running.wait(60) == 0, process.err
    assert process.out.endswith(f"accounts.db is at version {schema.head_revision()}\n")

    process.command = ("serve",)
    process.start_and_answer()
    admin = visit(process)
    data = {"token": token_of_url(process.first_admin_link), "email": "admin@example.org", "password": PASSWORD}
    assert admin.post("/api/l/invite", data).status == 201
    assert admin.post("/api/sign-up", {"email": "anna@example.org"}).status == 202
    token = mailed_token(post_office, "anna@example.org", "activate")
    assert visit(process).post("/api/l/activate", {"token": token, "password": PASSWORD}).status == 201
    page = visit(process).get("/de/sign-in")
    assert (page.status, 'lang="de"' in page.text, "Anmelden" in page.text) == (200, True, True)
    assert process.stop() == 0
