"""Render templates and values into an email message."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import flask_mail
from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape

from accounts.config_sender import format_sender, parse_sender
from accounts.core import clock
from accounts.core.outbox import Letter
from accounts.core.security import addresses
from accounts.delivery import filters
from accounts.delivery.brand import LetterBrand
from accounts.delivery.message import LetterMessage

FALLBACK_LANGUAGE = "en"
"""The language in which every email exists."""

LETTER_PARTS = ("subject", "txt", "html")
COMMON_HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}

_LINK_TAG = re.compile(r'<a href="([^"]*)"\s*')


class LetterError(ValueError):
    """Raised where an email cannot be written: no such template, a missing value, a malformed header."""


class Letters:
    """The templates of emails, read from folders.

    :param folders: looked through in this order for ``<words>/<language>.txt|.html|.subject``; the first that
        has the file wins: a host puts its own folder in front, with only the files that differ.
    :param service: name of the service, as users know it.
    :param origin: public origin, ``https://accounts.example.org``.
    :param brand: how emails look; without one they have the service's name and the colours of our pages.
    :raises LetterError: a service name that holds control characters.
    """

    def __init__(self, folders: Sequence[Path], service: str, origin: str, brand: LetterBrand | None = None) -> None:
        if _has_control_characters(service):
            raise LetterError("the name of the service holds control characters")
        self._folders = tuple(folders)
        brand = brand or LetterBrand()
        self._service = service
        self._common = {"service": service, "origin": origin, "brand": replace(brand, name=brand.name or service)}
        self._inliner = CSSInliner(load_remote_stylesheets=False)
        self._environment = _make_environment(self._folders)

    def languages(self, name: str) -> tuple[str, ...]:
        """Return the languages in which all three parts of an email exist, in alphabetical order."""
        files = self._list_files(name)
        languages = {file.removesuffix(f".{LETTER_PARTS[0]}") for file in files}
        return tuple(sorted(each for each in languages if all(f"{each}.{part}" in files for part in LETTER_PARTS)))

    def check_complete(self, names: Iterable[str]) -> None:
        """Look whether the words of some letters are whole, as far as there are any.

        :raises LetterError: a language has some of the three parts only, or English is missing.
        """
        for name in names:
            found = self._list_files(name)
            if not found:
                continue
            languages = {FALLBACK_LANGUAGE} | {file.partition(".")[0] for file in found}
            for file in (f"{language}.{part}" for language in sorted(languages) for part in LETTER_PARTS):
                if file not in found:
                    raise LetterError(f"{name}/{file} is missing")

    def compose(
        self, letter: Letter, *, sender: str, message_id: str, at: datetime | None = None
    ) -> flask_mail.Message:
        """Return the message for an email, in its language or in English where it is not translated.

        :param sender: one address, with or without a name: ``Accounts <no-reply@example.org>``. Without one people
            see the name of the service.
        :param message_id: with angle brackets (RFC 5322 3.6.4); the same for every try of one email.
        :param at: when it is written, from which it counts how long its link works; None for now.
        :raises LetterError: no such template, a missing value, or a header would hold more than it should.
        """
        to = _single_address(letter.to)
        try:
            name, address = parse_sender(sender)
        except ValueError as error:
            raise LetterError("the sender is not one address") from error
        if not re.fullmatch(r"<[!-;=?-~]{3,200}>", message_id):
            raise LetterError("the message id is not one")
        words = letter.words if not letter.default_words or self.languages(letter.words) else letter.default_words
        language = self._language(words, letter.locale)
        written_at = at or clock.now()
        facts = {"asked": None, "zone": None} | dict(letter.context) | self._common
        facts |= {"email": to, "language": language, "kind": words, "now": written_at}
        if letter.link is not None:
            facts["link"] = letter.link
        subject, text, html = self._render(words, language, facts)
        return LetterMessage(
            subject=subject,
            recipients=[to],
            body=text,
            html=html,
            sender=format_sender(name or self._service, address),
            date=written_at.timestamp(),
            message_id=message_id,
            extra_headers=COMMON_HEADERS | {"Content-Language": language},
        )

    def _list_files(self, name: str) -> set[str]:
        return {path.name for folder in self._folders for path in (folder / name).glob("*.*")}

    def _language(self, words: str, locale: str) -> str:
        available = self.languages(words)
        for language in (locale, re.split("[-_]", locale)[0], FALLBACK_LANGUAGE):
            if language in available:
                return language
        raise LetterError(f"there are no words for {words!r}")

    def _render(self, name: str, language: str, facts: Mapping[str, object]) -> tuple[str, str, str]:
        try:
            subject, text, html = (
                self._environment.get_template(f"{name}/{language}.{part}").render(facts) for part in LETTER_PARTS
            )
        except TemplateError as error:
            raise LetterError(f"{name}/{language}: {error.message}") from error
        subject_line = subject.strip()
        if _has_control_characters(subject_line):
            raise LetterError(f"the subject of {name!r} is not one line")
        body = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
        # A link has a line of its own in the source, too: it is the longest thing there, and a relay that
        # folds long lines would cut it.
        return subject_line, body, _LINK_TAG.sub(r'<a\nhref="\1"\n', self._inliner.inline(html))


def emails_folder() -> Path:
    """Return the folder of the emails that come with the package, in a wheel or in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_emails"
    return installed if installed.is_dir() else package.parent / "emails"


def _single_address(text: str) -> str:
    # Flask-Mail takes "a@b.c,evil@x.y" for one recipient.
    try:
        return addresses.parse_email(text).email
    except addresses.AddressRefused as error:
        raise LetterError("the recipient is not one address") from error


class _LetterLoader(FileSystemLoader):
    """Loads templates of emails; ``common/<language>.html`` is ``common/<language>.txt``.

    A macro escapes by the name of its own template, not of the one that calls it: what all emails say alike stands
    in one file, and is escaped where it goes into a page.
    """

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Return the text of a template, where it stands, and whether it is still that."""
        if re.fullmatch(r"common/[^/]+\.html", template):
            template = f"{template.removesuffix('.html')}.txt"
        return super().get_source(environment, template)


@functools.lru_cache(maxsize=16)
def _make_environment(folders: tuple[Path, ...]) -> Environment:
    """Return an environment for letters of these folders; kept, with what it has compiled, for the next app."""
    environment = Environment(
        loader=_LetterLoader(folders),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters.FILTERS
    environment.tests |= filters.TESTS
    return environment


def _has_control_characters(text: str) -> bool:
    return any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in text)
