"""Tell a developer's browser where the time of a request goes: ``Server-Timing`` (W3C Server Timing, section 3).

In development only. How long a request takes, and how many statements, tells whether an address has an account.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Engine, event

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Timing:
    """What one request has taken so far, in seconds."""

    started: float = field(default_factory=perf_counter)
    statement_started: float = 0.0
    db_seconds: float = 0.0
    statements: int = 0
    render_seconds: float = 0.0

    def header(self) -> str:
        """Return the value of ``Server-Timing``; durations in milliseconds."""
        milliseconds = {"db": self.db_seconds, "render": self.render_seconds, "total": perf_counter() - self.started}
        metrics = {name: f"{name};dur={seconds * 1000:.3f}" for name, seconds in milliseconds.items()}
        return f'{metrics["db"]};desc="{self.statements} statements", {metrics["render"]}, {metrics["total"]}'


_current: ContextVar[Timing | None] = ContextVar("accounts_timing", default=None)


def start_timing() -> Timing:
    """Begin to measure the request of this thread, and return what is measured."""
    timing = Timing()
    _current.set(timing)
    # On the class, and not on the engine of this store: asking for that would make it before anybody needs it.
    if not event.contains(Engine, "before_cursor_execute", _before_statement):
        event.listen(Engine, "before_cursor_execute", _before_statement)
        event.listen(Engine, "after_cursor_execute", _after_statement)
    return timing


def measure_render(build: Callable[P, T]) -> Callable[P, T]:
    """Decorate what makes a page or JSON of an answer."""

    @functools.wraps(build)
    def measured(*args: P.args, **kwargs: P.kwargs) -> T:
        timing, started = _current.get(), perf_counter()
        try:
            return build(*args, **kwargs)
        finally:
            if timing is not None:
                timing.render_seconds += perf_counter() - started

    return measured


def _before_statement(*_: Any) -> None:
    timing = _current.get()
    if timing is not None:
        timing.statement_started = perf_counter()


def _after_statement(*_: Any) -> None:
    timing = _current.get()
    if timing is not None:
        timing.db_seconds += perf_counter() - timing.statement_started
        timing.statements += 1
