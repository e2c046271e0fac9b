"""What a command imports: help nothing of the service, and no command what only the pages need."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from accounts.cli import COMMANDS, cli
from accounts.cli.commands import first_sentence
from tests.kit.imports import HEAVY_MODULES, imported_by

SERVICE = ("accounts.config", "accounts.core", "accounts.flows", "accounts.web", "accounts.extension")
LIBRARIES = (
    "alembic",
    "cryptography",
    "flask",
    "jinja2",
    "pydantic",
    "sqlalchemy",
    "structlog",
    "waitress",
    "werkzeug",
)
PAGES = ("accounts.extension", "accounts.web.kit", "flask", "jinja2", "werkzeug")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_with_the_first_sentence_of_its_own_help(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert COMMANDS[name].help == first_sentence(command)


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_of_the_service(option: str) -> None:
    call = f"import accounts.cli\ntry: accounts.cli.main([{option!r}])\nexcept SystemExit: pass"
    assert not imported_by(call) & {*SERVICE, *LIBRARIES}


@pytest.mark.parametrize(
    "module", ["audit", "config", "data", "invites", "keys", "limits", "links", "setup", "users"]
)
def test_a_command_that_shows_no_page_imports_no_pages(module: str) -> None:
    assert not imported_by(f"import accounts.cli.{module}") & set(PAGES)


def test_the_parent_of_serve_has_what_its_processes_share_and_nothing_that_a_fork_would_break(tmp_path: Path) -> None:
    settings = f"import os; os.environ |= {{'ACCOUNTS_INSTANCE': {str(tmp_path)!r}, 'ACCOUNTS_PORT': '0'}}\n"
    imported_by(f"{settings}from accounts.cli import main\ntry: main(['upgrade'])\nexcept SystemExit: pass")
    program = f"""{settings}
import gc, multiprocessing, threading
from accounts.server.supervisor import Supervisor
def would_fork(self):
    assert gc.get_freeze_count() > 100_000, "the collector would write into the memory that is shared"
    assert multiprocessing.get_start_method() == "fork"
    assert threading.active_count() == 1, "no thread lives on in a forked process"
    opened = [os.path.realpath(f"/proc/self/fd/{{name}}") for name in os.listdir("/proc/self/fd")]
    assert not [path for path in opened if "accounts.db" in path], "no connection may cross a fork"
    return 0
Supervisor.run = would_fork
from accounts.cli import main
try: main(["serve"])
except SystemExit as ended: assert ended.code == 0
"""
    found = imported_by(program)
    assert "accounts.extension" in found
    assert not found & HEAVY_MODULES
