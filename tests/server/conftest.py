"""A server in a thread of the test, and clients that say exactly the bytes that they are told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from accounts.server.limits import Limits
from accounts.server.process import ServingProcess

PATIENCE = 60.0
"""Seconds that anything may take on a machine that has much else to do."""
HOST = b"Host: accounts.example.org\r\n"


@dataclass
class Echo:
    """A WSGI app that tells what it was asked; what it was asked is kept."""

    environs: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.environs.append(environ)
        self.bodies.append(environ["wsgi.input"].read())
        said = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode("latin-1")
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(said)))])
        return [said]


class Talk:
    """One connection."""

    def __init__(self, address: tuple[Any, ...]) -> None:
        self.socket = socket.create_connection(address[:2], timeout=PATIENCE)

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self, end: bytes = b"") -> bytes:
        """What comes until these bytes; without them until the connection ends."""
        heard = b""
        while not end or not heard.endswith(end):
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                break
            if not data:
                break
            heard += data
        return heard

    def close(self) -> None:
        self.socket.close()


@dataclass
class Served:
    """A server that runs."""

    process: ServingProcess
    address: tuple[Any, ...]
    talks: list[Talk] = field(default_factory=list)

    def talk(self) -> Talk:
        self.talks.append(Talk(self.address))
        return self.talks[-1]

    def ask(self, data: bytes) -> bytes:
        """What comes until the connection ends."""
        talk = self.talk()
        talk.say(data)
        return talk.hear()


Serve = Callable[..., Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves an app in a thread; all is stopped at the end."""
    made: list[tuple[Served, threading.Thread]] = []

    def start(
        app: Any, *, host: str = "127.0.0.1", threads: int = 4, body_limit: int = 65536, **limits: Any
    ) -> Served:
        listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        process = ServingProcess(
            app,
            listener,
            threads=threads,
            body_limit=lambda environ: body_limit if environ["PATH_INFO"] == "/list" else 0,
            drain_seconds=PATIENCE,
            limits=Limits(**limits),
        )
        ready = threading.Event()
        thread = threading.Thread(target=process.run, args=(ready.set, lambda: None))
        served = Served(process, listener.getsockname())
        thread.start()
        assert ready.wait(PATIENCE)
        made.append((served, thread))
        return served

    yield start
    for served, thread in made:
        for talk in served.talks:
            talk.close()
        if thread.is_alive():
            served.process.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def wait_until(came: Callable[[], object]) -> None:
    """Wait for something that another thread brings about."""
    end = time.monotonic() + PATIENCE
    while not came():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.01)
