"""What a command imports: help nothing of the service, and no command what only the pages need."""

from __future__ import annotations

import click
import pytest

from accounts.cli import COMMANDS, cli
from accounts.cli.commands import first_sentence
from tests.kit.imports import imported_by

SERVICE = ("accounts.config", "accounts.core", "accounts.flows", "accounts.web", "accounts.extension")
LIBRARIES = (
    "alembic",
    "cryptography",
    "flask",
    "granian",
    "jinja2",
    "pydantic",
    "sqlalchemy",
    "structlog",
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
