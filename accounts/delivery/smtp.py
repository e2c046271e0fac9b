"""Connect to a mail server with verified TLS, a timeout for every wait, and the server's answer."""

from __future__ import annotations

import math
import re
import smtplib
import socket
import time
from dataclasses import dataclass
from email.utils import parseaddr
from types import TracebackType
from typing import Any

import flask_mail

from accounts.delivery.message import LetterMessage
from accounts.delivery.tls import TrustAnchors

QUIT_TIMEOUT_SECONDS = 5.0
"""Seconds for the answer to QUIT."""
MAX_LINE_BYTES, MAX_REPLY_BYTES = 2000, 4 * 1024 * 1024
"""What is kept of a line of an answer, and what a whole answer may have."""

_PRIVATE = re.compile(r"\S*://\S*|[\w.~%/+=-]{40,}|[^\s<>@]+@[^\s<>@]+")
"""Links, and addresses: what a server says is kept longer than an account may be."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How many seconds a mail server may take.

    :ivar connect: for each answer until connected, encrypted and logged in.
    :ivar send: for each answer from then on, but that to the whole message: to hang up on a server that is about to
        take it would send it twice (RFC 5321 4.5.3.2.6), and so that one has all that is left of the letter's time.
    :ivar letter: for a whole letter.
    """

    connect: float
    send: float
    letter: float


class _Smtp(smtplib.SMTP):
    """Ends every answer in time, and remembers the one to DATA, which ``sendmail`` throws away.

    smtplib's own timeout begins anew with every byte. And it hangs up where a line of an answer is too long, with
    an error that looks like a refusal; behind DATA that would send the message twice.
    """

    last_reply = ""
    data_begun = False
    answer_seconds, deadline = 0.0, math.inf
    _message_follows = False

    def getreply(self) -> tuple[int, bytes]:
        """Return the answer to what was said last.

        :raises smtplib.SMTPServerDisconnected: it did not come in time, or the server hung up.
        """
        if self.file is None and self.sock is not None:
            self.file = _Answers(self.sock)
        if isinstance(self.file, _Answers):
            # The greeting is read while it is being made, when nothing but its timeout is set.
            until = time.monotonic() + (self.answer_seconds or self.timeout)
            self.file.begin(self.deadline if self._message_follows else min(until, self.deadline))
        code, reply = super().getreply()
        self._message_follows = code == 354
        return code, reply

    def send(self, s: Any) -> None:
        """Send bytes or text as smtplib does, but not for longer than the letter's time.

        :raises OSError: it takes too long.
        """
        if isinstance(self.sock, socket.socket):
            self.sock.settimeout(_seconds_left(self.deadline, self.answer_seconds))
        super().send(s)

    def data(self, msg: object) -> tuple[int, bytes]:
        """Send the message, and keep the answer."""
        self.data_begun = True
        code, reply = super().data(msg)  # type: ignore[arg-type] # typeshed's name for it is private
        self.last_reply = format_reply(code, reply)
        # smtplib knows 250 only. Any 2yz is a yes (RFC 5321 4.2.1); as a no it would send the mail twice.
        return (250 if 200 <= code < 300 else code), reply


class _Answers:
    """The answers of a server, line by line, as smtplib reads them from a file."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        self._bytes_left = 0
        self._deadline = 0.0

    def begin(self, deadline: float) -> None:
        """Set until when the next answer must be whole, by the monotonic clock."""
        self._deadline, self._bytes_left = deadline, MAX_REPLY_BYTES

    def readline(self, size: int) -> bytes:
        """Return one line, without its middle where it is too long; b"" where the server has hung up.

        :raises OSError: it does not come in time, or without end.
        """
        while b"\n" not in self._buffer:
            self._connection.settimeout(_seconds_left(self._deadline))
            chunk = self._connection.recv(8192)
            self._bytes_left -= len(chunk)
            if self._bytes_left < 0:
                raise OSError("the answer has no end")
            if not chunk:
                break
            self._buffer = self._buffer[:MAX_LINE_BYTES] + chunk
        line, newline, self._buffer = self._buffer.partition(b"\n")
        return line[:MAX_LINE_BYTES] + newline

    def close(self) -> None:
        """Do nothing: the connection is closed by whoever opened it."""


def _seconds_left(deadline: float, most: float = math.inf) -> float:
    seconds = min(most, deadline - time.monotonic())
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


class _SmtpTls(_Smtp, smtplib.SMTP_SSL):
    """The same over implicit TLS."""


class SmtpConnection(flask_mail.Connection):
    """One connection to the server, for one message after the other.

    :param helo: the name that it says it has (RFC 5321 4.1.1.1).
    :param deadline: the end of the first letter's time, by the monotonic clock.
    """

    host: _Smtp

    def __init__(
        self,
        mail: flask_mail.Mail,
        anchors: TrustAnchors,
        helo: str,
        timeouts: Timeouts,
        deadline: float,
    ) -> None:
        super().__init__(mail)
        self._anchors = anchors
        self._helo = helo
        self._timeouts = timeouts
        self._deadline = deadline

    @property
    def deadline(self) -> float:
        """The end of the time of the letter under way, by the monotonic clock."""
        return self._deadline

    @deadline.setter
    def deadline(self, deadline: float) -> None:
        self._deadline = self.host.deadline = deadline

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
        server_address, seconds = (self.mail.server, self.mail.port), self._timeouts.connect
        # Its name is given: smtplib would ask the name server for it, with each connection.
        host = (
            _SmtpTls(*server_address, self._helo, timeout=seconds, context=self._anchors.context)
            if self.mail.use_ssl
            else _Smtp(*server_address, self._helo, timeout=seconds)
        )
        host.answer_seconds, host.deadline = seconds, self._deadline
        try:
            if self.mail.use_tls:
                host.starttls(context=self._anchors.context)
            if self.mail.username and self.mail.password:
                host.login(self.mail.username, self.mail.password)
            host.ehlo_or_helo_if_needed()
        except BaseException:
            host.close()
            raise
        host.answer_seconds = self._timeouts.send
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
            self.host.answer_seconds = QUIT_TIMEOUT_SECONDS
            self.host.deadline = time.monotonic() + QUIT_TIMEOUT_SECONDS
            self.host.quit()
        except OSError:
            self.host.close()


def format_reply(code: int, reply: bytes | str) -> str:
    """Return a server's answer as one line."""
    return scrub(f"{code} {reply.decode('ascii', 'replace') if isinstance(reply, bytes) else reply}")


def scrub(text: str) -> str:
    """Return one printable line without links and addresses: mail filters quote what they dislike."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[:2000]).split())
    return _PRIVATE.sub("[...]", line)[:300]
