"""All commands of the console, and words that fill in their arguments."""

from __future__ import annotations

from collections.abc import Iterator

import click

from accounts.cli import cli

WORDS = {
    "places": "30",
    "email": "anna@example.org",
    "address": "anna@example.org",
    "url": "sqlite:///elsewhere.db",
    "act": "disable",
}
"""What stands for an argument or a required option, where any word will not do."""
GROUPS = (
    "approvals",
    "apps",
    "audit",
    "config",
    "data",
    "invites",
    "keys",
    "keys oidc",
    "limits",
    "links",
    "mail",
    "passwords",
    "users",
    "users bulk",
)


def iter_commands(group: click.Group = cli, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command and every group below a group, by the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        words = f"{path} {name}".strip()
        yield words, command
        if isinstance(command, click.Group):
            yield from iter_commands(command, words)


COMMANDS = {words: command for words, command in iter_commands() if not isinstance(command, click.Group)}
ALL_GROUPS = {words: command for words, command in iter_commands() if isinstance(command, click.Group)}


def fill_in(command: click.Command, word: str = "something") -> list[str]:
    """The fewest words that call a command rightly, with one word for every argument that is any word."""
    found: list[str] = []
    for param in command.params:
        value = WORDS.get(param.name or "", word)
        if isinstance(param, click.Argument) and (param.required or param.name in ("ids", "email", "who")):
            found.append(value)
        elif isinstance(param, click.Option) and param.required:
            found += [param.opts[0], value]
    return found


def required_arguments(command: click.Command) -> list[str]:
    """Names of the arguments that have to be there."""
    return [param.name or "" for param in command.params if isinstance(param, click.Argument) and param.required]
