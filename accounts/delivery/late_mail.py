"""Tell the log when letters that somebody waits for do not go out, and when they go again."""

from __future__ import annotations

import logging
import time

from accounts.core.site import Site
from accounts.flows.helpdesk.mail_lanes import find_late_mail

log = logging.getLogger("accounts.mail")

LOOK_SECONDS, REPEAT_SECONDS = 30.0, 600.0
"""Between two looks; and between two lines while nothing has changed."""


class LateMailTeller:
    """Tells of it once it is so, again every ten minutes, and when it is over."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._look_at = 0.0
        self._told_at: float | None = None

    def tell(self) -> None:
        """Look if it is time for that, and write a line where there is something to tell."""
        moment = time.monotonic()
        if moment < self._look_at:
            return
        self._look_at = moment + LOOK_SECONDS
        late = find_late_mail(self._site.store.engine)
        if late and (self._told_at is None or moment - self._told_at >= REPEAT_SECONDS):
            self._told_at = moment
            reasons = [f"{each.code} {each.lane} for {each.seconds} s" for each in late]
            log.warning("mail is late: %s; see: accounts mail list", ", ".join(reasons))
        elif not late and self._told_at is not None:
            self._told_at = None
            log.warning("mail goes out again")
