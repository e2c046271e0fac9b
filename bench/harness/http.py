"""Requests as bytes, answers read from a kept connection, and the cookies between them."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_COOKIE = re.compile(r"\r\nset-cookie: *([^=\s]+)=([^;\r]*)", re.IGNORECASE)
_NO_BODY = (204, 304)
STUCK_SECONDS = 20.0
"""How long a server may say nothing."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, and what its answer must be.

    :ivar raw: the bytes that are sent.
    :ivar statuses: statuses that will do.
    :ivar contains: what the answer must hold, in head or body.
    :ivar ends_unit: whether a unit of work (a request, or a whole flow) is complete with its answer.
    """

    raw: bytes
    statuses: tuple[int, ...]
    contains: bytes
    ends_unit: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. The head begins with its status line."""

    status: int
    head: bytes
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """Return the first header of a name, "" if there is none."""
        found = re.search(rf"\r\n{name}: *([^\r]*)", self.head.decode("latin-1"), re.IGNORECASE)
        return found[1] if found else ""

    @property
    def closes(self) -> bool:
        return _CLOSE.search(self.head) is not None


class WrongAnswer(Exception):
    """An answer was not the one that the load wants. The text says which."""


@dataclass
class Jar:
    """The cookies of one browser, as far as a benchmark needs them: names and values."""

    cookies: dict[str, str] = field(default_factory=dict)

    def update(self, answer: Answer) -> None:
        for name, value in _COOKIE.findall(answer.head.decode("latin-1") + "\r\n"):
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)

    @property
    def header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


def build_ask(
    method: str,
    path: str,
    headers: Mapping[str, str],
    *,
    form: Mapping[str, Any] | None = None,
    data: Any = None,
    statuses: tuple[int, ...] = (200,),
    contains: str = "",
    ends_unit: bool = True,
) -> Ask:
    """Return a request with a form or JSON (``data``) as its body, if any."""
    lines = dict(headers)
    body = b""
    if form is not None:
        body, lines["Content-Type"] = urlencode(form).encode(), "application/x-www-form-urlencoded"
    elif data is not None:
        body, lines["Content-Type"] = json.dumps(data).encode(), "application/json"
    if method != "GET":
        lines["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    raw = f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body
    return Ask(raw, statuses, contains.encode(), ends_unit)


def check_answer(ask: Ask, answer: Answer) -> None:
    """Check status and content.

    :raises WrongAnswer: it is another one.
    """
    if answer.status not in ask.statuses or not (ask.contains in answer.body or ask.contains in answer.head):
        line, shown = ask.raw.partition(b"\r\n")[0].decode(), answer.body[:300].decode("utf-8", "replace")
        wanted = f"{ask.statuses} with {ask.contains.decode()!r}"
        raise WrongAnswer(f"{line[:100]}: {answer.status} {answer.header('location')} {shown!r}, wanted {wanted}")


class Connection:
    """One kept connection to a port of loopback.

    :raises WrongAnswer: in all that it does, where the server is gone or says nothing.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._buffer = b""
        self.socket = self._connect()

    def send(self, ask: Ask) -> None:
        with _gone_server_told():
            self.socket.sendall(ask.raw)

    def receive(self) -> Answer | None:
        """Read what has come; return the answer if it is whole.

        :raises WrongAnswer: the server has closed the connection in the midst of it.
        """
        with _gone_server_told():
            part = self.socket.recv(262144)
        if not part:
            raise WrongAnswer("the server has closed the connection without an answer")
        self._buffer += part
        return self._take()

    def reopen(self) -> None:
        """Connect anew, after an answer that closes."""
        self.socket.close()
        self.socket, self._buffer = self._connect(), b""

    def close(self) -> None:
        self.socket.close()

    def _connect(self) -> socket.socket:
        with _gone_server_told():
            made = socket.create_connection(("127.0.0.1", self._port), timeout=STUCK_SECONDS)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _take(self) -> Answer | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head, begins = self._buffer[:end], end + 4
        status = int(head[9:12])
        if length := _LENGTH.search(head):
            ends = begins + (0 if status in _NO_BODY else int(length[1]))
            if len(self._buffer) < ends:
                return None
            body = self._buffer[begins:ends]
        elif _CHUNKED.search(head) and status not in _NO_BODY:
            found = _unchunk(self._buffer, begins)
            if found is None:
                return None
            body, ends = found
        else:
            body, ends = b"", begins
        self._buffer = self._buffer[ends:]
        return Answer(status, head, body)


@contextlib.contextmanager
def _gone_server_told() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise WrongAnswer(f"the server does not answer: {problem}") from problem


def _unchunk(buffer: bytes, at: int) -> tuple[bytes, int] | None:
    parts = []
    while (line := buffer.find(b"\r\n", at)) >= 0:
        size = int(buffer[at:line].partition(b";")[0], 16)
        begins = line + 2
        if len(buffer) < begins + size + 2:
            return None
        parts.append(buffer[begins : begins + size])
        at = begins + size + 2
        if not size:
            return b"".join(parts), at
    return None
