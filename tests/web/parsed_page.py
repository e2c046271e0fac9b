"""Pages as tests see them: their elements, their forms, and what every one of them must have."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from accounts.web.kit.forms import CSRF_FIELD, LINK_FIELD


class ParsedPage(HTMLParser):
    """A page as its elements, in order, each with its attributes and text."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._open: list[int] = []
        self._texts: list[str] = []
        self.feed(response.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._texts.append("")
        if tag not in ("input", "meta", "link", "br"):
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        for index in self._open:
            self._texts[index] += data

    def find_all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [
            attrs
            for name_of_tag, attrs in self.elements
            if name_of_tag == tag and all(attrs.get(name) == value for name, value in attributes.items())
        ]

    def text(self, tag: str) -> str:
        (text,) = [" ".join(self._texts[i].split()) for i, each in enumerate(self.elements) if each[0] == tag]
        return text

    def input(self, name: str) -> dict[str, str]:
        return self.find_all("input", name=name)[0]


def submit_form(client: FlaskClient, path: str, form_response: TestResponse, **fields: str) -> TestResponse:
    """Press the button of the form that was shown."""
    page = ParsedPage(form_response)
    hidden_values = {
        name: page.input(name)["value"] for name in (CSRF_FIELD, LINK_FIELD) if page.find_all("input", name=name)
    }
    return client.post(path, data={**hidden_values, **fields})


def check_skeleton(response: TestResponse, lang: str = "en") -> ParsedPage:
    page = ParsedPage(response)
    assert response.text.startswith("<!doctype html>")
    assert page.find_all("html", lang=lang)
    assert page.find_all("meta", name="viewport")
    assert page.find_all("meta", name="color-scheme", content="light dark")
    assert page.text("title").endswith(" – Accounts")
    assert len(page.find_all("h1")) == len(page.find_all("main")) == 1
    assert page.text("h1") in page.text("title")
    assert page.find_all("a", href=f"#{page.find_all('main')[0]['id']}"), "a way past the header"
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    check_policy(page)
    check_labels(page, ids)
    return page


def check_policy(page: ParsedPage) -> None:
    # The policy has no 'unsafe-inline': anything like that would silently do nothing.
    assert not page.find_all("style")
    assert all("src" in attrs for attrs in page.find_all("script"))
    for _, attrs in page.elements:
        assert not [name for name in attrs if name == "style" or name.startswith("on")]
        assert not re.match(r"(?:https?:)?//", attrs.get("src", "")), "everything comes from here"


def check_labels(page: ParsedPage, ids: list[str]) -> None:
    targets = [attrs["for"] for attrs in page.find_all("label")]
    for attrs in page.find_all("input") + page.find_all("select") + page.find_all("textarea"):
        if attrs.get("type") != "hidden" and "hidden" not in attrs:
            labelled_by = attrs.get("aria-labelledby")
            assert labelled_by in ids if labelled_by else targets.count(attrs["id"]) == 1, attrs
        for description_id in attrs.get("aria-describedby", "").split():
            assert description_id in ids
    for form in page.find_all("form"):
        # What only looks says so in its address, and needs no token: that would stand in the address, too.
        assert form["method"] == ("get" if form.get("role") == "search" else "post")
        assert "novalidate" not in form
    assert len(page.find_all("input", name=CSRF_FIELD)) == len(page.find_all("form", method="post"))
