"""Send messages: to a mail server, or to the mailbox of development."""

from __future__ import annotations

import itertools
import re
import smtplib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Protocol

import flask_mail

from accounts.config import Settings
from accounts.core import clock
from accounts.core.security import addresses
from accounts.delivery.smtp import SmtpConnection, Timeouts, format_reply, scrub
from accounts.delivery.tls import TrustAnchors

TIMEOUTS = Timeouts(connect=10.0, send=60.0, letter=300.0)

MAX_MESSAGES_PER_CONNECTION = 100
"""Messages after which the connection is made anew: a balanced server behind one address shall be asked again."""

MAX_MESSAGES = 50
"""Messages that the mailbox of development keeps."""

_CODES_ABOUT_US = frozenset({500, 501, 502, 503, 504, 530, 534, 535, 538})
"""Of commands that the server does not take from us, or not without log-in (RFC 5321 4.2.2, RFC 4954 6)."""
_STATUS_ABOUT_US = re.compile(r"5\.(?:[57]\.\d{1,3}|1\.[78])(?!\d)")
"""Protocol, policy and security, and the sender's address (RFC 3463 3.6, 3.8, 3.2). Not the recipient's."""
_LINK_LINE = re.compile(r"^https?://\S+$", re.MULTILINE)


class DeliveryError(Exception):
    """Raised where a message was not accepted. The text may be stored: no link, no words of the message."""


class PermanentFailure(DeliveryError):
    """Not accepted for good: the server answered 5xx to this message, or there is not exactly one address."""


class TransientFailure(DeliveryError):
    """Not accepted for now: 4xx, no connection, no trust in the certificate, no log-in, no answer in time."""


class RefusesUs(TransientFailure):
    """Refused for what this service is or says, its name or its sender: any other letter would be refused as well."""


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
        """Return what sends the messages of one sweep, over one connection where there are any."""
        ...


