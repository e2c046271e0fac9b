"""Count how often PostgreSQL is asked and waited for. libpq's trace tells on Linux only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def count_round_trips(engine: Engine) -> Iterator[Callable[[], int]]:
    """Yield a function that returns how many there were on connections that were taken and given back since."""
    with tempfile.NamedTemporaryFile() as trace:

        def start(driver: Any, record: object, proxy: object) -> None:
            driver.pgconn.trace(os.open(trace.name, os.O_WRONLY | os.O_APPEND))

        def stop(driver: Any, record: object) -> None:
            if driver is not None:
                driver.pgconn.untrace()

        listeners: dict[str, Callable[..., None]] = {"checkout": start, "checkin": stop}
        for name, listener in listeners.items():
            event.listen(engine, name, listener)
        try:
            yield lambda: Path(trace.name).read_text().count("ReadyForQuery")
        finally:
            for name, listener in listeners.items():
                event.remove(engine, name, listener)
