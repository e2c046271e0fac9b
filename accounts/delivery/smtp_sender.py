"""Send messages over one connection that is kept while some come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import flask_mail

from accounts.delivery.deadlines import LetterTime
from accounts.delivery.failures import DeliveryError, TimedOut
from accounts.delivery.message import check_message
from accounts.delivery.smtp import SmtpConnection, Timeouts
from accounts.delivery.smtp_errors import explain_error

MAX_MESSAGES_PER_CONNECTION = 100
"""Messages after which the connection is made anew: a balanced server behind one address shall be asked again."""


class SmtpSender:
    """Sends messages by SMTP, one after the other. It connects with the first, and says QUIT at the end of its block.

    Whatever the server refuses, the connection is given up with it. One over which nothing goes for a while is
    closed: servers count them.

    :param make_connection: makes one, given the time of its first letter.
    :param timeouts: how long it waits.
    :param clock: by which it waits.
    """

    def __init__(
        self, make_connection: Callable[[LetterTime], SmtpConnection], timeouts: Timeouts, clock: Callable[[], float]
    ) -> None:
        self._make_connection = make_connection
        self._timeouts, self._clock = timeouts, clock
        self._connection: SmtpConnection | None = None
        self._sent = 0
        self._used_at = clock()
        self._in_use = threading.Lock()
        self._timer: threading.Timer | None = None

    def send(self, message: flask_mail.Message) -> str:
        """Send one message; see :meth:`Sender.send`."""
        check_message(message)
        time = LetterTime.begin(self._timeouts.letter, self._clock)
        with self._in_use:
            try:
                reply = self._send_again(message, time)
                return self._send_first(message, time) if reply is None else reply
            finally:
                self._used_at = self._clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        with self._in_use:
            self._disconnect()

    def _close_when_idle(self) -> None:
        with self._in_use:
            left = self._used_at + self._timeouts.idle - self._clock()
            if self._connection is not None and left <= 0:
                self._disconnect()
            elif self._connection is not None:
                self._look_again_after(left)

    def _look_again_after(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._close_when_idle)
        self._timer.daemon = True
        self._timer.start()

    def _send_again(self, message: flask_mail.Message, time: LetterTime) -> str | None:
        """Send a message over the connection that is there; return None where it is to go over a new one."""
        connection = self._connection
        if connection is None:
            return None
        if self._sent >= MAX_MESSAGES_PER_CONNECTION:
            self._disconnect()
            return None
        connection.begin(time)
        try:
            return self._send_over(connection, message)
        except TimedOut:
            # What is left of its time would not do.
            raise
        except DeliveryError:
            # A server that has had enough of us says so, or hangs up, at any word. Not after DATA: it may have the
            # message, and would get it twice.
            if connection.data_begun:
                raise
            return None

    def _send_first(self, message: flask_mail.Message, time: LetterTime) -> str:
        connection = self._make_connection(time)
        with _explain_errors(connection):
            connection.__enter__()
        self._connection, self._sent = connection, 0
        self._look_again_after(self._timeouts.idle)
        return self._send_over(connection, message)

    def _send_over(self, connection: SmtpConnection, message: flask_mail.Message) -> str:
        try:
            with _explain_errors(connection):
                connection.send(message)
        except BaseException:
            self._disconnect()
            raise
        self._sent += 1
        return connection.last_reply

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.__exit__(None, None, None)
        if self._timer is not None:
            self._timer.cancel()


@contextmanager
def _explain_errors(connection: SmtpConnection) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as error:  # every smtplib and ssl error is an OSError
        raise explain_error(error, connection.step) from None
