"""Define the commands and groups of the console: lists show whole sentences, and ids may begin with "-"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

import click

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 120}
FIRST_SENTENCE_PATTERN = re.compile(r"(.*?[.?!])(?:\s|$)")
MIN_ID_CHARACTERS = 20
"""No id or thumbprint that may begin with "--" is shorter, and every option is."""
HOST_SITE_KEY = "accounts.site"
"""Where ``flask accounts`` leaves the site of the host app, in the ``meta`` of click's context.

Flask knows it, too, but takes a tenth of the start of a command that asks nothing else of it.
"""
F = TypeVar("F", bound=Callable[..., Any])


class Command(click.Command):
    """A command whose first sentence is listed whole, and whose arguments may begin with "-"."""

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the whole first sentence of the help; ``limit`` does not cut it."""
        return first_sentence(self)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words of the command line, of which an argument may begin with "-"."""
        return super().parse_args(ctx, _put_arguments_last(self, ctx, args))


class Group(click.Group):
    """A group of commands of the class :class:`Command`."""

    command_class = Command
    group_class = type

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the whole first sentence of the help; ``limit`` does not cut it."""
        return first_sentence(self)


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """A command that is imported when it is called.

    :ivar import_name: ``module:attribute``.
    :ivar help: the first sentence of its help.
    """

    import_name: str
    help: str


class LazyGroup(Group):
    """A group that imports a command only when it is called: no command waits for the imports of another.

    :param lazy_commands: by their names.
    """

    def __init__(self, *args: Any, lazy_commands: Mapping[str, LazyCommand], **options: Any) -> None:
        super().__init__(*args, **options)
        self.lazy_commands = lazy_commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted, without importing any."""
        return sorted(self.lazy_commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names of all commands and what they do, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.lazy_commands[name].help) for name in self.list_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command of a name, or None."""
        if cmd_name not in self.lazy_commands:
            return None
        module, _, attribute = self.lazy_commands[cmd_name].import_name.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


def first_sentence(command: click.Command) -> str:
    """Return the whole first sentence of a command's help. Click itself would cut it off after some words."""
    paragraph = " ".join((command.short_help or command.help or "").partition("\n\n")[0].split())
    match = FIRST_SENTENCE_PATTERN.match(paragraph)
    return match[1] if match else paragraph


def json_option(command: F) -> F:
    """Add the option ``--json`` to a command, as the argument ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")(command)


def confirm(question: str, *, yes: bool) -> None:
    """Ask on stderr before an act that cannot be undone.

    :param yes: whether ``--yes`` was given; then there is no question.
    :raises click.ClickException: the answer is no, or there is none.
    """
    if yes:
        return
    try:
        is_confirmed = click.confirm(question, err=True)
    except click.Abort:
        is_confirmed = False
        click.echo(err=True)
    if not is_confirmed:
        raise click.ClickException("nothing was changed")


def _put_arguments_last(command: click.Command, ctx: click.Context, args: list[str]) -> list[str]:
    """Return the same words, options first, with a "--" before the arguments.

    Ids are random and may begin with "-"; click would take ``-habc`` for ``-h`` and print help.
    """
    options: list[str] = []
    arguments: list[str] = []
    takes_value = {
        name: not param.is_flag and not param.count
        for param in command.get_params(ctx)
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }
    words = iter(args)
    for word in words:
        if word == "--":
            arguments += words
        elif not word.startswith("-") or (word not in takes_value and _looks_like_id(word)):
            arguments.append(word)
        else:
            options.append(word)
            if takes_value.get(word):
                options += [value for value in [next(words, None)] if value is not None]
    return [*options, "--", *arguments] if arguments else options


def _looks_like_id(word: str) -> bool:
    # The console has no options of one letter but -h.
    if word.startswith("--"):
        return len(word) >= MIN_ID_CHARACTERS and "=" not in word
    return word == "-" or len(word) > len("-h")
