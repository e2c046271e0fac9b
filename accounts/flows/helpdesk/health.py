"""Measure how an installation is, for whoever asks: the probe of a load balancer, what collects metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy.exc import SQLAlchemyError

from accounts.core import mail_lanes, outbox_claims
from accounts.core.clock import now
from accounts.core.database import schema
from accounts.core.database.schema import (
    DATABASE_AWAY,
    DATABASE_BROKEN,
    DATABASE_REPLACED,
    TABLES_NEWER,
    TABLES_OLDER,
    NotReady,
)
from accounts.core.database.server_clock import measure_clock_offset
from accounts.core.mail_lanes import LaneState
from accounts.core.messages import N_
from accounts.core.signing.known_keys import DATABASE_EMPTY, KEYS_UNKNOWN
from accounts.core.site import Site, check_site
from accounts.flows.helpdesk.mail_lanes import LETTERS_LATE, MAIL_LANE_PAUSED, LateMail, judge_late_mail
from accounts.flows.shared import admins

MAX_SILENCE_SECONDS = 150
"""How long a thread that delivers may go without a sign of life: longer than any one letter may take."""
MAX_CLOCK_SECONDS = 30
"""How far the clock may be off the database's: what one process signs, another may find to be of the future."""
THREAD_SILENT, CLOCK_OFF, NO_ADMIN = "thread_silent", "clock_off", "no_admin"
NOT_READY_CODES = (
    DATABASE_AWAY,
    DATABASE_REPLACED,
    DATABASE_BROKEN,
    TABLES_OLDER,
    TABLES_NEWER,
    KEYS_UNKNOWN,
    DATABASE_EMPTY,
)
DEGRADED_CODES = (LETTERS_LATE, MAIL_LANE_PAUSED, THREAD_SILENT, CLOCK_OFF, NO_ADMIN)
REASON_CODES = (*NOT_READY_CODES, *DEGRADED_CODES)
"""All that :meth:`Health.list_reasons` may name."""
REASON_MESSAGES: Mapping[str, str] = {
    LETTERS_LATE: N_("Emails that people are waiting for are late. Check that a worker is running."),
    MAIL_LANE_PAUSED: N_("An email queue has stopped because of the mail server."),
    THREAD_SILENT: N_("A thread that delivers emails has stopped responding."),
    CLOCK_OFF: N_("The clocks of this server and of the database are apart."),
    NO_ADMIN: N_("People can only request accounts, and there is no active admin to decide."),
}
"""Degraded health in words, by code, for admins: where the database cannot be used they see no page."""
Reason = Mapping[str, Any]
Status = Literal["ok", "degraded", "not ready"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was measured, in seconds.

    :ivar not_ready: why the database cannot be used; nothing else is known then.
    :ivar revision: the version of the tables.
    :ivar oldest_due: how long the oldest letter is due that somebody waits for; None where none is.
    :ivar paused_lanes: the lanes of mail that stand still, whoever paused them.
    :ivar late_mail: what should have gone out by now.
    :ivar silences: since the last sign of life of each thread that delivers, by name. Only threads of this process:
        where others deliver, letters that are due tell of them.
    :ivar clock_offset: by how much the clock is ahead of the database's.
    :ivar nobody_decides: people can only ask for accounts, and there is no active admin to ask.
    """

    not_ready: NotReady | None = None
    revision: str = ""
    oldest_due: int | None = None
    paused_lanes: Sequence[LaneState] = ()
    late_mail: Sequence[LateMail] = ()
    silences: Mapping[str, int] = field(default_factory=dict)
    clock_offset: int = 0
    nobody_decides: bool = False

    @property
    def status(self) -> Status:
        """Whether it works, and whether all is well."""
        return "not ready" if self.not_ready else "degraded" if self.list_reasons() else "ok"

    def list_reasons(self) -> list[Reason]:
        """Return what is not as it should be, by codes that anybody may know."""
        if self.not_ready is not None:
            return [{"code": self.not_ready.code}]
        reasons: list[Reason] = []
        for late in self.late_mail:
            lane = {} if late.code == LETTERS_LATE else {"lane": late.lane}
            reasons.append({"code": late.code, **lane, "seconds": late.seconds})
        for name, seconds in self.silences.items():
            if seconds > MAX_SILENCE_SECONDS:
                reasons.append({"code": THREAD_SILENT, "thread": name, "seconds": seconds})
        if abs(self.clock_offset) > MAX_CLOCK_SECONDS:
            reasons.append({"code": CLOCK_OFF, "seconds": self.clock_offset})
        if self.nobody_decides:
            reasons.append({"code": NO_ADMIN})
        return reasons

    def describe(self) -> str:
        """Return what is not as it should be in one line, for the operator."""
        return str(self.not_ready) if self.not_ready else ", ".join(map(_describe_reason, self.list_reasons()))


def measure_health(site: Site) -> Health:
    """Return how an installation is, and this process of it; whatever is wrong with the database is part of that."""
    try:
        return _measure(site, check_site(site))
    except NotReady as error:
        return Health(not_ready=error)
    except SQLAlchemyError as error:
        return Health(not_ready=schema.not_ready(site.store, error))


def _measure(site: Site, revision: str) -> Health:
    engine = site.store.engine
    oldest, paused, moment = outbox_claims.find_oldest_due(engine), mail_lanes.find_lane_states(engine), time.time()
    return Health(
        revision=revision,
        oldest_due=None if oldest is None else max(0, round((now() - oldest).total_seconds())),
        paused_lanes=paused,
        late_mail=judge_late_mail(oldest, paused),
        silences={name: max(0, round(moment - beat)) for name, beat in sorted(site.heartbeats.items())},
        clock_offset=round(measure_clock_offset(site.store)),
        nobody_decides=site.settings.sign_up == "approval" and not admins.has_admin(site.store),
    )


def _describe_reason(reason: Reason) -> str:
    seconds = " s" if "seconds" in reason else ""
    return " ".join(str(value) for value in reason.values()) + seconds
