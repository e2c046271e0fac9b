"""``accounts serve`` and ``accounts worker`` as the processes they are, and people who talk to them over sockets."""

from __future__ import annotations

import atexit
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.database.store import Store
from accounts.core.models.outbox import OutboxRow
from tests.e2e.client import PATIENCE, Client

ROOT = Path(__file__).parents[2]
ACCOUNTS = (sys.executable, "-m", "accounts")


_taken: deque[socket.socket] = deque()
TAKEN_AT_ONCE = 100


def free_port() -> int:
    """
    A port that nobody listens on, outside of the range that outgoing connections take theirs from.

    A process binds it seconds later, and perhaps again after it was killed. Meanwhile it is taken: in whichever
    process of whichever run of tests, another number that stands for it is bound for UDP.
    """
    for port in random.sample(range(20000, 25000), 100):
        claim = socket.socket(type=socket.SOCK_DGRAM)
        try:
            # Not the same number: Caddy binds its own for UDP, too.
            claim.bind(("127.0.0.1", port + 5000))
            with closing(socket.socket()) as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _taken.append(claim)
        if len(_taken) > TAKEN_AT_ONCE:
            _taken.popleft().close()
        return port
    raise AssertionError("no free port among a hundred")


@atexit.register
def _give_ports_back() -> None:
    while _taken:
        _taken.pop().close()


@dataclass
class Process:
    """One command that runs until it is told to stop, in a process group of its own, as under a terminal."""

    environ: dict[str, str]
    folder: Path
    command: Sequence[str] = ("serve",)
    wrapper: Sequence[str] = ()
    program: Sequence[str] = ACCOUNTS
    running: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        with self._file("out").open("ab") as out, self._file("err").open("ab") as err:
            self.running = subprocess.Popen(
                [*self.wrapper, *self.program, *self.command],
                env=dict(self.environ),
                cwd=self.folder,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def start_and_answer(self) -> None:
        """Start, and return as soon as it is ready."""
        self.start()
        self.wait_until(lambda: self.ready)

    def wait_until(self, came: Callable[[], object]) -> None:
        """Wait for something that this process brings about."""

        def came_alive() -> object:
            assert self.running.poll() is None, f"it ended with {self.running.returncode}: {self.err}"
            return came()

        self.wait_for(came_alive)

    def wait_for(self, came: Callable[[], object]) -> None:
        """Wait for something that comes whether or not this process still runs."""
        end = time.monotonic() + PATIENCE
        while not came():
            assert time.monotonic() < end, f"it did not come in time: {self.err}"
            time.sleep(0.02)

    @property
    def ready(self) -> bool:
        """Whether it answers at its port and can work."""
        with closing(Client(self.origin)) as client:
            try:
                return client.get("/health/ready").status == 200
            except (OSError, HTTPException):
                return False

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.environ['ACCOUNTS_PORT']}"

    @property
    def out(self) -> str:
        return self._file("out").read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return self._file("err").read_text(encoding="utf-8")

    @property
    def first_admin_link(self) -> str:
        """What the operator reads on the terminal after the first start."""
        printed: list[str] = re.findall(r"^http\S+/l/invite/\S+/go$", self.out, re.MULTILINE)
        return printed[-1]

    @property
    def children(self) -> list[int]:
        """The processes that it has started."""
        found = subprocess.run(["pgrep", "-P", str(self.running.pid)], capture_output=True, text=True, check=False)
        return [int(line) for line in found.stdout.split()]

    @property
    def outbox(self) -> list[OutboxRow]:
        """Letters that are due, or were given up."""
        with self._session() as session:
            return list(session.query(OutboxRow))

    def hasten(self) -> None:
        """Have all letters due now that wait for their next try, or for the lease of a dead worker to end."""
        with self._session() as session:
            session.execute(update(OutboxRow).values(not_before=now(), lease_until=None))
            session.commit()

    def pass_time(self, by: timedelta) -> None:
        """Have so much more of all leases be over, as if it had passed."""
        with self._session() as session:
            for row in session.scalars(select(OutboxRow).where(OutboxRow.lease_until.is_not(None))):
                row.lease_until = row.lease_until and row.lease_until - by
            session.commit()

    def tell(self, what: signal.Signals) -> None:
        """Send a signal to the process that was started."""
        os.kill(self.running.pid, what)

    def interrupt(self) -> int:
        """Ctrl-C: the terminal tells the whole group. The exit status."""
        os.killpg(self.running.pid, signal.SIGINT)
        return self.running.wait(PATIENCE)

    def stop(self) -> int:
        """SIGTERM, as a supervisor does. The exit status."""
        self.tell(signal.SIGTERM)
        return self.running.wait(PATIENCE)

    def kill(self) -> None:
        """SIGKILL to the process that was started, and to that alone."""
        self.tell(signal.SIGKILL)
        self.running.wait(PATIENCE)

    def clear_up(self) -> None:
        """Whatever became of the test, nothing of this goes on."""
        try:
            os.killpg(self.running.pid, signal.SIGKILL)
        except (AttributeError, ProcessLookupError):
            return
        self.running.wait(PATIENCE)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        store = Store(self.environ["ACCOUNTS_DATABASE_URL"])
        with Session(store.engine) as session:
            yield session
        store.close()

    def _file(self, name: str) -> Path:
        return self.folder / f"{self.command[0]}-{self.environ['ACCOUNTS_PORT']}.{name}"