class SmtpTransport:
    """Sends by SMTP, over one connection for the messages of a sweep.

    It needs no application and no ``app.extensions["mail"]``.

    Flask-Mail alone checks no certificate and waits for ever. Here the certificate and the name in it are
    verified, ``starttls`` never falls back to plain text (RFC 8314 3, 4.1), and every wait ends. Flask-Mail's
    ``email_dispatched`` signal is not sent: a receiver would get a usable link, and one that raises after
    the server's 250 would have the mail sent twice.

    :param settings: server, port, user, password and kind of encryption.
    :param cafile: extra trust anchors beside the system's, PEM.
    :param timeouts: how long it waits.
    :raises ValueError: no mail server is set.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        cafile: Path | None = None,
        timeouts: Timeouts = TIMEOUTS,
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
        self._helo, self._timeouts = settings.mail_helo_name, timeouts

    def connect(self) -> SmtpSender:
        """Return what sends several messages; see :meth:`Transport.connect`."""
        return SmtpSender(
            lambda deadline: SmtpConnection(self._mail, self._anchors, self._helo, self._timeouts, deadline),
            self._timeouts.letter,
        )

    def send(self, message: flask_mail.Message) -> str:
        """Send one message over a connection of its own; see :meth:`Sender.send`."""
        with self.connect() as sender:
            return sender.send(message)


class SmtpSender(ExitStack):
    """Sends the messages of one sweep by SMTP. It connects with the first one, and says QUIT at the end of its block.

    Whatever the server refuses, the connection is given up with it.

    :param make_connection: makes one, given the end of the letter's time on the monotonic clock.
    :param letter_seconds: for a whole letter, connecting anew included.
    """

    def __init__(self, make_connection: Callable[[float], SmtpConnection], letter_seconds: float) -> None:
        super().__init__()
        self._make_connection = make_connection
        self._letter_seconds = letter_seconds
        self._connection: SmtpConnection | None = None
        self._sent = 0

    def send(self, message: flask_mail.Message) -> str:
        """Send one message; see :meth:`Sender.send`."""
        _check_message(message)
        deadline = time.monotonic() + self._letter_seconds
        try:
            reply = self._send_again(message, deadline)
            return self._send_first(message, deadline) if reply is None else reply
        except (OSError, UnicodeError) as error:  # every smtplib and ssl error is an OSError
            raise _classify_error(error) from None

    def _send_again(self, message: flask_mail.Message, deadline: float) -> str | None:
        """Send a message over the connection that is there; return None where it is to go over a new one."""
        connection = self._connection
        if connection is None:
            return None
        if self._sent >= MAX_MESSAGES_PER_CONNECTION:
            self._disconnect()
            return None
        try:
            connection.deadline = deadline
            return self._send_over(connection, message)
        except OSError:
            # A server that has had enough of us says so, or hangs up, at any word. Not after DATA: it may have the
            # message, and would get it twice.
            if connection.data_begun:
                raise
            return None

    def _send_first(self, message: flask_mail.Message, deadline: float) -> str:
        self._connection, self._sent = self.enter_context(self._make_connection(deadline)), 0
        return self._send_over(self._connection, message)

    def _send_over(self, connection: SmtpConnection, message: flask_mail.Message) -> str:
        try:
            connection.send(message)
        except BaseException:
            self._disconnect()
            raise
        self._sent += 1
        return connection.last_reply

    def _disconnect(self) -> None:
        self._connection = None
        self.close()


def _check_message(message: flask_mail.Message) -> None:
    if message.has_bad_headers():
        raise PermanentFailure("a header holds a line break")
    if "@" not in parseaddr(str(message.sender))[1]:
        raise PermanentFailure("the sender is not one address")
    try:
        (recipient,) = message.send_to
        # One text may hold two addresses: of "a@b.c,evil@x.y" the header names both.
        is_exact = addresses.parse_email(str(recipient)).email == str(recipient)
    except ValueError:
        is_exact = False
    if not is_exact:
        raise PermanentFailure("the recipient is not exactly one address")


def _classify_error(error: Exception) -> DeliveryError:
    reply: bytes | str
    match error:
        case smtplib.SMTPRecipientsRefused():
            step, (code, reply) = "RCPT", next(iter(error.recipients.values()))
        case smtplib.SMTPSenderRefused():
            step, code, reply = "MAIL", error.smtp_code, error.smtp_error
        case smtplib.SMTPDataError():
            step, code, reply = "DATA", error.smtp_code, error.smtp_error
        case smtplib.SMTPResponseException():
            # At greeting, STARTTLS or AUTH no message was named yet: a 5xx is about us, not about it.
            return TransientFailure(f"not connected: {format_reply(error.smtp_code, error.smtp_error)}")
        case UnicodeError():
            return TransientFailure(f"cannot be said in SMTP: {type(error).__name__}")
        case _:
            return TransientFailure(scrub(f"{type(error).__name__}: {error}"))
    reply_line = format_reply(code, reply)
    text = f"{step}: {reply_line}"
    if not 500 <= code < 600:
        return TransientFailure(text)
    # MAIL names nobody but us. A 5xx to it condemns our sender, and with it every letter there is.
    if step == "MAIL" or code in _CODES_ABOUT_US or _STATUS_ABOUT_US.match(reply_line.partition(" ")[2]):
        return RefusesUs(text)
    return PermanentFailure(text)


@dataclass(frozen=True, slots=True)
class MailboxMessage:
    """A message in the mailbox of development."""

    id: str
    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    at: datetime


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

    def connect(self) -> AbstractContextManager[Mailbox]:
        """Return itself: there is nothing to connect to."""
        return nullcontext(self)

    def send(self, message: flask_mail.Message) -> str:
        """Keep one message; see :meth:`Sender.send`."""
        _check_message(message)
        (to,) = message.send_to
        text = message.body or ""
        with self._lock:
            stored = MailboxMessage(
                str(next(self._ids)), str(to), message.subject, text, message.html or "", clock.now()
            )
            self._messages.append(stored)
        if self._show is not None:
            link = _LINK_LINE.search(text)
            self._show(f"\n  mail to {stored.to}: {stored.subject}\n  {link[0] if link else ''}\n\n")
        return f"250 kept as {stored.id}"
