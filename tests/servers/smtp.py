"""A real SMTP server that keeps what it is given, and that can be told to misbehave at each verb.

with SmtpSink() as sink:
    ...  # send to sink.host, sink.port
    [mail] = sink.wait_for(to="anna@example.com")
    [link] = received.links(mail.message)

sink.misbehave("RCPT", "451 4.3.0 try again later", times=1)
sink.misbehave("BODY", HANG)
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import functools
import logging
import ssl
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from email.policy import SMTP as SMTP_POLICY
from itertools import count
from types import TracebackType
from typing import Any, Final, Literal, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.received import CUT, Received

HANG: Final = "hang"
DISCONNECT: Final = "disconnect"

Verb = Literal["CONNECT", "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BODY", "ACCEPTED", "QUIT"]
"""Where to misbehave. CONNECT is before the greeting; BODY after the final dot, the mail is not kept; ACCEPTED
as well, but the mail *is* kept: what a sender sees when its server dies between delivery and answer."""


@dataclass(slots=True)
class _Fault:
    answer: str
    left: int | None  # how often still; None: until told otherwise


class SmtpSink:
    """An SMTP server on a free loopback port, in a thread of its own.

    ``tls`` is "none", "starttls" (required, RFC 3207) or "tls" (from the first byte, RFC 8314) and then needs
    ``context``. With ``login`` (name, password) a sender must sign in first. For ``pause`` seconds it has a mail
    already, and has not said so yet.
    """

    host: Final = "127.0.0.1"

    def __init__(
        self,
        *,
        tls: Literal["none", "starttls", "tls"] = "none",
        context: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        pause: float = 0.0,
    ) -> None:
        self.messages: list[Received] = []
        self.port = 0
        self.connections = 0
        """How many there were so far."""
        self._tls = tls
        self._context = context
        self._login = login
        self._pause = pause
        self.may_answer = threading.Event()
        """While it is not set, what comes is kept and nothing is said about it."""
        self.may_answer.set()
        self._places = count(1)
        self._faults: dict[str, _Fault] = {}
        self._arrived = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="smtp-sink", daemon=True)
        self.open_connections: set[asyncio.WriteTransport] = set()

    def misbehave(self, verb: Verb, answer: str, *, times: int | None = None) -> None:
        """Answer ``verb`` with an SMTP line such as "550 no such user", HANG or DISCONNECT, ``times`` times."""
        self._faults[verb] = _Fault(answer, times)

    def is_awaited(self, verb: Verb) -> bool:
        """Whether a misbehaviour at ``verb`` is still to come."""
        return verb in self._faults and self._faults[verb].left != 0

    def behave(self) -> None:
        """Forget every misbehaviour. Connections that hang go on hanging."""
        self._faults.clear()

    def hang_up(self) -> None:
        """Break all connections, those that hang included."""
        self._loop.call_soon_threadsafe(self._abort_connections)

    def _abort_connections(self) -> None:
        for transport in list(self.open_connections):
            # Python 3.11.2 forgets the protocol of an encrypted one that is closed twice, and abort() fails then.
            with contextlib.suppress(AttributeError):
                transport.abort()

    def wait_for(
        self, *, to: str | None = None, subject: str | None = None, count: int = 1, timeout: float = 60
    ) -> list[Received]:
        """Block until ``count`` mails to this address, with these words in the subject, have come; return them.

        Raises ``TimeoutError`` after ``timeout`` seconds without any mail, naming what has come instead.
        """

        def fitting() -> list[Received]:
            return [mail for mail in self.messages if mail.fits(to, subject)]

        # Not Condition.wait_for: its deadline would follow a clock that a test may have moved or stopped.
        with self._arrived:
            found, waits = fitting(), round(timeout / 0.05)
            while len(found) < count and waits:
                # A mail to somebody else ends a wait early, and takes nothing from the time.
                waits -= not self._arrived.wait(0.05)
                found = fitting()
            if len(found) >= count:
                return found
            seen = [(mail.recipients, str(mail.message["Subject"])) for mail in self.messages]
        raise TimeoutError(f"{len(found)} of {count} mails came for {to=} {subject=}; all that came: {seen}")

    def clear(self) -> None:
        """Forget the mails kept so far."""
        with self._arrived:
            self.messages.clear()

    def __enter__(self) -> Self:
        # Its debug lines repeat whole mails, and a test of our own log would find live links there.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        self._thread.start()
        opening = self._loop.create_server(
            lambda: _Connection(self), self.host, 0, ssl=self._context if self._tls == "tls" else None
        )
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _close(self) -> None:
        self._server.close()
        self._abort_connections()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)

    def _fault(self, verb: str) -> str | None:
        fault = self._faults.get(verb)
        if fault is None or fault.left == 0:
            return None
        if fault.left is not None:
            fault.left -= 1
        return fault.answer

    def _keep(self, mail: Received) -> None:
        mail.came = next(self._places)
        with self._arrived:
            self.messages.append(mail)
            self._arrived.notify_all()

    def _check_login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        given = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode())
        # handled=False lets aiosmtpd answer 535 itself.
        return AuthResult(success=given == self._login, handled=False, auth_data=given and given[0])


class _Handler:
    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink

    async def handle_DATA(  # noqa: N802 - aiosmtpd finds it by this name
        self, server: _Connection, session: Session, envelope: Envelope
    ) -> str:
        if (answer := await server.misbehaves("BODY")) is not None:
            return answer
        raw = envelope.original_content
        assert raw is not None
        message = email.message_from_bytes(raw, policy=SMTP_POLICY)
        signed_in: object = session.auth_data
        user = signed_in if isinstance(signed_in, str) else None
        sender, recipients = envelope.mail_from or "", tuple(envelope.rcpt_tos)
        mail = Received(message, sender, recipients, server.encrypted, user, session.host_name or "", raw)
        server.unanswered = mail
        self._sink._keep(mail)
        await asyncio.sleep(self._sink._pause)
        while not self._sink.may_answer.is_set():  # noqa: ASYNC110 - it is set by another thread
            await asyncio.sleep(0.005)
        return await server.misbehaves("ACCEPTED") or "250 2.0.0 kept"


class _Connection(SMTP):
    def __init__(self, sink: SmtpSink) -> None:
        super().__init__(
            _Handler(sink),
            hostname="sink.example",
            enable_SMTPUTF8=True,
            tls_context=sink._context if sink._tls == "starttls" else None,
            require_starttls=sink._tls == "starttls",
            auth_required=sink._login is not None,
            authenticator=sink._check_login,
            loop=sink._loop,
        )
        # With TLS from the first byte aiosmtpd does not know that the line is encrypted, and told so early it warns.
        self._auth_require_tls = sink._tls == "starttls"
        self._sink = sink
        self.unanswered: Received | None = None
        self._smtp_methods = {
            verb: functools.partial(self._perform, verb, method) for verb, method in self._smtp_methods.items()
        }

    @property
    def encrypted(self) -> bool:
        return self._sink._tls == "tls" or self._tls_protocol is not None

    async def misbehaves(self, verb: str) -> str | None:
        """The answer to give instead of the right one, if any; hangs or disconnects if so told."""
        answer = self._sink._fault(verb)
        if answer == HANG:
            await asyncio.Event().wait()
        if answer == DISCONNECT:
            self._line.abort()
            # As if the client had gone: aiosmtpd then answers nothing more.
            raise asyncio.CancelledError
        return answer

    async def push(self, status: Any) -> None:
        self._end_unanswered(status if isinstance(status, str) else status.decode())
        await super().push(status)

    def _end_unanswered(self, answer: str) -> None:
        """Note how what has come over it ended: with this answer, if there is still somebody to hear it."""
        if (mail := self.unanswered) is not None:
            mail.answer, mail.ended = CUT if self._line.is_closing() else answer, next(self._sink._places)
        self.unanswered = None

    def eof_received(self) -> bool | None:
        # A sender that dies sends this; aiosmtpd then answers nothing more.
        self._end_unanswered(CUT)
        return super().eof_received()

    async def _perform(
        self, verb: str, method: Callable[[str | None], Coroutine[Any, Any, None]], argument: str | None
    ) -> None:
        if (answer := await self.misbehaves(verb)) is not None:
            await self.push(answer)
        else:
            await method(argument)

    async def _handle_client(self) -> None:
        if (answer := await self.misbehaves("CONNECT")) is not None:
            await self.push(answer)
            self._writer.close()
            return
        await super()._handle_client()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # After STARTTLS this is called again, with the encrypted one: to hang up, the line itself is needed.
        if self.transport is None:
            assert isinstance(transport, asyncio.WriteTransport)
            self._line = transport
            self._sink.connections += 1
            self._sink.open_connections.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._end_unanswered(CUT)
        self._sink.open_connections.discard(self._line)
        super().connection_lost(error)
