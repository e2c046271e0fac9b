"""What a page holds, for a browser without scripts: its forms with their values, its links, its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

BUTTON_TYPES = ("submit", "button", "reset")


@dataclass
class Form:
    """A form of a page, with the values it came with."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    buttons: set[str] = field(default_factory=set)
    """Names of the buttons that say something."""

    @property
    def visible(self) -> set[str]:
        """Fields that a person sees."""
        return {name for name, kind in self.kinds.items() if kind != "hidden"}


class Page(HTMLParser):
    """What a page holds: its forms, its links, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.header_forms: list[Form] = []
        """Those of the head, which all pages of a signed-in account have."""
        self.links: list[str] = []
        self.language_links: list[str] = []
        """Those to the same page in another language, which are among the links, too."""
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
            if "hreflang" in attributes:
                self.language_links.append(attributes["href"])
        elif tag == "form":
            forms = self.header_forms if "header" in self._open_tags else self.forms
            forms.append(Form(attributes.get("action", ""), attributes.get("method", "get")))
        elif (
            tag in ("input", "select", "textarea")
            and (self.forms or self.header_forms)
            and "form" in self._open_tags
            and attributes.get("name")
        ):
            self._add_control(tag, attributes)
        elif tag == "button" and self.forms and attributes.get("name"):
            self.forms[-1].buttons.add(attributes["name"])
        elif tag == "option" and self._select and "selected" in attributes:
            self.forms[-1].values[self._select] = attributes["value"]
        if tag in ("input", "meta", "link", "img", "source", "br", "hr"):
            self._open_tags.pop()

    def _add_control(self, tag: str, attributes: dict[str, str]) -> None:
        form, name = (self.header_forms if "header" in self._open_tags else self.forms)[-1], attributes["name"]
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
