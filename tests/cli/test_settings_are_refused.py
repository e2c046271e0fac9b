"""What an operator gets wrong ends with exit status 1 and one line on stderr that says which setting it is."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.conftest import KEY

COMMANDS = {
    "serve": ("serve",),
    "upgrade": ("upgrade",),
    "worker": ("worker",),
    "invites": ("invites", "create", "anna@example.org"),
    "users": ("users", "list"),
    "keys": ("keys", "list"),
    "config": ("config", "check"),
    "mail": ("mail", "count"),
}
WRONG = {
    "a key that is too short": ({"secret_keys": "short"}, "secret key is shorter than 32 bytes"),
    "one of two keys that is too short": ({"secret_keys": f"short,{KEY}"}, "secret key is shorter than 32 bytes"),
    "a JSON text where a list is due": ({"secret_keys": f'"{KEY}"'}, "ACCOUNTS_SECRET_KEYS: must be a list of keys"),
    "an empty list of keys": ({"secret_keys": "[]"}, "ACCOUNTS_SECRET_KEYS: holds an empty key"),
    "an empty key": ({"secret_keys": ""}, "ACCOUNTS_SECRET_KEYS: holds an empty key"),
    "one key twice": ({"secret_keys": f"{KEY},{KEY}"}, "a secret key stands in the ring twice"),
    "a sample key": ({"secret_keys": "changeme-0123456789-abcdefghijklmnop"}, "looks like a sample"),
    "an unknown name": (
        {"secret_key": KEY},
        "ACCOUNTS_SECRET_KEY is not a setting; did you mean ACCOUNTS_SECRET_KEYS?",
    ),
    "a port that is no number": ({"port": "eighty"}, "ACCOUNTS_PORT: "),
    "an origin with a path": ({"public_origin": "http://localhost:8000/accounts"}, "ACCOUNTS_PUBLIC_ORIGIN: "),
    "another kind of database": (
        {"database_url": "mysql://localhost/x"},
        "ACCOUNTS_DATABASE_URL: mysql is not supported",
    ),
    "no URL of a database": ({"database_url": "accounts.db"}, "ACCOUNTS_DATABASE_URL: is not a database URL"),
    "production on plain http": (
        {"env": "production", "mail_server": "smtp.example.org"},
        "ACCOUNTS_PUBLIC_ORIGIN: production needs an https:// origin",
    ),
    "production without mail": (
        {"env": "production", "public_origin": "https://a.example.org"},
        "ACCOUNTS_MAIL_SERVER: production needs an SMTP server",
    ),
    "plain SMTP to another machine": (
        {"mail_server": "smtp.example.org", "mail_tls": "none", "public_origin": "https://a.example.org"},
        "ACCOUNTS_MAIL_TLS: ",
    ),
    "a lifetime of an unknown link": ({"lifetime_reset": "60"}, "ACCOUNTS_LIFETIME_RESET is not a setting"),
    "a secret file that is not there": (
        {"secret_keys_file": "/nowhere/keys"},
        "ACCOUNTS_SECRET_KEYS_FILE: cannot read /nowhere/keys: No such file or directory",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("command", ["serve", "users"])
def test_a_wrong_setting_is_named_in_one_line(bare: Command, command: str, wrong: str) -> None:
    settings, words = WRONG[wrong]
    assert words in bare(*COMMANDS[command], **settings).refused


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_an_unknown_setting(bare: Command, command: str) -> None:
    assert "ACCOUNTS_PROT is not a setting" in bare(*COMMANDS[command], prot="8000").refused


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"keys", "config", "serve", "worker"}))
def test_a_database_that_does_not_answer_is_named_without_its_password(bare: Command, command: str) -> None:
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        url = f"postgresql://anna:pass-phrase@127.0.0.1:{port}/accounts"
        text = bare(*COMMANDS[command], database_url=url, secret_keys=KEY, port="0").refused
    assert "ACCOUNTS_DATABASE_URL: cannot use postgresql+psycopg://anna:***@127.0.0.1" in text
    assert "pass-phrase" not in text


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"keys", "config", "serve", "upgrade"}))
def test_tables_that_were_never_made_ask_for_an_upgrade(bare: Command, command: str) -> None:
    text = bare(*COMMANDS[command], secret_keys=KEY, instance="here").refused
    assert text.endswith("run: accounts upgrade")


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"keys", "config"}))
def test_tables_of_a_newer_version_are_left_alone(accounts: Command, database: str, command: str) -> None:
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as file, file:
        file.execute("UPDATE accounts_alembic_version SET version_num = '9999', oldest_code = '9999'")
    assert "of version 9999, which this code does not know" in accounts(*COMMANDS[command], port="0").refused


def test_a_file_that_is_no_database_is_named(bare: Command, tmp_path: Path) -> None:
    file = tmp_path / "accounts.db"
    file.write_text("not a database, by any means\n" * 100)
    assert "file is not a database" in bare("upgrade", database_url=f"sqlite:///{file}", secret_keys=KEY).refused


def test_an_instance_folder_that_cannot_be_written_is_named(bare: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "instance"
    text = bare("serve", instance=str(folder)).refused
    assert text == f"cannot keep the key ring at {folder}/secret-keys: Not a directory"
    text = bare("upgrade", instance=str(folder), secret_keys=KEY).refused
    assert "accounts.db: unable to open database file" in text


def test_a_port_that_is_taken_is_named(bare: Command) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = bare("serve", port=str(port)).refused
    assert text == f"ACCOUNTS_HOST, ACCOUNTS_PORT: cannot listen on 127.0.0.1 port {port}: Address already in use"


def test_settings_are_judged_before_the_port_is_taken(bare: Command, tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert "shorter than 32 bytes" in bare("serve", port=port, secret_keys="short").refused
        assert "cannot listen" in bare("serve", port=port, secret_keys=KEY).refused
    assert not (tmp_path / "instance" / "accounts.db").exists(), "no table is made for a service that cannot start"


def test_a_host_that_is_not_of_this_machine_is_named(bare: Command) -> None:
    assert "cannot listen on 192.0.2.1 port" in bare("serve", host="192.0.2.1", env="development").refused


def test_the_development_mailbox_is_of_one_process(bare: Command) -> None:
    assert "ACCOUNTS_MAIL_SERVER" in bare("serve", "--workers", "2").refused


def test_a_refusal_of_a_real_process_is_one_line_too(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "accounts", "serve"],
        env={"ACCOUNTS_SECRET_KEYS": "short", "ACCOUNTS_INSTANCE": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert "Traceback" not in ended.stderr
