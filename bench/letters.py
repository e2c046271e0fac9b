"""What an email costs in processor time: written, carried over a kept connection, and from the outbox to the server.

``python bench/letters.py [LETTERS]``. The mail server is a process of its own. ``by email.policy`` is the same email,
written as Python's ``email.policy.SMTP`` writes one: for comparison within one run.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path

from flask import Flask
from flask_mail import Message
from harness.letters import Sink

from accounts import Accounts
from accounts.config import Settings
from accounts.core.database import schema
from accounts.core.outbox import Letter
from accounts.core.uow import UnitOfWork
from accounts.delivery.letters import Letters, emails_folder
from accounts.delivery.samples import SAMPLE_ORIGIN, sample_letter
from accounts.delivery.transports import SmtpTransport
from accounts.extension import get_app_state

SENDER = "Kürzel & Söhne <no-reply@example.org>"
LANGUAGES = ("en", "de")
ROUNDS = 5


def compose(letters: Letters, words: str, number: int) -> Message:
    sample = sample_letter(words, LANGUAGES[number % 2])
    to = f"person{number}@example.org"
    letter = Letter(sample.words, to, sample.locale, sample.context, sample.link)
    return letters.compose(letter, sender=SENDER, message_id=f"<{number}@example.org>")


def serialize_by_policy(message: Message) -> bytes:
    """Write an email by the modern API of the standard library."""
    written = EmailMessage(policy=policy.SMTP)
    written["Subject"], written["From"] = message.subject, str(message.sender)
    written["To"], written["Message-ID"] = str(message.recipients[0]), message.msgId
    written["Date"] = datetime.fromtimestamp(message.date or 0, UTC)
    text, html = message.body or "", message.html or ""
    written.set_content(text, cte="7bit" if text.isascii() else "8bit")
    ascii_html = html.encode("ascii", "xmlcharrefreplace").decode("ascii")
    written.add_alternative(ascii_html, subtype="html", cte="7bit")
    for name, value in (message.extra_headers or {}).items():
        written[name] = value
    return written.as_bytes()


def report(name: str, letters: int, act: Callable[[], object]) -> None:
    """Print the CPU of this process for one letter: median, least and most of some rounds."""
    act()
    figures = []
    for _ in range(ROUNDS):
        began = time.process_time()
        act()
        figures.append((time.process_time() - began) / letters * 1000)
    print(
        f"{name:<52} {statistics.median(figures):6.2f} ms of CPU [{min(figures):.2f}-{max(figures):.2f}]", flush=True
    )


def report_written(words: str, count: int) -> None:
    letters = Letters([emails_folder()], "Kürzel & Söhne", SAMPLE_ORIGIN)

    def compose_all() -> list[Message]:
        return [compose(letters, words, number) for number in range(count)]

    messages = compose_all()
    report(f"{words}: words filled in", count, compose_all)
    report(f"{words}: made into bytes", count, lambda: [each.as_bytes() for each in messages])
    report(f"{words}: the same by email.policy", count, lambda: [serialize_by_policy(each) for each in messages])
    report(f"{words}: rendered, both together", count, lambda: [each.as_bytes() for each in compose_all()])


def report_carried(count: int, port: int) -> None:
    letters = Letters([emails_folder()], "Kürzel & Söhne", SAMPLE_ORIGIN)
    messages = [compose(letters, "invite", number) for number in range(count)]
    transport = SmtpTransport(make_settings(port, Path()))

    def carry_each_over_its_own() -> None:
        for message in messages:
            transport.send(message)

    with transport.connect() as sender:
        report("carried over a kept connection", count, lambda: [sender.send(message) for message in messages])
    report("carried over a connection of its own", count, carry_each_over_its_own)


def make_settings(port: int, folder: Path) -> Settings:
    return Settings.load(
        {
            "ACCOUNTS_INSTANCE": str(folder),
            "ACCOUNTS_MAIL_SERVER": "127.0.0.1",
            "ACCOUNTS_MAIL_PORT": str(port),
            "ACCOUNTS_MAIL_SENDER": SENDER,
            "ACCOUNTS_DEVELOPMENT_NO_LIMITS": "1",
        }
    )


def report_delivered(count: int, port: int, folder: Path) -> None:
    app = Flask(__name__)
    Accounts(app, settings=make_settings(port, folder))
    state = get_app_state(app)
    schema.upgrade(state.site.store)

    def deliver() -> None:
        with UnitOfWork(state.site) as uow:
            for number in range(count):
                uow.enqueue("activate", f"person{number}@example.org", {"next": ""}, LANGUAGES[number % 2])
        delivered = state.make_worker().deliver_all()
        assert delivered == count, f"{delivered} of {count} were delivered"

    report("from the outbox to the server: claimed to settled", count, deliver)


def main(count: int) -> None:
    print(f"{count} letters a round, median of {ROUNDS} rounds [least-most], Python {sys.version.split()[0]}")
    for words in ("invite", "reset-password"):
        report_written(words, count)
    with tempfile.TemporaryDirectory() as name:
        sink = Sink(Path(name))
        try:
            report_carried(count, sink.port)
            report_delivered(count, sink.port, Path(name) / "instance")
        finally:
            sink.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
