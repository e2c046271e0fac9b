"""People who talk to a process over real sockets, and the links that are mailed to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from tests.people import token_of_url
from tests.servers.received import find_link
from tests.servers.smtp import SmtpSink

PATIENCE = 60.0
"""Seconds that anything may take on a machine that has much else to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Client:
    """A browser that speaks JSON, over one connection that is kept as long as the server keeps it."""

    origin: str
    cookies: dict[str, str] = field(default_factory=dict)
    connection: HTTPConnection = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.connection = HTTPConnection(urlsplit(self.origin).netloc, timeout=PATIENCE)

    def get(self, path: str) -> Answer:
        self.send("GET", path)
        return self.answer()

    def post(self, path: str, said: Any) -> Answer:
        self.send("POST", path, said, self.get("/api/csrf").json["csrf_token"])
        return self.answer()

    def patch(self, path: str, said: Any) -> Answer:
        self.send("PATCH", path, said, self.get("/api/csrf").json["csrf_token"])
        return self.answer()

    def send(self, method: str, path: str, said: Any = None, csrf_token: str = "") -> None:
        """A request alone; ``answer`` waits for what it comes to."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if said is not None:
            headers |= {"Content-Type": "application/json", "X-CSRF-Token": csrf_token}
        self.connection.request(method, path, None if said is None else json.dumps(said), headers)

    def answer(self) -> Answer:
        response = self.connection.getresponse()
        text = response.read().decode()
        for line in response.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self.cookies.pop(name, None)
                if morsel.value:
                    self.cookies[name] = morsel.value
        return Answer(response.status, dict(response.headers), text)

    def close(self) -> None:
        self.connection.close()


def mailed_url(post_office: SmtpSink, to: str, purpose: str) -> str:
    """The first link of one purpose that is mailed to an address."""
    for number in range(1, 10):
        mail = post_office.wait_for(to=to, count=number, timeout=PATIENCE)[number - 1]
        if url := find_link(mail.message, purpose):
            return url
    raise AssertionError(f"no {purpose} link in the mails to {to}")


def mailed_token(post_office: SmtpSink, to: str, purpose: str) -> str:
    """The token of that link."""
    return token_of_url(mailed_url(post_office, to, purpose))
