"""Letters composed from their samples, and what a mail program sees of them."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from flask_mail import Message

from accounts.core.outbox import Letter
from accounts.delivery.letters import Letters
from accounts.delivery.samples import SAMPLE_TIME, SAMPLES, sample_letter

LANGUAGES = ("de", "en", "es", "fr")
SENDER = "Accounts <no-reply@example.org>"
MESSAGE_ID = "<Zk3v9QpLw2@accounts.example.org>"
WORDS = sorted(SAMPLES)
OPTIONAL = {"email-changed": {"link"}}
"""Facts without which a letter says something else. Only the first of several old addresses can undo a change."""
every_letter = pytest.mark.parametrize("words", WORDS)
every_language = pytest.mark.parametrize("language", LANGUAGES)


def composed(letters: Letters, letter: Letter, sender: str = SENDER) -> Message:
    return letters.compose(letter, sender=sender, message_id=MESSAGE_ID, at=SAMPLE_TIME)


def with_facts(words: str, language: str = "en", **changed: object) -> Letter:
    known = sample_letter(words, language)
    return Letter(words, known.to, language, {**known.context, **changed}, known.link)


def links_of(words: str) -> set[str]:
    return {str(fact) for name, fact in SAMPLES[words].items() if name == "link" or name.endswith("_url")}


def received(message: Message) -> EmailMessage:
    parsed = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


class MailPage(HTMLParser):
    """What a mail program sees: link targets, text, and what it would have to fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.targets += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data
