"""Count who was cut off, and say so in one line of the log for all of a while."""

from __future__ import annotations

import logging
from collections import Counter

SECONDS_A_LINE = 10

log = logging.getLogger("accounts.server")


class CutOff:
    """Counts of what went wrong with clients, by its name.

    ``slow_headers``, ``slow_bodies`` and ``slow_readers`` missed a deadline; ``silent`` said nothing at all, as
    browsers do that connect in advance; ``no_room`` were idle or slow for longest when another needed the place;
    ``malformed`` did not speak HTTP.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._said = float("-inf")

    def count(self, name: str) -> None:
        """Count one client."""
        self._counts[name] += 1

    def say(self, now: float, connections: int, *, at_once: bool = False) -> None:
        """Write a line, where there is something to say and the last one is a while ago.

        :param now: in seconds since 1970.
        :param connections: how many there are at this moment.
        """
        if not self._counts or (now - self._said < SECONDS_A_LINE and not at_once):
            return
        level = logging.INFO if set(self._counts) == {"silent"} else logging.WARNING
        log.log(level, "clients were cut off", extra={**self._counts, "connections": connections})
        self._counts.clear()
        self._said = now
