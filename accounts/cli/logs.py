"""Log the service by itself: one line an event, JSON unless it is a terminal in development.

A log never holds a token or a body.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from flask import Flask, g, request
from werkzeug.wrappers import Response

from accounts.config import Settings, SettingsError
from accounts.web.kit import context

log = logging.getLogger("accounts.requests")


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
    is_watched_terminal = settings.env == "development" and sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if is_watched_terminal else structlog.processors.JSONRenderer()
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


def log_requests(app: Flask) -> None:
    """Log one line for each request, with its route and not its URL, which may be a mailed link."""

    @app.before_request
    def begin() -> None:
        g.accounts_began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        started = g.get("accounts_began", time.perf_counter())
        fields = {
            "method": request.method,
            "route": request.url_rule.rule if request.url_rule else None,
            "status": response.status_code,
            "ms": round((time.perf_counter() - started) * 1000, 1),
            "request_id": context.state().request_id,
        }
        log.info("request", extra=fields)
        return response
