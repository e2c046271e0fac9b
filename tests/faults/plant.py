"""Two serving processes and a worker on one database, each of which can be killed at any moment."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from tests.e2e.running import ACCOUNTS, ROOT, Process, free_port
from tests.faults.journal import Journal
from tests.faults.people import REDIRECT_URI, Browser, World
from tests.people import token_of_url
from tests.servers.smtp import SmtpSink

START_SECONDS = 120.0
"""Seconds that a process may take to answer on a machine that has much else to do."""
ADMIN_PASSWORD = "correct horse battery staple"
KILLS: Final[Mapping[str, int]] = {"web child": 1, "web group": 1, "worker": 1, "power cut": 3}
"""What can be killed, and how many processes each takes."""


class Plant:
    """One installation of three processes, and a mail server.

    :param database_url: an empty database.
    """

    def __init__(self, folder: Path, database_url: str, sink: SmtpSink, journal: Journal) -> None:
        self.folder, self.sink, self.journal = folder, sink, journal
        self.database_url = database_url
        ports = [free_port(), free_port()]
        self.origins = [f"http://127.0.0.1:{port}" for port in ports]
        self.webs = [self._process("serve", port) for port in ports]
        self.worker = self._process("worker", ports[0])
        self.world = World(self.origins, journal, sink)

    def _process(self, command: str, port: int) -> Process:
        settings = {
            "env": "development",
            "port": port,
            "public_origin": self.origins[0],
            "instance": self.folder / "instance",
            "database_url": self.database_url,
            "mail_server": self.sink.host,
            "mail_port": self.sink.port,
            "trusted_proxies": 1,
        }
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        environ |= {f"ACCOUNTS_{name.upper()}": str(value) for name, value in settings.items()}
        return Process(environ, self.folder, (command,))

    def start(self) -> Browser:
        """Start everything, register an app, and return the first admin's browser."""
        self.webs[0].start()
        self._await(self.is_ready, 0)
        self.webs[1].start()
        self.worker.start()
        self._await(self.is_ready, 1)
        made = self.run_command("apps", "add", "Wiki", "--redirect", REDIRECT_URI, "--trusted", "--json")
        registered = json.loads(made)
        self.world.client = (registered["id"], registered["secret"])
        admin = Browser(self.world, "10.250.0.1")
        link = re.search(r"^http\S+/l/invite/\S+/go$", self.webs[0].out, re.MULTILINE)
        assert link, "no link for the first admin was printed"
        data = {"token": token_of_url(link[0]), "email": "admin@example.org", "password": ADMIN_PASSWORD}
        answer = admin.post("/api/l/invite", data)
        assert answer is not None
        assert answer.status == 201, answer.text
        return admin

    def run_command(self, *arguments: str) -> str:
        """Run a command of the console to its end, and return what it printed."""
        environ = self.webs[0].environ
        return subprocess.run(
            [*ACCOUNTS, *arguments], env=environ, cwd=self.folder, capture_output=True, text=True, check=True
        ).stdout

    def stop(self) -> None:
        """End everything, however it is."""
        for process in self.processes:
            process.clear_up()

    @property
    def processes(self) -> tuple[Process, ...]:
        return (*self.webs, self.worker)

    @property
    def pids(self) -> list[int]:
        """Of all that read or write the database."""
        return [pid for each in self.processes for pid in (each.running.pid, *each.children)]

    def is_ready(self, number: int) -> bool:
        return self.webs[number].ready

    def tend(self) -> None:
        """Start again what has ended, as a supervisor does."""
        for process in self.processes:
            if hasattr(process, "running") and process.running.poll() is not None:
                self.journal.note("ended by itself", command=process.command[0], status=process.running.returncode)
                process.start()

    def kill(self, what: str, rng: random.Random) -> None:
        """Kill, start again what was killed, and wait until all answer. The time until then is noted."""
        number = rng.randrange(2)
        began = time.monotonic()
        if what == "power cut":
            _kill_groups(*self.processes)
            watched = [0, 1]
        elif what == "worker":
            _kill_groups(self.worker)
            watched = []
        elif what == "web group":
            _kill_groups(self.webs[number])
            watched = [number]
        else:
            killed = self.webs[number].children
            for pid in killed:
                _kill(pid)
            self._await(lambda each: not set(killed) & set(self.webs[each].children), number)
            watched = [number]
        self.journal.note("kill", kind=what, processes=KILLS[what])
        if what != "web child":
            for process in self.processes:
                if process.running.poll() is not None:
                    process.start()
        for each in watched:
            self._await(self.is_ready, each)
        if watched:
            self.journal.note("back", after=what, seconds=round(time.monotonic() - began, 1))

    def _await(self, came: Callable[[int], bool], number: int) -> None:
        end = time.monotonic() + START_SECONDS
        while not came(number):
            assert time.monotonic() < end, f"it did not come back: {self.webs[number].err[-2000:]}"
            time.sleep(0.1)
            self.tend()

    def await_good_answer(self) -> float:
        """Wait for a good answer to something that writes; return after how many seconds it came."""
        began = time.monotonic()
        while time.monotonic() - began < START_SECONDS:
            visitor = Browser(self.world, "10.250.0.2")
            try:
                answer = visitor.post("/api/sign-in", {"email": "admin@example.org", "password": ADMIN_PASSWORD})
            except (OSError, HTTPException):
                answer = None
            if answer is not None and answer.status == 200:
                return time.monotonic() - began
            time.sleep(0.1)
        raise AssertionError("no good answer came")


def _kill_groups(*processes: Process) -> None:
    for process in processes:
        try:
            os.killpg(process.running.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for process in processes:
        process.running.wait(60)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def run_in_background(work: Callable[[], Any]) -> threading.Thread:
    """Run something in a thread that does not keep the program alive."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
