"""A page as a sandbox sees it: its forms, what it loads, whether it submits itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "embed": "src",
    "audio": "src",
    "video": "src",
    "source": "src",
    "input": "src",
    "link": "href",
    "object": "data",
}
"""Attributes whose address a browser asks for by itself, with the page's address as Referer."""
LINKS_NOT_LOADED = frozenset({"canonical", "alternate", "author", "license", "help", "next", "prev", "search", "me"})
TYPED = frozenset(
    {"text", "password", "email", "tel", "url", "search", "number", "date", "datetime-local", "month", "time", "week"}
)
NOT_SENT = frozenset({"submit", "button", "reset", "image", "file"})
SUBMITS_ITSELF = re.compile(r"\.(?:submit|requestSubmit|click)\s*\(")


@dataclass
class Form:
    """A form with what a browser would send if its button were pressed now."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    """Names of fields for typing that have nothing in them."""
    button: tuple[str, str] | None = None

    @property
    def sent(self) -> dict[str, str]:
        """What pressing its (first) button sends."""
        return {**self.values, **dict([self.button] if self.button else [])}

    @property
    def shape(self) -> tuple[str, str, tuple[str, ...]]:
        """What stays the same however often the form is shown: not its values, which may be fresh each time."""
        return self.method, urlsplit(self.action).netloc, tuple(sorted(self.values))


@dataclass
class Page:
    """An HTML page, read once."""

    url: str
    title: str = ""
    forms: list[Form] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    refresh: str = ""
    """Where ``<meta http-equiv=refresh>`` leads."""
    submits_itself: bool = False

    @property
    def foreign(self) -> list[str]:
        """What it loads from, or sends to, another origin than its own."""
        own = urlsplit(self.url)[:2]
        asked = [*self.loads, *(form.action for form in self.forms)]
        return [url for url in asked if urlsplit(url)[0] in ("http", "https") and urlsplit(url)[:2] != own]


def read(url: str, html: str) -> Page:
    """The page at an address. Broken HTML is read as far as it goes."""
    reader = _Reader(Page(url))
    reader.feed(html)
    reader.close()
    reader.page.title = " ".join(reader.page.title.split())
    return reader.page


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self._form: Form | None = None
        self._inside = ""
        self._select: str | None = None
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self._note_loads(tag, has)
        if SUBMITS_ITSELF.search(has.get("onload", "")):
            self.page.submits_itself = True
        if tag in ("title", "script"):
            self._inside = tag
        elif tag == "meta" and has.get("http-equiv", "").lower() == "refresh":
            _, _, target = has.get("content", "").partition("=")
            self.page.refresh = self._absolute(target.strip(" '\"")) if target else ""
        elif tag == "form":
            self._form = Form(self._absolute(has.get("action", "")), has.get("method", "get").upper())
            self.page.forms.append(self._form)
        elif self._form is not None:
            self._note_field(self._form, tag, has)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = None
        if tag == "textarea":
            self._textarea = None
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.page.title += data
        elif self._inside == "script" and SUBMITS_ITSELF.search(data):
            self.page.submits_itself = True
        elif self._textarea is not None and self._form is not None and data.strip():
            self._form.values[self._textarea] = data
            self._form.empty.remove(self._textarea)
            self._textarea = None

    def _note_loads(self, tag: str, has: dict[str, str]) -> None:
        attribute = LOADED.get(tag)
        if attribute is None or (tag == "link" and LINKS_NOT_LOADED & set(has.get("rel", "").lower().split())):
            return
        sets = [each.split() for each in has.get("srcset", "").split(",")]
        found = [has.get(attribute, ""), *(words[0] for words in sets if words)]
        self.page.loads += [self._absolute(each) for each in found if each]

    def _note_field(self, form: Form, tag: str, has: dict[str, str]) -> None:
        name, kind = has.get("name", ""), has.get("type", "submit" if tag == "button" else "text").lower()
        if tag in ("input", "button") and kind in ("submit", "image"):
            if name and form.button is None:
                form.button = (name, has.get("value", ""))
        elif tag == "select" and name:
            self._select = name
            form.values.setdefault(name, "")
        elif tag == "option" and self._select is not None:
            if "selected" in has or not form.values[self._select]:
                form.values[self._select] = has.get("value", "")
        elif tag == "textarea" and name:
            form.values[name] = ""
            form.empty.append(name)
            self._textarea = name
        elif tag == "input" and name and kind not in NOT_SENT:
            if kind in ("checkbox", "radio") and "checked" not in has:
                return
            form.values[name] = has.get("value", "on" if kind in ("checkbox", "radio") else "")
            if kind in TYPED and not form.values[name]:
                form.empty.append(name)

    def _absolute(self, url: str) -> str:
        return urljoin(self.page.url, url.strip())
