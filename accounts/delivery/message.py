"""Serialize one email: Flask-Mail's message, made without an application around it."""

from __future__ import annotations

import functools
import re
import secrets
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from flask_mail import Message

MAX_HEADER_CHARACTERS = 78
"""Characters of a line of a header, without its end (RFC 5322 2.1.1)."""

_CRLF = b"\r\n"
_PLAIN_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+|<[\w.+-]+@[\w.-]+>", re.ASCII)
_TEXT_PART = b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: %b\r\n\r\n%b'
_HTML_PART = (
    b'Content-Type: text/html; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\nMIME-Version: 1.0\r\n\r\n%b'
)
_MULTIPART = b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="%b"\r\n'


class LetterMessage(Message):
    """A Flask-Mail message with a text and an HTML part that needs no ``app.extensions["mail"]``.

    Lines are left as long as they were written (no soft breaks through a link): the text part is 7bit or
    8bit, the HTML part is ASCII with character references. :attr:`eight_bit` is turned off by a transport whose
    server does not know 8BITMIME (RFC 6152); a text with umlauts is quoted-printable then.
    """

    eight_bit = True

    def as_bytes(self) -> bytes:
        """Return the message as it is sent (RFC 5322, RFC 2046 5.1.4).

        Put together here: :class:`EmailMessage` parses each header of each part anew, folds it, and looks through
        all parts for a boundary that is free, which takes half of what a letter costs.

        :raises ValueError: a header holds a line break.
        """
        html = (self.html or "").encode("ascii", "xmlcharrefreplace")
        # Drawn after the parts were written: nobody can have guessed it.
        boundary = b"===============%019d==" % secrets.randbelow(10**19)
        return b"".join(
            (
                _fold_repeated("Subject", self.subject),
                _fold_repeated("From", str(self.sender)),
                _fold_address("To", ", ".join(str(address) for address in self.recipients)),
                b"Date: %b\r\n" % format_datetime(datetime.fromtimestamp(self.date or 0, UTC)).encode("ascii"),
                _fold_address("Message-ID", str(self.msgId)),
                _MULTIPART % boundary,
                *(_fold_repeated(name, value) for name, value in (self.extra_headers or {}).items()),
                b"\r\n--%b\r\n" % boundary,
                _TEXT_PART % _encode_text(self.body or "", eight_bit=self.eight_bit),
                b"\r\n--%b\r\n" % boundary,
                _HTML_PART % _break_lines(html),
                b"\r\n--%b--\r\n" % boundary,
            )
        )

    def _message(self) -> EmailMessage:  # type: ignore[override] # MIMEBase is the older kind of the same thing
        return message_from_bytes(self.as_bytes(), policy=policy.SMTP)


@functools.lru_cache(maxsize=16)
def parse_sender(text: str) -> str:
    """Return the address of a sender, with or without a name; a text without an @ where it is none."""
    return parseaddr(text)[1]


def _fold(name: str, value: str) -> bytes:
    return policy.SMTP.fold_binary(*policy.SMTP.header_store_parse(name, value))


def _fold_address(name: str, value: str) -> bytes:
    """Return the header of an address or a message id. Most have nothing to be quoted, encoded or folded."""
    if len(name) + len(value) + 2 <= MAX_HEADER_CHARACTERS and _PLAIN_ADDRESS.fullmatch(value):
        return f"{name}: {value}\r\n".encode("ascii")
    return _fold(name, value)


_fold_repeated = functools.lru_cache(maxsize=256)(_fold)
"""The same for headers that many letters have alike."""


def _encode_text(text: str, *, eight_bit: bool) -> tuple[bytes, bytes]:
    """Return the transfer encoding of a text, and the text in it."""
    if text.isascii():
        return b"7bit", _break_lines(text.encode("ascii"))
    if eight_bit:
        return b"8bit", _break_lines(text.encode())
    part = EmailMessage(policy=policy.SMTP)
    part.set_content(text, cte="quoted-printable")
    return b"quoted-printable", _break_lines(str(part.get_payload()).encode("ascii"))


def _break_lines(text: bytes) -> bytes:
    return _CRLF.join(text.splitlines()) + _CRLF
