"""Connect to a mail server with verified TLS, a timeout for every wait, and the server's answer."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import flask_mail

from accounts.config_sender import parse_sender
from accounts.core.foreign_text import scrub
from accounts.delivery.deadlines import Deadline, LetterTime
from accounts.delivery.failures import Step
from accounts.delivery.message import LetterMessage
from accounts.delivery.tls import TrustAnchors

QUIT_TIMEOUT_SECONDS = 5.0
"""Seconds for the answer to QUIT."""
MAX_LINE_BYTES, MAX_REPLY_BYTES = 2000, 4 * 1024 * 1024
"""What is kept of a line of an answer, and what a whole answer may have."""

MAX_SHOWN_CHARACTERS = 300
"""What admins are shown of it."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How many seconds a mail server may take.

    :ivar connect: for each answer until connected, encrypted and logged in.
    :ivar send: for each answer from then on, but that to the whole message.
    :ivar letter: for a whole letter, connecting included. Half of it is kept for the answer to the whole message: to
        hang up on a server that is about to take it would send it twice (RFC 5321 4.5.3.2.6). So a server that is
        slow at every word is given up before it has the message.
    :ivar idle: until a connection over which nothing is sent is closed.
    """

    connect: float
    send: float
    letter: float
    idle: float = 15.0


_STEPS: Mapping[str, Step] = {
    "ehlo": "ehlo", "helo": "ehlo", "starttls": "starttls", "auth": "auth",
    "mail": "mail", "rcpt": "rcpt", "data": "data",
}  # fmt: skip


class _Smtp(smtplib.SMTP):
    """Ends every answer in time, and remembers the one to DATA, which ``sendmail`` throws away.

    smtplib's own timeout begins anew with every byte. And it hangs up where a line of an answer is too long, with
    an error that looks like a refusal; behind DATA that would send the message twice.

    :ivar step: what was said last.
    :ivar time: of the letter under way.
    :ivar answer_seconds: for each answer.
    """

    last_reply = ""
    data_begun = False
    step: Step = "connect"
    _message_follows = False

    def __init__(
        self, time: LetterTime, answer_seconds: float, server: tuple[str, int], helo: str, **more: Any
    ) -> None:
        # Before the rest: it connects, and reads the greeting.
        self.time, self.answer_seconds = time, answer_seconds
        # The name is given: smtplib would ask the name server for it, with each connection.
        super().__init__(*server, helo, timeout=answer_seconds, **more)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection: socket.socket = super()._get_socket(  # type: ignore[misc] # typeshed has no private methods
            host, port, self.time.envelope.within(timeout).seconds_left()
        )
        return connection

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Say a command, and remember which."""
        # What is said within a log-in is none.
        self.step = _STEPS.get(cmd.lower(), self.step)
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """Return the answer to what was said last.

        :raises smtplib.SMTPServerDisconnected: it did not come in time, or the server hung up.
        """
        if self.file is None and self.sock is not None:
            self.file = _Answers(self.sock)
        if isinstance(self.file, _Answers):
            time = self.time
            self.file.begin(time.whole if self._message_follows else time.envelope.within(self.answer_seconds))
        code, reply = super().getreply()
        self._message_follows = code == 354
        return code, reply

    def send(self, s: Any) -> None:
        """Send bytes or text as smtplib does, but not for longer than the letter's time.

        :raises OSError: it takes too long.
        """
        if isinstance(self.sock, socket.socket):
            deadline = self.time.whole if self._message_follows else self.time.envelope
            self.sock.settimeout(deadline.within(self.answer_seconds).seconds_left())
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
        self._deadline = Deadline(0.0)

    def begin(self, deadline: Deadline) -> None:
        """Set until when the next answer must be whole."""
        self._deadline, self._bytes_left = deadline, MAX_REPLY_BYTES

    def readline(self, size: int) -> bytes:
        """Return one line, without its middle where it is too long; b"" where the server has hung up.

        :raises OSError: it does not come in time, or without end.
        """
        while b"\n" not in self._buffer:
            self._connection.settimeout(self._deadline.seconds_left())
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


class _SmtpTls(_Smtp, smtplib.SMTP_SSL):
    """The same over implicit TLS."""


class SmtpConnection(flask_mail.Connection):
    """One connection to the server, for one message after the other.

    :param helo: the name that it says it has (RFC 5321 4.1.1.1).
    :param time: of the first letter.
    """

    host: _Smtp | None = None

    def __init__(
        self, mail: flask_mail.Mail, anchors: TrustAnchors, helo: str, timeouts: Timeouts, time: LetterTime
    ) -> None:
        super().__init__(mail)
        self._anchors = anchors
        self._helo = helo
        self._timeouts = timeouts
        self._time = time

    def begin(self, time: LetterTime) -> None:
        """Begin a further letter over this connection."""
        host = self._connected()
        host.time, host.data_begun = time, False

    @property
    def step(self) -> Step:
        """What was said last."""
        return "connect" if self.host is None else self.host.step

    @property
    def data_begun(self) -> bool:
        """Whether the server may have the last message: once DATA was said, only its answer tells."""
        return self.host is not None and self.host.data_begun

    @property
    def last_reply(self) -> str:
        """The server's answer to the whole message."""
        return self._connected().last_reply

    def _connected(self) -> _Smtp:
        if self.host is None:
            raise RuntimeError("a connection is used inside its block")
        return self.host

    def configure_host(self) -> _Smtp:
        """Connect; the certificate is verified before user and password are sent.

        :raises OSError: of every kind; smtplib's and ssl's errors are OSErrors.
        """
        common = self._time, self._timeouts.connect, (self.mail.server, self.mail.port), self._helo
        host = _SmtpTls(*common, context=self._anchors.context) if self.mail.use_ssl else _Smtp(*common)
        # Known before it is ready: how far it has come is told by its step.
        self.host = host
        try:
            if self.mail.use_tls:
                host.starttls(context=self._anchors.context)
            if self.mail.username and self.mail.password:
                _log_in(host, self.mail.username, self.mail.password)
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
        host = self._connected()
        eight_bit = host.has_extn("8bitmime")
        if isinstance(message, LetterMessage):
            message.eight_bit = eight_bit
        data = message.as_bytes()
        host.sendmail(
            parse_sender(str(envelope_from or message.sender))[1],
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
        host = self._connected()
        try:
            host.answer_seconds, host.time = QUIT_TIMEOUT_SECONDS, LetterTime.begin(2 * QUIT_TIMEOUT_SECONDS)
            host.quit()
        except OSError:
            host.close()


def _log_in(host: smtplib.SMTP, username: str, password: str) -> None:
    """Log in.

    :raises smtplib.SMTPException: the server refuses, or asks for something that cannot be understood.
    :raises UnicodeError: name or password cannot be said.
    """
    try:
        host.login(username, password)
    except UnicodeError:
        raise
    except ValueError as error:
        # A challenge that is no base64, or hashing by MD5 that this machine does not do. A letter is not to blame.
        raise smtplib.SMTPException(f"the log-in that the server asks for cannot be done: {error}") from None


def format_reply(code: int, reply: bytes | str) -> str:
    """Return a server's answer as one line."""
    text = reply.decode("ascii", "replace") if isinstance(reply, bytes) else reply
    return scrub(f"{code} {text}", MAX_SHOWN_CHARACTERS)
