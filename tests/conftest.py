"""Real parts for every test: SQLite or PostgreSQL, and a real SMTP server."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask

from accounts import Settings, create_app
from accounts.core.database import schema
from accounts.core.database.store import Store
from tests.kit.clocks import stopped_clock
from tests.kit.longest_first import count_workers, deal_longest_first, own_limit
from tests.people import APP_POOL, AppPool, Service
from tests.servers.lent import Databases
from tests.servers.postgres import Postgres, PostgresMissing, postgres
from tests.servers.smtp import SmtpSink
from tests.servers.sqlite import empty_sqlite

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["stopped_clock"]

KEY = "kQ3v8Zt1mX7rB5nW9cY2pL6dF4hJ0sGa-unit"
TESTS = Path(__file__).parent
SLOW_FOLDERS = frozenset({"adversary", "e2e", "testing"})

on_both_databases = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own there, as it does in /tmp


def pytest_configure() -> None:
    """Keep the databases of tests in memory where the system has such a folder: they sync to disk at every commit."""
    if os.access(MEMORY, os.W_OK):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    gc.disable()


def pytest_collection_finish() -> None:
    """What was collected stays until the end: looking through it for garbage again and again takes its time."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark by folder what `make faults` runs; of what was chosen by its marks, begin with the longest."""
    for item in items:
        if SLOW_FOLDERS.intersection(item.path.relative_to(TESTS).parts[:-1]):
            item.add_marker(pytest.mark.faults)
    yield
    items[:] = deal_longest_first(items, count_workers(), own_limit)


@pytest.fixture(scope="session")
def sink() -> Iterator[SmtpSink]:
    """One mail server for all tests; addresses tell their mails apart."""
    with SmtpSink() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    try:
        with postgres() as server:
            yield server
    except PostgresMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser for the tests of one file; whoever visits opens a context of their own in it."""
    from tests.servers.chromium import ChromiumMissing, chromium

    try:
        with chromium() as started:
            yield started
    except ChromiumMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy: a test costs a copy, not a migration."""
    path = tmp_path_factory.mktemp("template") / "accounts.db"
    path.write_bytes(empty_sqlite())
    path.chmod(0o600)
    return path


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: Postgres) -> Databases:
    store = Store(postgres_server.create_database("template"))
    schema.upgrade(store)
    store.close()
    return Databases(postgres_server, "template")


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database of this test: SQLite unless marked ``on_both_databases``."""
    if getattr(request, "param", "sqlite") == "sqlite":
        path = tmp_path / "accounts.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    databases: Databases = request.getfixturevalue("postgres_databases")
    with databases.lend() as url:
        yield url


@pytest.fixture
def settings(database: str, sink: SmtpSink, tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a service on this test's database, with changes: ``settings(public_origin=...)``."""

    def make(**changes: Any) -> Settings:
        values = {
            "env": "development",
            "instance": str(tmp_path / "instance"),
            "database_url": database,
            "secret_keys": [KEY],
            "mail_server": sink.host,
            "mail_port": sink.port,
        } | changes
        return Settings.load({f"ACCOUNTS_{name.upper()}": value for name, value in values.items()})

    return make


@pytest.fixture(scope="session")
def apps() -> AppPool:
    return APP_POOL


@pytest.fixture
def make_service(
    settings: Callable[..., Settings], sink: SmtpSink, apps: AppPool
) -> Iterator[Callable[..., Service]]:
    """Makes services on this test's database. What is no setting goes as ``options`` to ``create_app``: an app with
    options, even none, is the test's own to change.
    """
    made: list[Service] = []
    lent: list[Flask] = []

    def make(*, options: dict[str, Any] | None = None, **changes: Any) -> Service:
        if options is None:
            app = apps.acquire(settings(**changes))
            lent.append(app)
        else:
            app = create_app(settings(**changes), **options)
        app.testing = True
        made.append(Service(app, sink))
        return made[-1]

    yield make
    for service in made:
        service.close()
    for app in lent:
        apps.release(app)


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """A service on an empty database, as it comes."""
    return make_service()
