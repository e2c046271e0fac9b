"""Emails as they are sent, with sample values."""

from __future__ import annotations

from accounts.core.outbox import Letter
from accounts.delivery.samples import SAMPLES, sample_letter
from tests.people import Service

MESSAGE_ID = "<sample@accounts.example.org>"


def list_letters(language: str) -> list[Letter]:
    """Return one email of each kind in a language."""
    return [sample_letter(name, language) for name in sorted(SAMPLES)]


def render_html(service: Service, letter: Letter) -> str:
    """Return the HTML part of an email as this service sends it."""
    sender = service.site.settings.mail_sender
    message = service.state.letters.compose(letter, sender=sender, message_id=MESSAGE_ID)
    return str(message.html)
