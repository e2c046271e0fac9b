"""Log the service by itself: one line an event, JSON unless it is a terminal in development.

A log never holds a token or a body.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import sys
from typing import Any, TextIO

from flask import Flask

from accounts.config import Settings
from accounts.config_sources import SettingsError
from accounts.core.clock import now
from accounts.extension import get_app_state

REQUEST_LOGGER = "accounts.requests"


def configure_logging(settings: Settings) -> None:
    """Send the log of the process to stderr: colored on a terminal in development, otherwise lines of JSON.

    :raises SettingsError: the extra "server" is not installed.
    """
    try:
        # Of the optional extra "server": a host app has a log of its own.
        import structlog
    except ImportError:
        raise SettingsError("running needs the server extra; install accounts[server]") from None
    shared_processors: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    is_watched = _is_watched_terminal(settings)
    renderer: Any = structlog.dev.ConsoleRenderer() if is_watched else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _is_watched_terminal(settings: Settings) -> bool:
    return settings.env == "development" and sys.stderr.isatty()


_quote = functools.lru_cache(maxsize=1024)(json.dumps)


class DirectRequestLog:
    """Writes one line for each request, with its route and not its URL, which may be a mailed link.

    The same line as by way of ``logging``, which takes several times as long, and with every request that counts.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, *, method: str, route: str | None, status: int, seconds: float, request_id: str) -> None:
        """Write a line about a request that was answered."""
        timestamp = now().isoformat().replace("+00:00", "Z")
        line = self._format_line(method, route, status, round(seconds * 1000, 1), request_id, timestamp)
        # As logging does: a log that is full or closed is no reason to fail a request. One write is one line.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")

    def _format_line(
        self, method: str, route: str | None, status: int, ms: float, request_id: str, timestamp: str
    ) -> str:
        return (
            f'{{"event": "request", "level": "info", "logger": "{REQUEST_LOGGER}", "method": {_quote(method)}, '
            f'"route": {_quote(route)}, "status": {status}, "ms": {ms}, "request_id": "{request_id}", '
            f'"timestamp": "{timestamp}"}}'
        )


class TerminalRequestLog(DirectRequestLog):
    """The same in colors, for a developer who watches."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        import structlog  # of the optional extra, see above

        self._renderer: Any = structlog.dev.ConsoleRenderer()

    def _format_line(
        self, method: str, route: str | None, status: int, ms: float, request_id: str, timestamp: str
    ) -> str:
        said = {"event": "request", "level": "info", "logger": REQUEST_LOGGER, "timestamp": timestamp}
        fields = {"method": method, "route": route, "status": status, "ms": ms, "request_id": request_id}
        return str(self._renderer(None, "info", said | fields))


def log_requests(app: Flask) -> None:
    """Log a line for each request that an app answers."""
    state = get_app_state(app)
    is_watched = _is_watched_terminal(state.site.settings)
    state.request_log = TerminalRequestLog(sys.stderr) if is_watched else DirectRequestLog(sys.stderr)
