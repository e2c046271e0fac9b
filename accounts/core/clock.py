"""Tell the time; nothing else in the package asks for it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

LEEWAY = timedelta(seconds=60)
"""How far apart the clocks of two processes may be before a token signed by one is refused by the other."""


def now() -> datetime:
    """Return the current moment, aware, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


def format_timestamp(moment: datetime) -> str:
    """Return a moment as JSON has it: RFC 3339 in UTC, in whole seconds."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
