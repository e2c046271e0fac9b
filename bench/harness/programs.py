"""WSGI programs beside which all others are seen: nothing at all, Flask's hello world, one durable commit."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

Respond = Callable[[str, list[tuple[str, str]]], Any]
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", "2")]


def bare(environ: dict[str, Any], start_response: Respond) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return [b"ok"]


hello = Flask("hello")


@hello.get("/")
def index() -> str:
    return "ok"


class _Commits:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def __call__(self, environ: dict[str, Any], start_response: Respond) -> Iterable[bytes]:
        with self._lock:
            if self._connection is None:
                self._connection = sqlite3.connect(os.environ["DATABASE"], check_same_thread=False)
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=FULL")
                self._connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, text TEXT)")
            self._connection.execute("INSERT INTO rows (text) VALUES ('one row')")
            self._connection.commit()
        start_response("200 OK", HEADERS)
        return [b"ok"]


control = _Commits()
