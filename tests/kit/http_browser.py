"""A browser without scripts over real connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urljoin

import requests

from tests.kit.browser import MAX_REDIRECTS, PageBrowser
from tests.kit.pages import Page

R = TypeVar("R")
SECONDS_TO_WAIT = 30


class HttpBrowser(PageBrowser[R]):
    """Somebody at a browser of their own: a session of ``requests`` that keeps cookies.

    :ivar http: the session; its settings say whom it trusts and from where it asks.
    :ivar response: the newest answer.
    :ivar history: the redirects that led to it.
    """

    http: requests.Session
    response: requests.Response
    history: list[requests.Response]

    @property
    def page(self) -> Page:
        return Page(self.response.text)

    def _request(self, url: str, data: Mapping[str, str] | None, stays_at: str = "") -> str:
        """Send a request and follow redirects by GET, as browsers do.

        :param stays_at: a redirect to an address that does not begin so is not followed.
        :returns: the address that was not asked; "" where all were.
        """
        method, self.history = ("GET" if data is None else "POST"), []
        for _ in range(MAX_REDIRECTS):
            self.url = url
            self.response = self.http.request(method, url, data=data, allow_redirects=False, timeout=SECONDS_TO_WAIT)
            location = self.response.headers.get("Location")
            if location is None or not self.response.is_redirect:
                return ""
            self.history.append(self.response)
            url, method, data = urljoin(url, location), "GET", None
            if not url.startswith(stays_at):
                return url
        raise AssertionError("redirects without end")
