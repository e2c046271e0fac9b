"""A page as a sandbox sees it: its forms, what it loads, whether it submits itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

URL_ATTRIBUTE_OF_TAG = {
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
UNLOADED_LINK_RELS = frozenset(
    {"canonical", "alternate", "author", "license", "help", "next", "prev", "search", "me"}
)
TYPED_INPUT_TYPES = frozenset(
    {"text", "password", "email", "tel", "url", "search", "number", "date", "datetime-local", "month", "time", "week"}
)
UNSENT_INPUT_TYPES = frozenset({"submit", "button", "reset", "image", "file"})
AUTO_SUBMIT_PATTERN = re.compile(r"\.(?:submit|requestSubmit|click)\s*\(")


@dataclass
class HtmlForm:
    """A form with what a browser would send if its button were pressed now."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    empty_fields: list[str] = field(default_factory=list)
    """Names of fields for typing that have nothing in them."""
    button: tuple[str, str] | None = None

    @property
    def submitted_values(self) -> dict[str, str]:
        """What pressing its (first) button sends."""
        return {**self.values, **dict([self.button] if self.button else [])}

    @property
    def shape(self) -> tuple[str, str, tuple[str, ...]]:
        """What stays the same however often the form is shown: not its values, which may be fresh each time."""
        return self.method, urlsplit(self.action).netloc, tuple(sorted(self.values))


@dataclass
class HtmlPage:
    """An HTML page, read once."""

    url: str
    title: str = ""
    forms: list[HtmlForm] = field(default_factory=list)
    loaded_urls: list[str] = field(default_factory=list)
    refresh_target: str = ""
    """Where ``<meta http-equiv=refresh>`` leads."""
    auto_submits: bool = False

    @property
    def foreign_urls(self) -> list[str]:
        """What it loads from, or sends to, another origin than its own."""
        own_origin = urlsplit(self.url)[:2]
        urls = [*self.loaded_urls, *(form.action for form in self.forms)]
        return [url for url in urls if urlsplit(url)[0] in ("http", "https") and urlsplit(url)[:2] != own_origin]


def parse_page(url: str, html: str) -> HtmlPage:
    """Parse the page at an address. Broken HTML is read as far as it goes."""
    parser = _PageParser(HtmlPage(url))
    parser.feed(html)
    parser.close()
    parser.page.title = " ".join(parser.page.title.split())
    return parser.page


class _PageParser(HTMLParser):
    def __init__(self, page: HtmlPage) -> None:
        super().__init__()
        self.page = page
        self._form: HtmlForm | None = None
        self._inside_tag = ""
        self._select: str | None = None
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._add_loaded_urls(tag, attributes)
        if AUTO_SUBMIT_PATTERN.search(attributes.get("onload", "")):
            self.page.auto_submits = True
        if tag in ("title", "script"):
            self._inside_tag = tag
        elif tag == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            _, _, target = attributes.get("content", "").partition("=")
            self.page.refresh_target = self._absolute_url(target.strip(" '\"")) if target else ""
        elif tag == "form":
            self._form = HtmlForm(
                self._absolute_url(attributes.get("action", "")), attributes.get("method", "get").upper()
            )
            self.page.forms.append(self._form)
        elif self._form is not None:
            self._add_field(self._form, tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = None
        if tag == "textarea":
            self._textarea = None
        if tag == self._inside_tag:
            self._inside_tag = ""

    def handle_data(self, data: str) -> None:
        if self._inside_tag == "title":
            self.page.title += data
        elif self._inside_tag == "script" and AUTO_SUBMIT_PATTERN.search(data):
            self.page.auto_submits = True
        elif self._textarea is not None and self._form is not None and data.strip():
            self._form.values[self._textarea] = data
            self._form.empty_fields.remove(self._textarea)
            self._textarea = None

    def _add_loaded_urls(self, tag: str, attributes: dict[str, str]) -> None:
        attribute = URL_ATTRIBUTE_OF_TAG.get(tag)
        if attribute is None or (
            tag == "link" and UNLOADED_LINK_RELS & set(attributes.get("rel", "").lower().split())
        ):
            return
        srcset_entries = [each.split() for each in attributes.get("srcset", "").split(",")]
        urls = [attributes.get(attribute, ""), *(words[0] for words in srcset_entries if words)]
        self.page.loaded_urls += [self._absolute_url(each) for each in urls if each]

    def _add_field(self, form: HtmlForm, tag: str, attributes: dict[str, str]) -> None:
        name, kind = (
            attributes.get("name", ""),
            attributes.get("type", "submit" if tag == "button" else "text").lower(),
        )
        if tag in ("input", "button") and kind in ("submit", "image"):
            if name and form.button is None:
                form.button = (name, attributes.get("value", ""))
        elif tag == "select" and name:
            self._select = name
            form.values.setdefault(name, "")
        elif tag == "option" and self._select is not None:
            if "selected" in attributes or not form.values[self._select]:
                form.values[self._select] = attributes.get("value", "")
        elif tag == "textarea" and name:
            form.values[name] = ""
            form.empty_fields.append(name)
            self._textarea = name
        elif tag == "input" and name and kind not in UNSENT_INPUT_TYPES:
            if kind in ("checkbox", "radio") and "checked" not in attributes:
                return
            form.values[name] = attributes.get("value", "on" if kind in ("checkbox", "radio") else "")
            if kind in TYPED_INPUT_TYPES and not form.values[name]:
                form.empty_fields.append(name)

    def _absolute_url(self, url: str) -> str:
        return urljoin(self.page.url, url.strip())
