"""Serialize one email: Flask-Mail's message, made without an application around it."""

from __future__ import annotations

from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage

from flask_mail import Message


class LetterMessage(Message):
    """A Flask-Mail message with a text and an HTML part that needs no ``app.extensions["mail"]``.

    Lines are left as long as they were written (no soft breaks through a link): the text part is 7bit or
    8bit, the HTML part is ASCII with character references. :attr:`eight_bit` is turned off by a transport whose
    server does not know 8BITMIME (RFC 6152); a text with umlauts is quoted-printable then.
    """

    eight_bit = True

    def _message(self) -> EmailMessage:  # type: ignore[override] # MIMEBase is the older kind of the same thing
        message = EmailMessage(policy=policy.SMTP)
        message["Subject"] = self.subject
        message["From"] = str(self.sender)
        message["To"] = ", ".join(str(address) for address in self.recipients)
        if self.date is not None:
            message["Date"] = datetime.fromtimestamp(self.date, UTC)
        message["Message-ID"] = self.msgId
        text = self.body or ""
        message.set_content(text, cte=_transfer_encoding(text, eight_bit=self.eight_bit))
        if self.html is not None:
            html = self.html.encode("ascii", "xmlcharrefreplace").decode("ascii")
            message.add_alternative(html, subtype="html", cte="7bit")
        # After the parts: making alternatives moves every Content-* header into the first of them.
        for name, value in (self.extra_headers or {}).items():
            message[name] = value
        return message


def _transfer_encoding(text: str, *, eight_bit: bool) -> str:
    if text.isascii():
        return "7bit"
    return "8bit" if eight_bit else "quoted-printable"
