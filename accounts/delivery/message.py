"""Serialize one email: Flask-Mail's message, made without an application around it."""

from __future__ import annotations

import quopri
import secrets
from datetime import UTC, datetime
from email.message import Message as Part
from email.policy import Compat32
from email.utils import format_datetime

from flask_mail import Message

from accounts.config_sender import parse_sender
from accounts.core.security import addresses
from accounts.delivery.failures import PermanentFailure
from accounts.delivery.headers import format_mailbox, format_text

MAX_LINE_BYTES = 998
"""What a line of an email may have (RFC 5322 2.1.1)."""


class _WrittenHeaders(Compat32):
    """Leave headers as they were written: to parse and fold them anew is most of what an email costs."""

    def fold(self, name: str, value: str) -> str:
        return f"{name}: {value}\r\n"

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii")


_POLICY = _WrittenHeaders(linesep="\r\n", cte_type="8bit")


class LetterMessage(Message):
    """A Flask-Mail message with a text and an HTML part that needs no ``app.extensions["mail"]``.

    Lines are left as long as they were written (no soft breaks through a link): the text part is 7bit or
    8bit, the HTML part is ASCII with character references. :attr:`eight_bit` is turned off by a transport whose
    server does not know 8BITMIME (RFC 6152); a text with umlauts is quoted-printable then. So is a part with a line
    that is longer than an email's may be.

    :param sender: one mailbox: ``Accounts <no-reply@example.org>``, see :func:`parse_sender`.
    :param date: seconds since 1970.
    :param message_id: with angle brackets.
    """

    eight_bit = True

    def __init__(
        self,
        subject: str,
        recipients: list[str | tuple[str, str]],
        body: str,
        *,
        sender: str,
        html: str | None = None,
        date: float | None = None,
        message_id: str = "",
        extra_headers: dict[str, str] | None = None,
    ) -> None:
        # Flask-Mail's own would make a message id, and ask the name server for this machine's name to do so.
        self.subject, self.recipients, self.sender = subject, recipients, sender
        self.body, self.alts, self.charset = body, {} if html is None else {"html": html}, "utf-8"
        self.date, self.msgId, self.extra_headers = date, message_id, extra_headers
        self.reply_to = None
        self.cc, self.bcc, self.attachments = [], [], []
        self.mail_options, self.rcpt_options = [], []

    def _message(self) -> Part:  # type: ignore[override] # MIMEBase is the kind with a part's headers already in it
        message = Part(policy=_POLICY)
        message["Subject"] = format_text("Subject", self.subject)
        message["From"] = format_mailbox("From", *parse_sender(str(self.sender)))
        message["To"] = ", ".join(str(address) for address in self.recipients)
        if self.date is not None:
            message["Date"] = format_datetime(datetime.fromtimestamp(self.date, UTC))
        message["Message-ID"] = self.msgId
        for name, value in (self.extra_headers or {}).items():
            message[name] = value
        message["MIME-Version"] = "1.0"
        text = _make_part("plain", self.body or "", eight_bit=self.eight_bit)
        html = self.html.encode("ascii", "xmlcharrefreplace").decode("ascii") if self.html else None
        # Nobody who writes into a part can know the boundary, and end the part with it.
        message["Content-Type"] = f'multipart/alternative; boundary="=_{secrets.token_hex(12)}"'
        message.set_payload([text] if html is None else [text, _make_part("html", html, eight_bit=False)])
        return message


def check_message(message: Message) -> None:
    """Look whether a message goes from one mailbox to one address, and nowhere else.

    :raises PermanentFailure: it does not.
    """
    if message.has_bad_headers():
        raise PermanentFailure("a header holds a line break")
    try:
        parse_sender(str(message.sender))
    except ValueError:
        raise PermanentFailure("the sender is not one address") from None
    try:
        (recipient,) = message.send_to
        # One text may hold two addresses: of "a@b.c,evil@x.y" the header names both.
        is_exact = addresses.parse_email(str(recipient)).email == str(recipient)
    except ValueError:
        is_exact = False
    if not is_exact:
        raise PermanentFailure("the recipient is not exactly one address")


def _make_part(subtype: str, text: str, *, eight_bit: bool) -> Part:
    part = Part(policy=_POLICY)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    data = text.encode()
    is_long = any(len(line) > MAX_LINE_BYTES for line in data.splitlines())
    if is_long or not (eight_bit or text.isascii()):
        encoding, data = "quoted-printable", quopri.encodestring(data)
    else:
        encoding = "7bit" if text.isascii() else "8bit"
    part["Content-Transfer-Encoding"] = encoding
    # The generator makes bytes of surrogates again.
    part.set_payload(data.decode("ascii", "surrogateescape"))
    return part
