"""Connect to a mail server with verified TLS, a timeout for every wait, and the server's answer."""

from __future__ import annotations

import re
import smtplib
from email.utils import parseaddr
from types import TracebackType

import flask_mail

from accounts.delivery.message import LetterMessage
from accounts.delivery.tls import TrustAnchors

QUIT_TIMEOUT_SECONDS = 5.0
"""Seconds for the answer to QUIT."""

_PRIVATE = re.compile(r"\S*://\S*|[\w.~%/+=-]{40,}|[^\s<>@]+@[^\s<>@]+")
"""Links, and addresses: what a server says is kept longer than an account may be."""


class _Smtp(smtplib.SMTP):
    """Remembers the answer to DATA, which ``sendmail`` throws away, and whether it came to that."""

    last_reply = ""
    data_begun = False

    def data(self, msg: object) -> tuple[int, bytes]:
        """Send the message, and keep the answer."""
        self.data_begun = True
        code, reply = super().data(msg)  # type: ignore[arg-type] # typeshed's name for it is private
        self.last_reply = format_reply(code, reply)
        # smtplib knows 250 only. Any 2yz is a yes (RFC 5321 4.2.1); as a no it would send the mail twice.
        return (250 if 200 <= code < 300 else code), reply


class _SmtpTls(_Smtp, smtplib.SMTP_SSL):
    """The same over implicit TLS."""


class SmtpConnection(flask_mail.Connection):
    """One connection to the server, for one message after the other.

    :param connect_timeout: seconds for each answer until connected, encrypted and logged in.
    :param send_timeout: seconds for each answer from then on.
    """

    host: _Smtp

    def __init__(
        self,
        mail: flask_mail.Mail,
        anchors: TrustAnchors,
        connect_timeout: float,
        send_timeout: float,
    ) -> None:
        super().__init__(mail)
        self._anchors = anchors
        self._connect_timeout = connect_timeout
        self._send_timeout = send_timeout

    @property
    def data_begun(self) -> bool:
        """Whether the server may have the last message: once DATA was said, only its answer tells."""
        return self.host.data_begun

    @property
    def last_reply(self) -> str:
        """The server's answer to the whole message."""
        return self.host.last_reply

    def configure_host(self) -> _Smtp:
        """Connect; the certificate is verified before user and password are sent.

        :raises OSError: of every kind; smtplib's and ssl's errors are OSErrors.
        """
        server_address, seconds = (self.mail.server, self.mail.port), self._connect_timeout
        host = (
            _SmtpTls(*server_address, timeout=seconds, context=self._anchors.context)
            if self.mail.use_ssl
            else _Smtp(*server_address, timeout=seconds)
        )
        try:
            if self.mail.use_tls:
                host.starttls(context=self._anchors.context)
            if self.mail.username and self.mail.password:
                host.login(self.mail.username, self.mail.password)
            host.ehlo_or_helo_if_needed()
        except BaseException:
            host.close()
            raise
        _set_timeout(host, self._send_timeout)
        return host

    def send(self, message: flask_mail.Message, envelope_from: str | tuple[str, str] | None = None) -> None:
        """Send one message as it is; no signal is sent.

        :raises smtplib.SMTPException: the server refused it, or did not answer.
        """
        self.host.data_begun = False
        eight_bit = self.host.has_extn("8bitmime")
        if isinstance(message, LetterMessage):
            message.eight_bit = eight_bit
        data = message.as_bytes()
        self.host.sendmail(
            parseaddr(str(envelope_from or message.sender))[1],
            [str(address) for address in message.recipients],
            data,
            ["BODY=8BITMIME"] if eight_bit and not data.isascii() else [],
        )

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        # The messages are taken or not by now. A server that dies at QUIT must not turn a yes into a no.
        try:
            _set_timeout(self.host, QUIT_TIMEOUT_SECONDS)
            self.host.quit()
        except OSError:
            self.host.close()


def _set_timeout(host: _Smtp, seconds: float) -> None:
    if host.sock is not None:
        host.sock.settimeout(seconds)


def format_reply(code: int, reply: bytes | str) -> str:
    """Return a server's answer as one line."""
    return scrub(f"{code} {reply.decode('ascii', 'replace') if isinstance(reply, bytes) else reply}")


def scrub(text: str) -> str:
    """Return one printable line without links and addresses: mail filters quote what they dislike."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[:2000]).split())
    return _PRIVATE.sub("[...]", line)[:300]
