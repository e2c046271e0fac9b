"""What is broken around a service: its database, and its mail server."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.faults.plant import Plant
from tests.servers.smtp import DISCONNECT, HANG, Verb


def _mail(verb: Verb, answer: str, seconds: float, times: int | None = None) -> Callable[[Plant], None]:
    def misbehave(plant: Plant) -> None:
        plant.sink.misbehave(verb, answer, times=times)
        time.sleep(seconds)
        plant.sink.behave()
        if answer == HANG:
            plant.sink.hang_up()

    return misbehave


def _refuse_addresses(plant: Plant) -> None:
    """Have letters given up, and sent again by an operator."""
    _mail("RCPT", "550 5.1.1 no such user", 5, times=3)(plant)
    plant.run_command("mail", "retry")


MAIL_FAULTS: Final[Mapping[str, Callable[[Plant], None]]] = {
    "mail server hangs up, 10 s": _mail("CONNECT", DISCONNECT, 10),
    "mail server says 451 to each address, 10 s": _mail("RCPT", "451 4.3.0 later", 10),
    "mail server refuses our name (504), 5 s": _mail("RCPT", "504 5.5.2 Helo command rejected", 5),
    "mail server refuses 3 addresses (550); `accounts mail retry`": _refuse_addresses,
    "mail server hangs at RCPT, once": _mail("RCPT", HANG, 8, times=1),
    "mail server hangs after the message, once": _mail("BODY", HANG, 8, times=1),
    "mail server hangs up after the message, 5 s": _mail("BODY", DISCONNECT, 5),
    "mail server takes 3 letters and hangs up before its yes": _mail("ACCEPTED", DISCONNECT, 5, times=3),
}


def _lock_sqlite(seconds: float) -> Callable[[Plant], None]:
    def lock(plant: Plant) -> None:
        with closing(sqlite3.connect(_path(plant), timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    return lock


SQLITE_FAULTS: Final[Mapping[str, Callable[[Plant], None]]] = {
    "database locked by another process, 3 s": _lock_sqlite(3),
    "database locked by another process, 30 s": _lock_sqlite(30),
}


@contextmanager
def _admin(plant: Plant) -> Iterator[tuple[psycopg.Connection, str]]:
    url = make_url(plant.database_url)
    where = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(where, autocommit=True) as connection:
        yield connection, str(url.database)


_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


def _stop_postgresql(plant: Plant) -> None:
    """Break all connections, and take no new one for ten seconds: what a stopped server looks like."""
    with _admin(plant) as (connection, name):
        connection.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        connection.execute(_TERMINATE, [name])
        time.sleep(10)
        connection.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(sql.Identifier(name)))


def _break_connections(plant: Plant) -> None:
    with _admin(plant) as (connection, name):
        for _ in range(10):
            connection.execute(_TERMINATE, [name])
            time.sleep(1)


def _lock_outbox(plant: Plant) -> None:
    where = make_url(plant.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(where) as connection:
        connection.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
        time.sleep(30)
        connection.rollback()


POSTGRESQL_FAULTS: Final[Mapping[str, Callable[[Plant], None]]] = {
    "database stopped, 10 s": _stop_postgresql,
    "all connections broken each second, 10 s": _break_connections,
    "outbox locked by an idle transaction, 30 s": _lock_outbox,
}


def list_faults(database: str) -> Mapping[str, Callable[[Plant], None]]:
    """Return what can be broken, by its name in the report."""
    return {**(SQLITE_FAULTS if database == "SQLite" else POSTGRESQL_FAULTS), **MAIL_FAULTS}


def _path(plant: Plant) -> Path:
    return Path(str(make_url(plant.database_url).database))
