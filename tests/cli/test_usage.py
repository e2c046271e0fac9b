"""Wrong usage ends with 2 and says what is right; help and version end with 0."""

from __future__ import annotations

import pytest

from accounts import __version__
from accounts.cli import cli
from tests.cli.conftest import Command


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("server",),
        ("serve", "--worker", "2"),
        ("serve", "--workers", "0"),
        ("serve", "--workers", "many"),
        ("serve", "now"),
        ("invite",),
        ("invite", "a@example.org", "b@example.org"),
        ("invite", "a@example.org", "--days", "soon"),
        ("users",),
        ("users", "show"),
        ("users", "rename", "a@example.org"),
        ("keys", "old"),
        ("config",),
        ("mail", "again"),
        ("letters",),
        ("letters", "preview"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_touches_nothing(bare: Command, arguments: tuple[str, ...]) -> None:
    said = bare(*arguments)
    assert said.status == 2
    assert said.out == ""
    assert said.err.startswith("Usage: ")


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_has_help_in_words(bare: Command, name: str) -> None:
    for flag in ("-h", "--help"):
        said = bare(name, flag)
        assert (said.status, said.err) == (0, "")
        assert cli.commands[name].help, "a command without a sentence"


def test_the_version_is_that_of_the_package(bare: Command) -> None:
    assert bare("--version").out == f"accounts, version {__version__}\n"
