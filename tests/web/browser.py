"""A browser without scripts: keeps cookies, follows redirects, fills in the forms it is shown, and no others."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import count
from urllib.parse import urljoin, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

_networks = count(1)
BUTTON_TYPES = ("submit", "button", "reset")


@dataclass
class Form:
    """A form of a page, with the values it came with."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)

    @property
    def visible(self) -> set[str]:
        """Fields that a person sees."""
        return {name for name, kind in self.kinds.items() if kind != "hidden"}


class Page(HTMLParser):
    """What a page holds: its forms, its links, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.lang = ""
        self.headings: list[str] = []
        self._open_tags: list[str] = []
        self._select = ""
        self._textarea = ""
        self.feed(html)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._open_tags.append(tag)
        if tag == "html":
            self.lang = attributes["lang"]
        elif tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif tag == "form":
            self.forms.append(Form(attributes.get("action", ""), attributes.get("method", "get")))
        elif (
            tag in ("input", "select", "textarea")
            and self.forms
            and "form" in self._open_tags
            and attributes.get("name")
        ):
            self._add_control(tag, attributes)
        elif tag == "option" and self._select and "selected" in attributes:
            self.forms[-1].values[self._select] = attributes["value"]
        if tag in ("input", "meta", "link", "img", "br", "hr"):
            self._open_tags.pop()

    def _add_control(self, tag: str, attributes: dict[str, str]) -> None:
        form, name = self.forms[-1], attributes["name"]
        kind = tag if tag in ("select", "textarea") else attributes.get("type", "text")
        if kind in BUTTON_TYPES:
            return
        assert name not in form.kinds, f"{name} stands twice in a form"
        form.kinds[name] = kind
        if "required" in attributes:
            form.required.add(name)
        if tag == "select":
            self._select = name
        elif tag == "textarea":
            self._textarea = name
            form.values[name] = ""
        elif kind != "checkbox" or "checked" in attributes:
            form.values[name] = attributes.get("value", "on" if kind == "checkbox" else "")

    def handle_endtag(self, tag: str) -> None:
        assert self._open_tags, f"</{tag}> closes nothing"
        assert self._open_tags.pop() == tag, f"</{tag}> closes something else"
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            # A line break right behind the tag is not part of what it holds.
            self.forms[-1].values[self._textarea] = self.forms[-1].values[self._textarea].removeprefix("\n")
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.forms[-1].values[self._textarea] += data
        if not {"script", "style", "title"} & set(self._open_tags):
            self.texts.append(data)
        if "h1" in self._open_tags:
            self.headings.append(data)


class Browser:
    """Somebody at a browser with scripts turned off."""

    def __init__(self, client: FlaskClient, language: str = "en") -> None:
        self._client = client
        self._headers = {"Accept-Language": language, "User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}
        self._base = {"REMOTE_ADDR": f"172.{(n := next(_networks)) >> 16 & 15 | 16}.{n >> 8 & 255}.{n & 255}"}
        self.url = "/"
        self.status = 0
        self.page = Page("")
        self.response: TestResponse

    def visit(self, url: str) -> Page:
        """Open an address of the site (or a mailed link) and follow redirects."""
        return self._request("GET", urljoin(self.url, url), None)

    def click(self, ending: str) -> Page:
        """Follow the first link on the page whose address ends so."""
        return self.visit(next(link for link in self.page.links if link.partition("?")[0].endswith(ending)))

    def form(self, *field_names: str) -> Form:
        """The one form of the page that has all these fields."""
        (match,) = [form for form in self.page.forms if set(field_names) <= set(form.kinds)]
        return match

    def submit(self, form: Form | None = None, **fields: str) -> Page:
        """Fill in the fields of a form (the one that has them) and send it."""
        form = form or self.form(*fields)
        values = form.values | fields
        missing = [name for name in form.required if not values.get(name)]
        assert not missing, f"a browser would not send this form without {missing}"
        assert form.method == "post"
        return self._request("POST", urljoin(self.url, form.action or self.url), values)

    def _request(self, method: str, url: str, data: dict[str, str] | None) -> Page:
        headers = dict(self._headers)
        if method == "POST":
            headers |= {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
        for _ in range(6):
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
        self.page = Page(self.response.get_data(as_text=True))
        return self.page
