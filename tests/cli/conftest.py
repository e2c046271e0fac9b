"""The command line, called as a program calls it, on a database of the test's own."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from accounts.cli import main
from tests.conftest import KEY
from tests.servers.smtp import SmtpSink


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and the exit status it ended with."""

    status: int
    out: str
    err: str

    @property
    def table(self) -> list[dict[str, str]]:
        """The rows of a table, by its headings. A heading has single spaces only, as a column begins below it."""
        heading, *lines = self.out.splitlines()
        columns = [(found[0], found.start()) for found in re.finditer(r"\S+(?: \S+)*", heading)]
        ends = [start for _, start in columns[1:]] + [None]
        return [
            {name: line[start:end].strip() for (name, start), end in zip(columns, ends, strict=True)}
            for line in lines
        ]

    @property
    def json(self) -> list[Any]:
        """What stands on the lines of JSON that were printed."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def refused(self) -> str:
        """The one line on stderr of a command that could not do its work."""
        assert (self.status, self.out) == (1, ""), self
        assert self.err.startswith("accounts: "), self
        assert self.err.count("\n") == 1, self
        assert self.err.endswith("\n"), self
        return self.err.removeprefix("accounts: ").rstrip()


Command = Callable[..., Said]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """The command line in an empty folder, with no setting but those given: ``bare("keys", "list", port="1")``."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, **settings: str) -> Said:
        with monkeypatch.context() as environment:
            for name in [name for name in os.environ if name.startswith("ACCOUNTS_")]:
                environment.delenv(name)
            for name, value in settings.items():
                environment.setenv(f"ACCOUNTS_{name.upper()}", value)
            capsys.readouterr()
            # A command that serves sends the log of its process to stderr, which here is closed after the test.
            log, kept = logging.getLogger(), (logging.getLogger().handlers[:], logging.getLogger().level)
            with pytest.raises(SystemExit) as end:
                main(arguments)
            log.handlers[:] = kept[0]
            log.setLevel(kept[1])
            printed = capsys.readouterr()
            code = end.value.code
            return Said(code if isinstance(code, int) else 1 if code else 0, printed.out, printed.err)

    return call


@pytest.fixture
def accounts(bare: Command, database: str, sink: SmtpSink, tmp_path: Path) -> Command:
    """The command line of an installation on this test's database."""
    usual = {
        "env": "development",
        "instance": str(tmp_path / "instance"),
        "database_url": database,
        "secret_keys": KEY,
        "mail_server": sink.host,
        "mail_port": str(sink.port),
    }
    return lambda *arguments, **settings: bare(*arguments, **{**usual, **settings})
