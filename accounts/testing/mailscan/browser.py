"""A client of a WSGI app that keeps what it saw: the scanner's, the robot's, the person's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from werkzeug.datastructures import Headers
from werkzeug.test import Client

from accounts.testing.mailscan import pages
from accounts.testing.mailscan.pages import Form, Page

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MOVED = frozenset({301, 302, 303, 307, 308})
KEEP_METHOD = frozenset({307, 308})
MOST_HOPS = 10


@dataclass(frozen=True)
class Answer:
    """One request and what came of it.

    :ivar raised: name of the exception that came out of the app instead of an answer.
    """

    method: str
    url: str
    status: int
    headers: Headers = field(repr=False)
    text: str = field(repr=False)
    raised: str = ""

    @property
    def broke(self) -> bool:
        return self.status >= 500

    @property
    def leads_to(self) -> str:
        """Where a redirect leads; "" for any other answer."""
        location = self.headers.get("Location", "")
        return urljoin(self.url, location) if self.status in MOVED and location else ""

    @property
    def page(self) -> Page:
        """What it shows."""
        is_html = "html" in self.headers.get("Content-Type", "")
        return pages.read(self.url, self.text) if is_html else Page(self.url)

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return f"{self.method} {path} -> {self.raised or self.status}"


class Browser:
    """Somebody who asks an app.

    :param network: the address that the app sees; rate limits must not take all for one.
    :param keeps_cookies: false for link checkers, which begin each request with an empty jar.
    :param client: a client that has cookies already, such as that of somebody signed in.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        agent: str,
        network: str,
        keeps_cookies: bool = True,
        client: Client | None = None,
    ) -> None:
        self.app, self.agent, self.network = app, agent, network
        self.client = client or Client(app)
        self.steps: list[Answer] = []
        self._keeps_cookies = keeps_cookies

    def ask(self, method: str, url: str, form: Mapping[str, str] | None = None) -> Answer:
        """One request. What the app raises is an answer, too: 500."""
        parts = urlsplit(url)
        headers = {"User-Agent": self.agent}
        if method == "POST":
            headers |= {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin"}
        client = self.client if self._keeps_cookies else Client(self.app)
        try:
            response = client.open(
                parts.path or "/",
                base_url=f"{parts.scheme}://{parts.netloc}/",
                query_string=parts.query,
                method=method,
                data=dict(form) if form is not None else None,
                headers=headers,
                environ_overrides={"REMOTE_ADDR": self.network},
                buffered=True,
            )
        except Exception as error:  # noqa: BLE001 - whatever a foreign app raises is a server error to its visitors
            answer = Answer(method, url, 500, Headers(), "", raised=type(error).__name__)
        else:
            answer = Answer(method, url, response.status_code, response.headers, response.get_data(as_text=True))
            response.close()
        self.steps.append(answer)
        return answer

    def follow(self, url: str, method: str = "GET", form: Mapping[str, str] | None = None) -> Answer:
        """A request and the redirects after it, as long as they stay with the app."""
        answer = self.ask(method, url, form)
        for _ in range(MOST_HOPS):
            target = answer.leads_to
            if not target or urlsplit(target)[:2] != urlsplit(url)[:2]:
                break
            if answer.status not in KEEP_METHOD and method != "HEAD":
                method, form = "GET", None
            answer = self.ask(method, target, form)
        return answer

    def press(self, form: Form, typed: Mapping[str, str] | None = None) -> Answer:
        """Send a form as it stands, with what was typed into it."""
        said = {**form.sent, **(typed or {})}
        if form.method == "POST":
            return self.follow(form.action, "POST", said)
        return self.follow(with_values(form.action, said))


def with_values(url: str, values: Mapping[str, str]) -> str:
    """The address that a GET form leads to."""
    return urlsplit(url)._replace(query=urlencode(values)).geturl()
