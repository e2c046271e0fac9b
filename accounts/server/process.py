"""One serving process: its loop, its threads, its connections, and its end."""

from __future__ import annotations

import contextlib
import errno
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from accounts.server.connection import Connection
from accounts.server.cut_off import CutOff
from accounts.server.limits import MAX_HEAD_BYTES, Limits
from accounts.server.request import BodyLimit
from accounts.server.threads import RequestThreads

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

RESERVED_FILES = 24
"""Descriptors that are left to the app: database, temporary files, mail."""
LEAST_CONNECTIONS, FEW_CONNECTIONS = 4, 100
IDLE_GRACE_SECONDS, NEW_GRACE_SECONDS = 0.2, 1.0
"""What clients whose next request may be on its way get at the end, and those who have just connected."""
ACCEPTED_AT_ONCE = 100
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
ANSWER_BYTES = 256 * 1024
"""Of answers that wait for their client in memory; a thread that makes more waits with them."""

log = logging.getLogger("accounts.server")


class ServingProcess(TcpWSGIServer):
    """Answers requests that come in at a listening socket, until SIGTERM or SIGINT.

    :param threads: how many requests are answered at a time.
    :param body_limit: how large the body of a request may be, asked where it is over ``limits.body_bytes``.
    :param drain_seconds: for requests that are under way at the end.
    """

    channel_class = Connection
    active_channels: dict[int, Connection]

    def __init__(
        self,
        app: WSGIApplication,
        listener: socket.socket,
        *,
        threads: int,
        body_limit: BodyLimit,
        drain_seconds: float,
        limits: Limits | None = None,
    ) -> None:
        self.limits, self.body_limit = limits or Limits(), body_limit
        self.cut_off = CutOff()
        self.is_stopping = False
        self._drain_seconds = drain_seconds
        # Of waitress's own limits only that of headers knows what is too much; the others are never met.
        adjustments = Adjustments(
            sockets=[listener],
            backlog=1024,
            connection_limit=1_000_000,
            cleanup_interval=1,
            asyncore_use_poll=True,
            max_request_header_size=MAX_HEAD_BYTES,
            inbuf_overflow=self.limits.body_bytes + 1,
            outbuf_high_watermark=ANSWER_BYTES,
            clear_untrusted_proxy_headers=False,  # the app decides whom it trusts
            ident=None,
        )
        address = (listener.family, listener.type, listener.proto, listener.getsockname())
        self._threads = RequestThreads(threads)
        super().__init__(
            app,
            {},
            _sock=listener,
            dispatcher=self._threads,
            adj=adjustments,
            bind_socket=False,
            sockinfo=address,
        )
        self._most = self._places = self._count_places()

    def stop(self) -> None:
        """Begin the end, from another thread or a signal handler."""
        self.is_stopping = True
        self.pull_trigger()

    def run(self, on_ready: Callable[[], object], on_stop: Callable[[], object]) -> None:  # type: ignore[override] # what is run is a process
        """Serve until the process is told to stop; return when who was let in has been answered.

        :param on_ready: called when requests are accepted.
        :param on_stop: called in a thread when the end begins, and waited for.
        """
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self.stop())
        on_ready()
        while not self.is_stopping:
            self._turn(1)
        end = threading.Thread(target=on_stop, name="accounts-stop")
        end.start()
        self._drain()
        self.cut_off.say(time.time(), len(self.active_channels), at_once=True)
        self._threads.end()
        end.join()
        wasyncore.close_all(self._map)

    def count_soon(self, name: str) -> None:
        """Count a client who was cut off, from another thread."""
        self.trigger.pull_trigger(lambda: self.cut_off.count(name))

    def may_take_large(self) -> bool:
        """Whether there is room for another large body."""
        requests = [each.request for each in self.active_channels.values()]
        return sum(request is not None and request.is_large for request in requests) < self.limits.large_bodies

    # What waitress calls.

    def maintenance(self, now: float) -> None:
        """Look after deadlines."""
        self._places = self._most
        for connection in list(self.active_channels.values()):
            connection.check(now)
        self.cut_off.say(now, len(self.active_channels))

    def readable(self) -> bool:
        """Whether another connection may come in: there is room, or somebody who makes room."""
        return bool(super().readable()) and self._has_room()

    def handle_accept(self) -> None:
        """Let in who waits. One in each turn of the loop would take long, as each turn looks at all who are in."""
        for _ in range(ACCEPTED_AT_ONCE):
            oldest = self._oldest() if len(self.active_channels) >= self._places else None
            if not self._has_room() or not self._accept_one():
                break
            if oldest is not None:
                oldest.make_room()

    def accept(self) -> Any:
        """Return a connection that has come in; None if there is none."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            # Descriptors are fewer than was counted on; the next second looks again.
            self._places = len(self.active_channels)
            if (oldest := self._oldest()) is not None:
                oldest.make_room()
            return None

    def fix_addr(self, addr: Any) -> Any:
        """Return the address of a client without the zone of a link-local one."""
        return (addr[0].partition("%")[0], *addr[1:])

    # The rest.

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, map=self._map, use_poll=True, count=1)

    def _accept_one(self) -> bool:
        before = len(self.active_channels)
        super().handle_accept()
        return len(self.active_channels) > before

    def _has_room(self) -> bool:
        return len(self.active_channels) < self._places or self._oldest() is not None

    def _oldest(self) -> Connection | None:
        """Return who makes room for another: the one idle for longest, else the slowest; None if all work."""
        waiting = [each for each in self.active_channels.values() if each.is_waited_for]
        return min(waiting, key=lambda each: (each.request is not None, each.since), default=None)

    def _drain(self) -> None:
        """Answer who was let in, and close."""
        began = time.time()
        # Whoever is in the queue of the socket has connected already.
        while len(self.active_channels) < self._places and self._accept_one():
            pass
        wasyncore.dispatcher.close(self)
        while self.active_channels:
            self._turn(0.02)
            now = time.time()
            for connection in list(self.active_channels.values()):
                connection.check(now)
                if connection.is_waited_for and connection.request is None:
                    grace = NEW_GRACE_SECONDS if connection.is_new else IDLE_GRACE_SECONDS
                    if now > began + grace:
                        connection.handle_close()
            if now > began + self._drain_seconds:
                log.warning("requests were cut off by the end", extra={"connections": len(self.active_channels)})
                break

    def _count_places(self) -> int:
        """Return how many connections this process may have, with the descriptors that it may have."""
        most = _descriptor_limit()
        if most is None:
            return self.limits.connections
        places = max(LEAST_CONNECTIONS, most - _count_descriptors() - RESERVED_FILES)
        if places < FEW_CONNECTIONS:
            log.warning("few file descriptors", extra={"descriptors": most, "connections_at_most": places})
        return min(places, self.limits.connections)


def _descriptor_limit() -> int | None:
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def _count_descriptors() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return sum(1 for _ in Path(folder).iterdir())
    return RESERVED_FILES


def raise_descriptor_limit(wanted: int) -> None:
    """Let this process and those that it starts have as many descriptors as the system allows, up to ``wanted``."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # not on Windows

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft not in (resource.RLIM_INFINITY, hard) and soft < wanted:
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
