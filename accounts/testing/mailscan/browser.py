"""Ask a WSGI app and record its answers, as a scanner, a robot or a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from werkzeug.datastructures import Headers
from werkzeug.test import Client

from accounts.testing.mailscan import pages
from accounts.testing.mailscan.pages import HtmlForm, HtmlPage

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
METHOD_PRESERVING_STATUSES = frozenset({307, 308})
MAX_REDIRECTS = 10


@dataclass(frozen=True)
class RecordedResponse:
    """One request and what came of it.

    :ivar exception_name: name of the exception that came out of the app instead of an answer.
    """

    method: str
    url: str
    status: int
    headers: Headers = field(repr=False)
    text: str = field(repr=False)
    exception_name: str = ""

    @property
    def is_server_error(self) -> bool:
        """Whether the status is a server error."""
        return self.status >= 500

    @property
    def redirect_target(self) -> str:
        """Where a redirect leads; "" for any other answer."""
        location = self.headers.get("Location", "")
        return urljoin(self.url, location) if self.status in REDIRECT_STATUSES and location else ""

    @property
    def page(self) -> HtmlPage:
        """What it shows."""
        is_html = "html" in self.headers.get("Content-Type", "")
        return pages.parse_page(self.url, self.text) if is_html else HtmlPage(self.url)

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return f"{self.method} {path} -> {self.exception_name or self.status}"


class ScanBrowser:
    """A client of an app.

    :param network: the address that the app sees; rate limits must not take all for one.
    :param keeps_cookies: false for link checkers, which begin each request with an empty jar.
    :param client: a client that has cookies already, such as that of somebody signed in.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        user_agent: str,
        network: str,
        keeps_cookies: bool = True,
        client: Client | None = None,
    ) -> None:
        self.app, self.user_agent, self.network = app, user_agent, network
        self.client = client or Client(app)
        self.responses: list[RecordedResponse] = []
        self._keeps_cookies = keeps_cookies

    def request(self, method: str, url: str, data: Mapping[str, str] | None = None) -> RecordedResponse:
        """One request. What the app raises is an answer, too: 500."""
        parts = urlsplit(url)
        headers = {"User-Agent": self.user_agent}
        if method == "POST":
            headers |= {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin"}
        client = self.client if self._keeps_cookies else Client(self.app)
        try:
            response = client.open(
                parts.path or "/",
                base_url=f"{parts.scheme}://{parts.netloc}/",
                query_string=parts.query,
                method=method,
                data=dict(data) if data is not None else None,
                headers=headers,
                environ_overrides={"REMOTE_ADDR": self.network},
                buffered=True,
            )
        except Exception as error:  # noqa: BLE001 - whatever a foreign app raises is a server error to its visitors
            recorded = RecordedResponse(method, url, 500, Headers(), "", exception_name=type(error).__name__)
        else:
            recorded = RecordedResponse(
                method, url, response.status_code, response.headers, response.get_data(as_text=True)
            )
            response.close()
        self.responses.append(recorded)
        return recorded

    def follow(self, url: str, method: str = "GET", data: Mapping[str, str] | None = None) -> RecordedResponse:
        """Make a request and follow the redirects after it, as long as they stay with the app."""
        response = self.request(method, url, data)
        for _ in range(MAX_REDIRECTS):
            target = response.redirect_target
            if not target or urlsplit(target)[:2] != urlsplit(url)[:2]:
                break
            if response.status not in METHOD_PRESERVING_STATUSES and method != "HEAD":
                method, data = "GET", None
            response = self.request(method, target, data)
        return response

    def submit(self, form: HtmlForm, typed_values: Mapping[str, str] | None = None) -> RecordedResponse:
        """Send a form as it stands, with what was typed into it."""
        data = {**form.submitted_values, **(typed_values or {})}
        if form.method == "POST":
            return self.follow(form.action, "POST", data)
        return self.follow(replace_query(form.action, data))


def replace_query(url: str, values: Mapping[str, str]) -> str:
    """Return the address that a GET form leads to."""
    return urlsplit(url)._replace(query=urlencode(values)).geturl()
