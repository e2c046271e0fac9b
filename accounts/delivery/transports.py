"""Send messages: to a mail server, or to the mailbox of development."""

from __future__ import annotations

import itertools
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import flask_mail

from accounts.config import Settings
from accounts.config_sender import parse_sender
from accounts.core import clock
from accounts.delivery.deadlines import LetterTime
from accounts.delivery.failures import DeliveryError, PermanentFailure, RefusesUs, TimedOut, TransientFailure
from accounts.delivery.message import check_message
from accounts.delivery.smtp import SmtpConnection, Timeouts
from accounts.delivery.smtp_sender import MAX_MESSAGES_PER_CONNECTION, SmtpSender
from accounts.delivery.tls import TrustAnchors

__all__ = [
    "MAX_MESSAGES_PER_CONNECTION", "DeliveryError", "Mailbox", "MailboxMessage", "PermanentFailure", "RefusesUs",
    "Sender", "SmtpTransport", "TimedOut", "TransientFailure", "Transport",
]  # fmt: skip

TIMEOUTS = Timeouts(connect=10.0, send=60.0, letter=120.0)

MAX_MESSAGES = 50
"""Messages that the mailbox of development keeps."""

_LINK_LINE = re.compile(r"^https?://\S+$", re.MULTILINE)


class Sender(Protocol):
    """Sends messages, one at a time; for one thread."""

    def send(self, message: flask_mail.Message) -> str:
        """Send one message to its one address.

        :returns: the server's answer (``250 2.0.0 Ok: queued as ...``).
        :raises PermanentFailure: do not try again.
        :raises TransientFailure: try again later.
        """
        ...


class Transport(Sender, Protocol):
    """Sends messages; may be used by several threads."""

    def connect(self) -> AbstractContextManager[Sender]:
        """Return what sends the messages of one thread, over one connection as long as some come.

        It connects with the first message, and may be held for as long as the thread lives.
        """
        ...


class SmtpTransport:
    """Sends by SMTP, over one connection for the messages of a thread.

    It needs no application and no ``app.extensions["mail"]``.

    Flask-Mail alone checks no certificate and waits for ever. Here the certificate and the name in it are
    verified, ``starttls`` never falls back to plain text (RFC 8314 3, 4.1), and every wait ends. Flask-Mail's
    ``email_dispatched`` signal is not sent: a receiver would get a usable link, and one that raises after
    the server's 250 would have the mail sent twice.

    :param settings: server, port, user, password and kind of encryption.
    :param cafile: extra trust anchors beside the system's, PEM.
    :param timeouts: how long it waits.
    :param monotonic: the clock by which it waits.
    :raises ValueError: no mail server is set.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        cafile: Path | None = None,
        timeouts: Timeouts = TIMEOUTS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if settings.mail_server is None:
            raise ValueError("there is no mail server to carry to")
        self._mail = flask_mail.Mail()
        # Never in debug mode: smtplib would print every message, links included.
        self._mail.state = self._mail.init_mail(
            {
                "MAIL_SERVER": settings.mail_server,
                "MAIL_PORT": settings.mail_port,
                "MAIL_USERNAME": settings.mail_username,
                "MAIL_PASSWORD": settings.mail_password,
                "MAIL_USE_TLS": settings.mail_tls == "starttls",
                "MAIL_USE_SSL": settings.mail_tls == "tls",
            }
        )
        self._anchors = TrustAnchors(cafile)
        self._helo, self._timeouts, self._clock = settings.mail_helo_name, timeouts, monotonic

    def connect(self) -> SmtpSender:
        """Return what sends several messages; see :meth:`Transport.connect`."""

        def make_connection(time: LetterTime) -> SmtpConnection:
            return SmtpConnection(self._mail, self._anchors, self._helo, self._timeouts, time)

        return SmtpSender(make_connection, self._timeouts, self._clock)

    def send(self, message: flask_mail.Message) -> str:
        """Send one message over a connection of its own; see :meth:`Sender.send`."""
        with self.connect() as sender:
            return sender.send(message)


@dataclass(frozen=True, slots=True)
class MailboxMessage:
    """A message in the mailbox of development.

    :ivar source: the whole message, as a mail server would have got it.
    """

    id: str
    sender: str
    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    source: bytes = field(repr=False)
    at: datetime

    @property
    def link(self) -> str | None:
        """Return what the message is about: its first link, which has a line of its own."""
        found = _LINK_LINE.search(self.text)
        return found[0] if found else None


def write_to_stderr(text: str) -> None:
    """Write a message to standard error."""
    sys.stderr.write(text)
    sys.stderr.flush()


class Mailbox:
    """The transport of development and of tests: keeps the last messages in memory, for ``/mailbox``.

    :param show: gets a short block with recipient, subject and link of each message; None shows nothing.
    """

    def __init__(self, show: Callable[[str], None] | None = write_to_stderr) -> None:
        self._show = show
        self._messages: deque[MailboxMessage] = deque(maxlen=MAX_MESSAGES)
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def messages(self) -> list[MailboxMessage]:
        """The messages, newest first."""
        with self._lock:
            return list(reversed(self._messages))

    def clear(self) -> int:
        """Delete all messages, and return how many there were."""
        with self._lock:
            count = len(self._messages)
            self._messages.clear()
        return count

    def connect(self) -> AbstractContextManager[Mailbox]:
        """Return itself: there is nothing to connect to."""
        return nullcontext(self)

    def send(self, message: flask_mail.Message) -> str:
        """Keep one message; see :meth:`Sender.send`."""
        check_message(message)
        (to,) = message.send_to
        name, address = parse_sender(str(message.sender))
        with self._lock:
            stored = MailboxMessage(
                id=str(next(self._ids)),
                sender=f"{name} <{address}>" if name else address,
                to=str(to),
                subject=message.subject,
                text=message.body or "",
                html=message.html or "",
                source=message.as_bytes(),
                at=clock.now(),
            )
            self._messages.append(stored)
        if self._show is not None:
            self._show(f"\n  mail to {stored.to}: {stored.subject}\n  {stored.link or ''}\n\n")
        return f"250 kept as {stored.id}"
