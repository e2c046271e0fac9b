"""What every contender has: a process, loads by name, and the headers that a browser would send."""

from __future__ import annotations

import html
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.http import Answer, Ask, Jar, WrongAnswer, build_ask
from harness.letters import BENCH, Letters
from harness.load import READY, WAIT, Visitor, drive
from harness.process import Missing, Process, free_port

ROOT = BENCH.parent
ENVIRONMENTS = ROOT / ".venv-peers"
PEOPLE, PASSWORD = 2000, "correct horse battery staple"
NEW_PASSWORD = "seven purple umbrellas dancing slowly"
THREADS = 16
"""Request threads of every WSGI program: as many as ``accounts serve`` has."""
HASHES = {"floor": (8, 1), "owasp": (19456, 2)}
"""argon2id's memory in KiB and its passes: as cheap as it gets, and as it should be."""
SIGN_IN_SIZES = {"floor": (16, 2000), "owasp": (8, 400)}
"""Connections that sign in at either hash, and how often in a round at most."""
DURABLE_SQLITE = "SQLite, WAL, synchronous=FULL"
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/json;q=0.9,*/*;q=0.8",
    "Accept-Language": "en",
}
HIDDEN_INPUT = re.compile(r'<input(?=[^>]*type="hidden")(?=[^>]*name="([^"]+)")[^>]*value="([^"]*)"')


@dataclass(frozen=True)
class Load:
    """One kind of work.

    :ivar visit: makes the visitor of one connection; called anew for each round.
    :ivar most: how many units a round has at most.
    :ivar before: done before each round, outside of what is measured.
    :ivar after: does what the work has left for later, and says for how many units; measured by itself.
    """

    visit: Callable[[], Visitor]
    connections: int = 16
    most: int = 5000
    before: Callable[[], object] | None = None
    after: Callable[[], int] | None = None


class Contender:
    """A program under test. ``start`` brings it up, ``loads`` says what it can be asked.

    :param folder: its own, for database, letters and output.
    :param hash: a name in ``HASHES``.
    """

    name = "?"
    server = f"granian, {THREADS} threads"
    live_path = "/"

    def __init__(self, folder: Path, hash: str) -> None:
        self.folder, self.hash, self.port = folder, hash, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.letters = Letters(folder / "letters.jsonl")
        self._numbers, self._new = itertools.count(), itertools.count()
        self._networks = itertools.count(1)
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        assert self._process is not None, "not started"
        return self._process

    def needs(self) -> Sequence[Path | str]:
        """Return files that must be there, and programs that must be on the path."""
        return ()

    @property
    def get_it(self) -> str:
        """How to get what it needs, where that is missing."""
        return "make .venv"

    def environ(self) -> dict[str, str]:
        memory, passes = HASHES[self.hash]
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("ACCOUNTS_", "PYTHON"))}
        return plain | {
            "PORT": str(self.port),
            "DATABASE": str(self.folder / "peer.db"),
            "PEOPLE": str(PEOPLE),
            "PASSWORD": PASSWORD,
            "ARGON2": f"{memory},{passes}",
            "LETTERS": str(self.letters.path),
            "NODE_ENV": "production",
        }

    def seed_command(self) -> Sequence[str]:
        return ()

    def serve_command(self) -> Sequence[str]:
        raise NotImplementedError

    def work_folder(self) -> Path:
        return BENCH

    def loads(self) -> Mapping[str, Load]:
        raise NotImplementedError

    def check(self) -> None:
        """Check that all is there.

        :raises Missing: with how to get it.
        """
        for need in self.needs():
            there = need.exists() if isinstance(need, Path) else shutil.which(need) is not None
            if not there:
                shown = need.relative_to(ROOT) if isinstance(need, Path) else need
                raise Missing(f"{self.name}: {shown} is missing; get it by: {self.get_it}")

    def seed(self) -> None:
        """Make the database, with everybody in it.

        :raises Missing: it could not; with what the program said.
        """
        if command := self.seed_command():
            done = subprocess.run(
                command, env=self.environ(), cwd=self.work_folder(), capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise Missing(f"{self.name}: {' '.join(command[:3])}: {done.stderr[-800:]}")

    def start(self) -> None:
        """Start the server and wait for its first answer.

        :raises Missing: it does not come.
        """
        self.launch()
        self.process.wait_for(self.is_answering)

    def launch(self) -> None:
        """Start the server, and wait for nothing."""
        log = self.folder / "server.log"
        self._process = Process(self.serve_command(), self.environ(), log, folder=self.work_folder())

    def is_answering(self) -> bool:
        """Return whether the server answers one request."""
        try:
            self.drive(self._live())
        except (OSError, WrongAnswer):
            return False
        return True

    def halt(self) -> None:
        """Stop the server; it may be started again."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def stop(self) -> None:
        """Stop everything."""
        self.halt()

    def describe(self) -> dict[str, str]:
        """Return versions, and what it keeps how: it is printed beside the figures."""
        memory, passes = HASHES[self.hash]
        hashed = f"argon2id m={memory},t={passes},p=1"
        return {"server": self.server, "database": DURABLE_SQLITE, "hash": hashed}

    def drive(self, visitor: Visitor) -> Any:
        return drive(self.port, visitor)

    def _live(self) -> Visitor:
        yield self.ask("GET", self.live_path, statuses=(200, 302))

    def headers(self) -> dict[str, str]:
        return {"Host": f"127.0.0.1:{self.port}", **BROWSER}

    def ask(self, method: str, path: str, *, jar: Jar | None = None, **options: Any) -> Ask:
        """Return a request of a browser with these cookies."""
        headers = self.headers() | options.pop("headers", {})
        if jar is not None:
            headers["Cookie"] = jar.header
        return build_ask(method, path, headers, **options)

    def next_person(self) -> str:
        """Return an address that has an account; each in its turn."""
        return f"person{next(self._numbers) % PEOPLE}@example.org"

    def new_person(self) -> str:
        """Return an address that nobody has had."""
        return f"new{next(self._new)}@example.org"

    def repeat(self, ask: Ask) -> Visitor:
        """Ask the same again and again."""
        yield READY
        while True:
            yield ask

    def wait_for_link(self, address: str) -> Visitor:
        """Wait for a letter; the visitor returns its link, without scheme and host."""
        while (link := self.letters.link_to(address)) is None:
            yield WAIT
        return "/" + link.partition("//")[2].partition("/")[2]

    def open_form(self, path: str, jar: Jar) -> Visitor:
        """Open a page with a form; the visitor returns its hidden fields."""
        answer: Answer = yield self.ask("GET", path, jar=jar, ends_unit=False)
        jar.update(answer)
        return {name: html.unescape(value) for name, value in HIDDEN_INPUT.findall(answer.body.decode())}


def granian_command(python: Path | str, target: str, port: int) -> list[str]:
    """Return how a WSGI program is served: as ``accounts serve`` serves itself."""
    options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    return [str(python), "-m", "granian", *options, "--blocking-threads", str(THREADS), "--no-ws", "--no-log", target]


class Program(Contender):
    """A small WSGI program of ``harness/programs.py``, beside which all others are seen."""

    def serve_command(self) -> Sequence[str]:
        return granian_command(sys.executable, f"harness.programs:{self.name}", self.port)

    def describe(self) -> dict[str, str]:
        return {"server": self.server}

    def loads(self) -> Mapping[str, Load]:
        ask = self.ask("GET", "/", contains="ok")
        return {"W1": Load(lambda: self.repeat(ask), most=50000)}


class Hello(Program):
    """Flask's hello world."""

    name = "hello"


class Bare(Program):
    """A WSGI function that answers two bytes: what the server alone costs."""

    name = "bare"


class Control(Program):
    """One commit with ``synchronous=FULL`` under a lock: what a write costs that waits its turn."""

    name = "control"

    def loads(self) -> Mapping[str, Load]:
        return {"commit": Load(lambda: self.repeat(self.ask("GET", "/", contains="ok")), most=2000)}
