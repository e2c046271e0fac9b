"""Keep a thread alive whatever is raised in it."""

from __future__ import annotations

import contextlib
import logging
from types import TracebackType

from sqlalchemy.exc import OperationalError

log = logging.getLogger("accounts.mail")


class survive:  # noqa: N801 - read as a statement: ``with survive("mail"):``
    """Around what a thread does again and again: whatever is raised inside is logged, and ends there.

    A thread that ended would be missed by nobody: requests are answered, and letters stay where they are.
    Neither SystemExit out of a host's code nor MemoryError may end it; what stops it is its event.

    :param what: names the thread in the log.
    :ivar failed: whether something was raised.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self.failed = False

    def __enter__(self) -> survive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self.failed = True
            # To say so may fail as well, where there is no memory or no room for the log.
            with contextlib.suppress(BaseException):
                self._report(error)
        return True

    def _report(self, error: BaseException) -> None:
        if isinstance(error, OperationalError):
            log.warning("%s: the store is away: %s", self._what, type(error).__name__)
            return
        # Where, and not what it says: its text may quote an address or a link.
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = "" if frame is None else f" at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
        log.error("%s: failed and goes on: %s%s", self._what, type(error).__name__, place)
