"""One connection: a channel of waitress that is cut off where a deadline is missed."""

from __future__ import annotations

import contextlib
import functools
import socket
import time
from typing import TYPE_CHECKING, Any

from waitress.channel import HTTPChannel
from werkzeug.exceptions import RequestTimeout

from accounts.server.request import Answer, Refusal, Request

if TYPE_CHECKING:
    from accounts.server.process import ServingProcess


class Connection(HTTPChannel):
    """What the loop tells of one connection. All but :meth:`service` runs in the loop."""

    task_class, error_task_class = Answer, Refusal
    server: ServingProcess
    request: Request | None

    def __init__(self, server: ServingProcess, *args: Any, **options: Any) -> None:
        self.parser_class = functools.partial(Request, server)  # type: ignore[assignment] # it is only called
        self.is_new = True
        self._is_unread = False
        self._lingers_until: float | None = None
        super().__init__(server, *args, **options)

    @property
    def is_waited_for(self) -> bool:
        """Whether it is the client's turn to say something."""
        return not (self.requests or self.total_outbufs_len or self.close_when_flushed)

    @property
    def since(self) -> float:
        """When the client's turn began, in seconds since 1970."""
        return self.last_activity if self.request is None else self.request.began

    def service(self) -> None:
        """Answer the first request that is complete; runs in a thread."""
        self._is_unread = bool(self.requests[0].error or self.requests[0].unread)
        super().service()

    def readable(self) -> bool:
        """Whether what comes is wanted."""
        return self._lingers_until is not None or super().readable()

    def received(self, data: bytes) -> bool:
        """Read on, unless nothing that comes can be a request."""
        self.is_new = False
        return self._lingers_until is None and super().received(data)

    def writable(self) -> bool:
        """Whether there is something that the loop has to send.

        A thread sends what it makes, and holds the lock meanwhile: whoever waits with it for the socket to take more
        goes in circles. Above the mark the thread is about to let go of the lock, and to wait for the loop.
        """
        if self.will_close or not self.requests or self.total_outbufs_len > self.adj.outbuf_high_watermark:
            return bool(super().writable())
        if not self.total_outbufs_len or not self.outbuf_lock.acquire(blocking=False):
            return False
        self.outbuf_lock.release()
        return True

    def handle_write(self) -> None:
        """Send; where bytes are unread, close only after the client has had time to read the answer."""
        if self._is_unread and self.close_when_flushed:
            self._flush_exception(self._flush_some)
            if self.socket is not None and not self.will_close and not self.total_outbufs_len:
                with contextlib.suppress(OSError):
                    self.socket.shutdown(socket.SHUT_WR)
                self.close_when_flushed = False
                self._lingers_until = time.time() + self.server.limits.linger_seconds
                return
        super().handle_write()

    def check(self, now: float) -> None:
        """Cut off the client, where a deadline is over."""
        limits = self.server.limits
        if self._lingers_until is not None:
            if now > self._lingers_until:
                self.handle_close()
        elif not self.is_waited_for:
            self._check_answer(now)
        elif self.request is None:
            if now > self.since + (limits.head_seconds if self.is_new else limits.idle_seconds):
                self._cut_off("silent" if self.is_new else None)
        elif now > self.request.due():
            if self.request.headers_finished:
                self._time_out(self.request)
            else:
                self._cut_off("slow_headers")

    def make_room(self) -> None:
        """Hang up for another's sake."""
        self._cut_off("no_room")

    def _check_answer(self, now: float) -> None:
        # How long an answer takes is no fault of the client's, as long as there is nothing to take.
        if self.total_outbufs_len and now > self.last_activity + self.server.limits.stalled_seconds:
            self._cut_off("slow_readers")

    def _time_out(self, request: Request) -> None:
        self.server.cut_off.count("slow_bodies")
        with self.requests_lock:
            request.give_up(RequestTimeout())
            self.requests.append(request)
            self.request, self.sent_continue = None, False
        self.server.add_task(self)

    def _cut_off(self, name: str | None) -> None:
        if name is not None:
            self.server.cut_off.count(name)
        self.handle_close()

    def handle_close(self) -> None:
        """Let go of everything."""
        if self.request is not None:
            self.request.close()
            self.request = None
        super().handle_close()
