"""Processes of a service on an empty database, a mail server of their own, and people at their sockets."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from accounts import create_app
from accounts.config import Settings
from accounts.core.database import schema
from accounts.core.uow import UnitOfWork
from accounts.extension import get_app_state
from accounts.flows.helpdesk.first_admin import first_admin_url
from tests.conftest import KEY
from tests.e2e.client import Client
from tests.e2e.running import Process, free_port
from tests.servers.postgres import Postgres
from tests.servers.smtp import SmtpSink

_numbers = count(1)
Start = Callable[..., Process]
Visit = Callable[..., Client]


@pytest.fixture
def post_office() -> Iterator[SmtpSink]:
    """A mail server of this test alone, which may be told to misbehave."""
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables: SQLite unless marked ``on_either_database``."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield f"sqlite:///{tmp_path / 'accounts.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    name = f"empty{next(_numbers)}"
    yield server.create_database(name)
    server.drop_database(name)


on_either_database = pytest.mark.parametrize(
    "empty_database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def make_process(empty_database: str, post_office: SmtpSink, tmp_path: Path) -> Iterator[Start]:
    """Makes processes of one installation; none is started yet. What is no part of a process is a setting."""
    made: list[Process] = []

    def make(*command: str, wrapper: tuple[str, ...] = (), **settings: Any) -> Process:
        usual = {
            "env": "development",
            "port": free_port(),
            "instance": tmp_path / "instance",
            "database_url": empty_database,
            "secret_keys": KEY,
            "mail_server": post_office.host,
            "mail_port": post_office.port,
        }
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
        environ |= {f"ACCOUNTS_{name.upper()}": str(value) for name, value in {**usual, **settings}.items()}
        made.append(Process(environ, tmp_path, command or ("serve",), wrapper))
        return made[-1]

    yield make
    for process in made:
        process.clear_up()


@pytest.fixture
def served(make_process: Start) -> Process:
    """A service that answers, on an empty database."""
    process = make_process()
    process.start_and_answer()
    return process


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Opens browsers that speak JSON: ``visit(process)``."""
    made: list[Client] = []

    def open_one(process: Process) -> Client:
        made.append(Client(process.origin))
        return made[-1]

    yield open_one
    for client in made:
        client.close()


@dataclass
class Live:
    """The service on a port of this machine, and its post."""

    app: Flask
    origin: str

    def last_link(self) -> str:
        """Delivers what is due; the link in the newest mail."""
        get_app_state(self.app).make_worker().deliver_all()
        box = get_app_state(self.app).mailbox
        assert box is not None
        found = re.search(r"^http\S+/go$", box.messages[0].text, re.MULTILINE)
        assert found, box.messages[0].text
        return found[0]

    def first_admin_link(self) -> str:
        uow = UnitOfWork(get_app_state(self.app).site)
        try:
            return first_admin_url(uow) or ""
        finally:
            uow.close()


@pytest.fixture
def live_settings() -> dict[str, str]:
    """What ``live`` is set to beside the usual, by names in lower case; for modules of tests to override."""
    return {}


@pytest.fixture
def live(tmp_path: Path, live_settings: dict[str, str]) -> Iterator[Live]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server("127.0.0.1", 0, Flask("nobody yet"), threaded=True)
    settings = {"instance": str(tmp_path), "port": str(server.port), **live_settings}
    app = create_app(Settings.load({f"ACCOUNTS_{name.upper()}": value for name, value in settings.items()}))
    schema.upgrade(get_app_state(app).site.store)
    server.app = app
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Live(app, f"http://127.0.0.1:{server.port}")
    server.shutdown()
    thread.join()
    server.server_close()
    get_app_state(app).site.store.close()
