"""Tell load balancers and operators whether the process is alive, ready, and well."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response
from sqlalchemy.exc import SQLAlchemyError

from accounts.core import outbox_claims
from accounts.core.clock import now
from accounts.core.database import schema
from accounts.core.database.schema import NotReady
from accounts.core.database.server_clock import measure_clock_offset
from accounts.core.site import Site, check_site
from accounts.flows.helpdesk.mail_lanes import LateMail, find_late_mail
from accounts.flows.shared import admins
from accounts.web.kit.context import site
from accounts.web.kit.reply import to_json
from accounts.web.kit.routes import HTML, Routes

log = logging.getLogger("accounts.health")
routes: Routes = Routes()

MAX_SILENCE_SECONDS = 150
"""How long a thread that delivers may go without a sign of life: longer than any one letter may take."""
MAX_CLOCK_SECONDS = 30
"""How far the clock may be off the database's: what one process signs, another may find to be of the future."""
RETRY_SECONDS = 5
Reason = Mapping[str, Any]


@routes.get("/health/live", formats=HTML)
def live() -> Response:
    """Tell that the process answers."""
    return Response(to_json({"status": "ok"}), content_type="application/json")


@routes.get("/health/ready", formats=HTML)
def ready() -> Response:
    """Tell whether the process can work (503 where not), and whether letters, threads and clock are well.

    What is wrong is told by codes. The whole reason is in the log, not for strangers.
    """
    here = site()
    try:
        check_site(here)
        health = _measure(here)
    except NotReady as error:
        return _not_ready(here, error)
    except SQLAlchemyError as error:
        return _not_ready(here, schema.not_ready(here.store, error))
    reasons = health.list_reasons()
    status = "degraded" if reasons else "ok"
    codes = [each["code"] for each in reasons]
    here.get(_Teller).tell(status, ", ".join(_describe(each) for each in reasons), codes)
    answer: dict[str, Any] = {"status": status}
    if reasons:
        # Only here: while all is well, the age of the last letter would tell whether an address has an account.
        answer |= {"reasons": reasons, "oldest_due_seconds": health.oldest_due, "threads": health.silences}
    return Response(to_json(answer), content_type="application/json")


@dataclass(frozen=True, slots=True)
class _Health:
    """What was measured of a process that can answer requests, in seconds.

    :ivar oldest_due: how long the oldest letter is due that somebody waits for; None where none is.
    :ivar silences: since the last sign of life of each thread that delivers, by name. Only threads of this process:
        where others deliver, letters that are due tell of them.
    :ivar clock_offset: by how much the clock is ahead of the database's.
    :ivar nobody_decides: people can only ask for accounts, and there is no active admin to ask.
    """

    oldest_due: int | None
    late_mail: Sequence[LateMail]
    silences: Mapping[str, int]
    clock_offset: int
    nobody_decides: bool = False

    def list_reasons(self) -> list[Reason]:
        """Return what is not as it should be."""
        reasons: list[Reason] = []
        for late in self.late_mail:
            lane = {} if late.code == "letters_late" else {"lane": late.lane}
            reasons.append({"code": late.code, **lane, "seconds": late.seconds})
        for name, seconds in self.silences.items():
            if seconds > MAX_SILENCE_SECONDS:
                reasons.append({"code": "thread_silent", "thread": name, "seconds": seconds})
        if abs(self.clock_offset) > MAX_CLOCK_SECONDS:
            reasons.append({"code": "clock_off", "seconds": self.clock_offset})
        if self.nobody_decides:
            reasons.append({"code": "no_admin"})
        return reasons


def _measure(here: Site) -> _Health:
    oldest, moment = outbox_claims.find_oldest_due(here.store.engine), time.time()
    return _Health(
        None if oldest is None else max(0, round((now() - oldest).total_seconds())),
        find_late_mail(here.store.engine),
        {name: max(0, round(moment - beat)) for name, beat in sorted(here.heartbeats.items())},
        round(measure_clock_offset(here.store)),
        here.settings.sign_up == "approval" and not admins.has_admin(here.store),
    )


class _Teller:
    """Tells the log when the state of an installation changes: probes come every few seconds."""

    def __init__(self, here: Site) -> None:
        self._last: tuple[str, ...] = ("ok",)

    def tell(self, status: str, details: str, codes: Sequence[str]) -> None:
        """Write one line where status and codes are others than at the last probe.

        :param details: for the operator.
        """
        state = (status, *codes)
        if state != self._last:
            self._last = state
            log.log(logging.INFO if status == "ok" else logging.WARNING, "%s%s", status, details and f": {details}")


def _not_ready(here: Site, error: NotReady) -> Response:
    here.get(_Teller).tell("not ready", str(error), [error.code])
    return Response(
        to_json({"status": "not ready", "reasons": [{"code": error.code}]}),
        503,
        {"Retry-After": str(RETRY_SECONDS)},
        content_type="application/json",
    )


def _describe(reason: Reason) -> str:
    seconds = " s" if "seconds" in reason else ""
    return " ".join(str(value) for value in reason.values()) + seconds
