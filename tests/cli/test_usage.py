"""How every command is called: names, help, exit status 0, 1 and 2, words that begin with "-", completion."""

from __future__ import annotations

import io
import re
import socket
from collections import Counter
from contextlib import closing
from pathlib import Path

import click
import pytest

from accounts import __version__
from tests.cli.commands import ALL_GROUPS, COMMANDS, GROUPS, fill_in, required_arguments
from tests.cli.conftest import Command
from tests.conftest import KEY

WITHOUT_STORE = {
    "keys generate",
    "mail preview",
    "keys list",
    "config check",
    "passwords tune",
    "import",
    "data import",
}
"""What needs no store, shows something without one, or reads its file first."""
ID_ARGUMENTS = {"who", "session", "identity", "app", "name", "key", "batch", "ids", "id"}
NOT_JSON = {
    "serve": "runs until it is stopped",
    "worker": "runs until it is stopped",
    "audit export": "writes a file of lines of JSON or CSV",
    "data export": "writes a file of lines of JSON or CSV",
    "invites print-letters": "prints a page",
}
every_command = pytest.mark.parametrize("words", COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("server",),
        ("serve", "--workers", "0"),
        ("serve", "--workers", "many"),
        ("serve", "now"),
        ("invites", "create"),
        ("invites", "create", "a@example.org", "b@example.org"),
        ("invites", "create", "a@example.org", "--days", "soon"),
        ("users",),
        ("users", "rename", "a@example.org"),
        ("users", "find", "a"),
        ("users", "list", "--limit", "0"),
        ("keys",),
        ("keys", "old"),
        ("keys", "oidc"),
        ("oidc-keys",),
        ("config",),
        ("mail",),
        ("mail", "again"),
        ("letters", "preview"),
        ("link", "explain", "x"),
        ("invite", "a@example.org"),
        ("export",),
        ("backup", "x"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_touches_nothing(bare: Command, arguments: tuple[str, ...]) -> None:
    result = bare(*arguments)
    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("Usage: ")


@every_command
def test_an_unknown_option_is_wrong_usage(bare: Command, words: str) -> None:
    result = bare(*words.split(), *fill_in(COMMANDS[words]), "--no-such-thing")
    assert (result.status, result.out) == (2, "")
    assert "No such option '--no-such-thing'" in result.err
    assert not Path("instance").exists()


@pytest.mark.parametrize("words", [words for words, command in COMMANDS.items() if required_arguments(command)])
def test_a_missing_argument_is_wrong_usage(bare: Command, words: str) -> None:
    result = bare(*words.split())
    assert (result.status, result.out) == (2, "")
    assert "Missing argument" in result.err
    assert not Path("instance").exists()


@pytest.mark.parametrize(
    "words",
    [words for words, command in COMMANDS.items() if ID_ARGUMENTS & {param.name for param in command.params
     if isinstance(param, click.Argument)} and words != "apps add"],
)  # fmt: skip
@pytest.mark.parametrize("id", ["-habc", "--abc-def_ghijklmnopqrs", "nobody"])
def test_an_id_that_is_not_there_is_one_line_also_where_it_begins_with_a_hyphen(
    accounts: Command, database: str, words: str, id: str
) -> None:
    found = accounts(*words.split(), *(fill_in(COMMANDS[words], id) or [id]))
    if words in ("invites resend", "invites extend", "invites revoke"):
        # Of many at once, those that are not there are left out.
        assert found.out == f"{words.split()[1]}: 0\n"
        return
    assert "\n" not in found.refused
    assert "Usage" not in found.refused


def test_options_stand_before_and_behind_an_id_that_begins_with_a_hyphen(accounts: Command) -> None:
    for arguments in (("--json", "-habc"), ("-habc", "--json"), ("--json", "--", "-habc"), ("--", "-habc")):
        assert accounts("users", "show", *arguments).refused == "no account -habc"
    assert accounts("invites", "list", "--batch", "-habc").refused == "no such batch"
    assert accounts("users", "show", "-habc", "--help").out.startswith("Usage: accounts users show")


@pytest.mark.parametrize("words", sorted(COMMANDS.keys() - WITHOUT_STORE - {"serve", "worker"}))
def test_a_store_that_is_away_is_one_line(bare: Command, words: str) -> None:
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"postgresql://anna@127.0.0.1:{nobody.getsockname()[1]}/accounts"
        command = (*words.split(), *fill_in(COMMANDS[words]))
        text = bare(*command, database_url=url, secret_keys=KEY, port="0", mail_server="127.0.0.1").refused
    assert text.startswith("ACCOUNTS_DATABASE_URL: cannot use postgresql+psycopg://anna@127.0.0.1")


def test_an_answer_no_changes_nothing_and_ends_with_1(accounts: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for typed in ("n\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        result = accounts("restored")
        assert (result.status, result.out) == (1, "")
        assert result.err.endswith("accounts: nothing was changed\n")


@every_command
def test_what_prints_something_prints_it_as_json_too(words: str) -> None:
    has_json = any("--json" in param.opts for param in COMMANDS[words].params)
    assert has_json == (words not in NOT_JSON)


def test_functions_of_commands_have_names_of_their_own() -> None:
    names = Counter(
        command.callback.__name__ for command in {id(each): each for each in COMMANDS.values()}.values()
        if command.callback
    )  # fmt: skip
    assert [name for name, count in names.items() if count > 1] == []


def test_the_groups_are_those_of_the_pages() -> None:
    assert set(ALL_GROUPS) == set(GROUPS)


@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize("words", ["", *ALL_GROUPS])
def test_a_list_of_commands_has_their_sentences_whole(
    bare: Command, monkeypatch: pytest.MonkeyPatch, words: str, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    result = bare(*words.split(), "--help")
    assert (result.status, result.err) == (0, "")
    assert "..." not in result.out.replace("[ARGS]...", "")
    listed = " ".join(result.out.partition("Commands:")[2].split())
    below = {
        each.removeprefix(words).strip(): command
        for each, command in (COMMANDS | ALL_GROUPS).items()
        if each.rpartition(" ")[0] == words
    }
    assert below
    for name, command in below.items():
        sentence = re.match(r".*?[.](?=\s|$)", " ".join((command.help or "").split()))
        assert sentence, f"{words} {name} has no sentence"
        assert f"{name} {sentence[0]}" in listed


@every_command
def test_every_command_has_help_in_words(bare: Command, words: str) -> None:
    for flag in ("-h", "--help"):
        result = bare(*words.split(), flag)
        assert (result.status, result.err) == (0, "")
        assert result.out.startswith(f"Usage: accounts {words}")


def test_the_version_is_that_of_the_package(bare: Command) -> None:
    assert bare("--version").out == f"accounts, version {__version__}\n"


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("accounts us", {"users"}),
        ("accounts users list-", {"list-identities", "list-sessions"}),
        ("accounts keys oidc ", {"list", "rotate", "drop"}),
        ("accounts apps add x --au", {"--auth"}),
        ("accounts apps add x --auth n", {"none"}),
    ],
)
def test_a_shell_completes_commands_options_and_choices(
    bare: Command, monkeypatch: pytest.MonkeyPatch, line: str, offered: set[str]
) -> None:
    words = line.split(" ")
    monkeypatch.setenv("_ACCOUNTS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    result = bare()
    assert result.status == 0
    assert {each.partition(",")[2] for each in result.out.splitlines()} == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_a_shell_is_printed(bare: Command, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_ACCOUNTS_COMPLETE", f"{shell}_source")
    result = bare()
    assert result.status == 0
    assert f"_ACCOUNTS_COMPLETE={shell}_complete" in result.out
