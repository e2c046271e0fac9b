"""Say until when a letter may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


class Deadline:
    """A moment of the monotonic clock.

    :param seconds: from now.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock() + seconds

    def within(self, seconds: float) -> Deadline:
        """Return the moment so many seconds from now, or this one if it comes first."""
        return Deadline(min(seconds, self._at - self._clock()), self._clock)

    def seconds_left(self) -> float:
        """Return how long until then.

        :raises TimeoutError: it is over.
        """
        seconds = self._at - self._clock()
        if seconds <= 0:
            raise TimeoutError("timed out")
        return seconds


@dataclass(frozen=True, slots=True)
class LetterTime:
    """Until when a letter may take: its envelope, and all of it."""

    envelope: Deadline
    whole: Deadline

    @classmethod
    def begin(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> LetterTime:
        """Return the time of a letter that begins now."""
        return cls(Deadline(seconds / 2, clock), Deadline(seconds, clock))
