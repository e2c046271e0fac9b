"""The first start of a host in development: printed once, in the process that serves, and never in production."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from accounts import Accounts, Settings
from accounts.core.database import schema
from accounts.core.database.store import Store
from accounts.extension import get_app_state
from tests.kit.concurrency import await_delivery_threads
from tests.web.hosts import make_host

MAILBOX, FIRST_ADMIN = "emails are not sent; read them at", "there is no admin yet"
SHOP = """
from flask import Flask
from accounts import Accounts
app = Flask("shop")
app.config["ACCOUNTS_PUBLIC_ORIGIN"] = "http://127.0.0.1:5000"
Accounts(app, url_prefix="/auth")
"""


@pytest.fixture
def start(
    settings: Callable[..., Settings], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[Flask, Callable[[], str]]]:
    def make(*, testing: bool = False, **changes: Any) -> tuple[Flask, Callable[[], str]]:
        app = make_host(tmp_path / "host", TESTING=testing)
        Accounts(app, settings=settings(**({"mail_server": None} | changes)), url_prefix="/auth")

        def visit() -> str:
            app.test_client().get("/")
            return capfd.readouterr().err

        return app, visit

    return make


def stop(app: Flask) -> None:
    state = get_app_state(app)
    if state.stop_workers is not None:
        state.stop_workers(60)
        await_delivery_threads()
    state.site.store.close()


def test_the_first_request_prints_the_mailbox_and_the_first_admins_link_once(start: Any) -> None:
    app, visit = start()
    assert get_app_state(app).stop_workers is None
    printed = visit()
    assert f"{MAILBOX} http://127.0.0.1:8000/auth/mailbox" in printed
    assert FIRST_ADMIN in printed
    assert "http://127.0.0.1:8000/auth/l/invite/" in printed
    assert get_app_state(app).stop_workers is not None, "the mailbox is of this process"
    assert visit() == ""
    stop(app)


def test_with_a_mail_server_the_host_delivers_as_it_likes(start: Any, sink: Any) -> None:
    app, visit = start(mail_server=sink.host)
    printed = visit()
    assert MAILBOX not in printed
    assert FIRST_ADMIN in printed
    assert get_app_state(app).stop_workers is None
    stop(app)


def test_without_tables_it_says_what_to_run_and_goes_on_when_they_are_there(start: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    app, visit = start(database_url=url)
    assert visit() == "accounts: the tables are missing or old; run: flask accounts upgrade\n"
    assert visit() == ""
    store = Store(url)
    schema.upgrade(store)
    store.close()
    assert FIRST_ADMIN in visit()
    stop(app)


def test_tests_and_production_print_nothing(start: Any, sink: Any) -> None:
    app, visit = start(testing=True)
    assert visit() == ""
    stop(app)
    app, visit = start(env="production", public_origin="https://shop.example.org", mail_server=sink.host)
    assert visit() == ""
    stop(app)


@pytest.mark.parametrize("options", [[], ["--debug"]], ids=["plain", "reloader"])
def test_flask_run_prints_once_in_the_process_that_serves(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ACCOUNTS_", "WERKZEUG_"))}
    flask = [sys.executable, "-m", "flask", "--app", "shop"]
    subprocess.run([*flask, "accounts", "upgrade"], cwd=tmp_path, env=environ, check=True, capture_output=True)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [*flask, *options, "run", "--port", str(port)],
        cwd=tmp_path,
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/auth/health/ready")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
    _, printed = server.communicate(timeout=20)
    assert (printed.count(MAILBOX), printed.count(FIRST_ADMIN)) == (1, 1)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            assert requests.get(url, timeout=5).status_code == 200
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
