"""A browser without scripts: keeps cookies, follows redirects, fills in the forms it is shown, and no others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import count
from typing import Generic, TypeVar
from urllib.parse import urljoin, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.kit.pages import Form, Page
from tests.people import PASSWORD

R = TypeVar("R")
MAX_REDIRECTS = 8
_networks = count(1)


class PageBrowser(ABC, Generic[R]):
    """What every browser does with the page it shows. How requests go out is for its kinds to say.

    :ivar url: the address of the page.
    """

    url: str

    @property
    @abstractmethod
    def page(self) -> Page:
        """The page that is shown."""

    @abstractmethod
    def open(self, url: str, data: Mapping[str, str] | None = None) -> R:
        """Go to an address, by POST with ``data``, and follow redirects."""

    def form(self, *field_names: str, action: str = "") -> Form:
        """Return the one form of the page that has all these fields and whose address holds ``action``."""
        (match,) = [form for form in self.page.forms if set(field_names) <= set(form.kinds) and action in form.action]
        return match

    def submit(self, form: Form | None = None, **fields: str) -> R:
        """Fill in the fields of a form (by default the one that has them) and send it."""
        form = form or self.form(*fields)
        values = form.values | fields
        missing = [name for name in form.required if not values.get(name)]
        assert not missing, f"a browser would not send this form without {missing}"
        assert form.method == "post"
        return self.open(urljoin(self.url, form.action or self.url), values)

    def sign_in_as(self, email: str, password: str = PASSWORD) -> R:
        """Fill in the page that asks for a password, whether it knows the address or not."""
        form = self.form("password")
        return self.submit(form, password=password, **({"email": email} if "email" in form.kinds else {}))


class Browser(PageBrowser[Page]):
    """Somebody who asks an app in this process, from a network address of their own."""

    def __init__(self, client: FlaskClient, language: str = "en") -> None:
        self._client = client
        self._headers = {"Accept-Language": language, "User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}
        self._base = {"REMOTE_ADDR": f"172.{(n := next(_networks)) >> 16 & 15 | 16}.{n >> 8 & 255}.{n & 255}"}
        self._page = Page("")
        self.url = "/"
        self.status = 0
        self.response: TestResponse

    @property
    def page(self) -> Page:
        return self._page

    def visit(self, url: str) -> Page:
        """Open an address of the site (or a mailed link) and follow redirects."""
        return self.open(urljoin(self.url, url))

    def click(self, ending: str) -> Page:
        """Follow the first link on the page whose address ends so."""
        return self.visit(next(link for link in self.page.links if link.partition("?")[0].endswith(ending)))

    def open(self, url: str, data: Mapping[str, str] | None = None) -> Page:
        headers, method = dict(self._headers), "GET"
        if data is not None:
            method = "POST"
            headers |= {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
        for _ in range(MAX_REDIRECTS):
            parts = urlsplit(url)
            self.url = parts.path + (f"?{parts.query}" if parts.query else "")
            self.response = self._client.open(
                self.url, method=method, data=data, headers=headers, environ_base=self._base
            )
            self.status = self.response.status_code
            location = self.response.headers.get("Location")
            if location is None:
                break
            assert self.status == 303
            assert location.startswith("/"), "a browser is never led elsewhere"
            method, data, url = "GET", None, location
            headers.pop("Origin", None)
        else:
            raise AssertionError("redirects without end")
        self._page = Page(self.response.get_data(as_text=True))
        return self._page
