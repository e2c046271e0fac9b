"""Note what became of a claimed item, and pause the lane where not the letter has failed but all would."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from accounts.core import mail_lanes, outbox
from accounts.core.mail_lanes import MAIL_LANES, REFUSED_STEP, SLOW, Lane
from accounts.core.outbox import Callback, CallResult, Letter, OutboxItem
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.delivery.failures import STEPS_BEFORE_RECIPIENT, DeliveryError, RefusesUs, TimedOut
from accounts.delivery.refusals import RefusalWatch
from accounts.flows import CALLBACKS
from accounts.flows.helpdesk import mail_lanes as lane_acts
from accounts.flows.shared import mail_log

log = logging.getLogger("accounts.mail")

SETTLE_ATTEMPTS, SETTLE_PAUSE_SECONDS = 60, 1.0
"""How often it is tried to note that a letter was accepted, and the pause between: or it would go out again."""
AWAY_AFTER = 3
"""Letters in a row for which the mail server could not be reached, until the others of the lane wait, too."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a lane is to be paused, and with which of its waits it begins."""

    reason: str
    step: int = REFUSED_STEP


class LaneWatch:
    """Watches how it goes with the letters of one lane. Safe in threads."""

    def __init__(self) -> None:
        self._refusals = RefusalWatch()
        self._lock = threading.Lock()
        self._unreachable = 0

    def note(self, recipient: str, error: DeliveryError | None) -> Pause | None:
        """Note how it went with a letter, and return why the lane is to be paused; None where it is not."""
        is_away = error is not None and error.step == "connect" and not isinstance(error, RefusesUs)
        with self._lock:
            if error is None or error.step is not None:
                self._unreachable = self._unreachable + 1 if is_away else 0
            if self._unreachable >= AWAY_AFTER:
                return Pause(f"{lane_acts.SERVER_AWAY}: {error}", step=0)
        reason = self._refusals.note(recipient.rpartition("@")[2], error)
        return Pause(reason) if reason else None

    def is_known(self, recipient: str, error: DeliveryError) -> bool:
        """Return whether a refusal tells nothing that is not known; see :meth:`RefusalWatch.is_known`."""
        return self._refusals.is_known(recipient.rpartition("@")[2], error)


class Settler:
    """Settles claimed items. One for all threads of a process: ``site.get(Settler)``."""

    def __init__(self, site: Site) -> None:
        self._meters = site.meters
        self._watches: dict[Lane, LaneWatch] = {lane: LaneWatch() for lane in MAIL_LANES}

    def mark_delivered(
        self, uow: UnitOfWork, item: OutboxItem, delivery: Letter | Callback | None, reply: str, why: str = ""
    ) -> None:
        """Note that an item was delivered, or that there is nothing to deliver.

        :param why: nothing is; "" where that is to be found out.
        """
        for attempt in range(1, SETTLE_ATTEMPTS + 1):
            try:
                with uow:
                    self._settle(uow, item, delivery, reply, why)
                break
            except SQLAlchemyError as error:
                # It is delivered: as long as that cannot be noted, nothing else could be either.
                if attempt == SETTLE_ATTEMPTS or delivery is None:
                    raise
                log.warning("%s %s: sent, but the store is away: %s", item.purpose, item.id, type(error).__name__)
                time.sleep(SETTLE_PAUSE_SECONDS)
        self._meters.note_delivery(item.lane, "sent" if delivery else "dropped")
        outcome = "sent" if delivery else f"dropped, {why or 'its cause is gone'}"
        log.info("%s %s: %s", item.purpose, item.id, outcome)

    def _settle(
        self, uow: UnitOfWork, item: OutboxItem, delivery: Letter | Callback | None, reply: str, why: str
    ) -> None:
        if isinstance(delivery, Callback):
            outbox.remove_item(uow.executor, item)
            CALLBACKS[item.purpose].settle(uow, item, CallResult(confirmed=True, permanent=True, answer=reply))
        elif item.purpose in CALLBACKS:
            outbox.remove_item(uow.executor, item)
        else:
            mail_log.complete_letter(uow, item, delivery, reply, why=why)
            if delivery is not None:
                self._watches[item.lane].note(delivery.to, None)
                if item.is_try:
                    self._resume(uow, item)

    def mark_failed(
        self,
        uow: UnitOfWork,
        item: OutboxItem,
        delivery: Letter | Callback | None,
        error: Exception,
        *,
        for_good: bool,
    ) -> None:
        """Note that an item was not delivered: it is tried again, or given up; and what that means for its lane.

        :param error: its text is kept.
        :param for_good: whether it is not tried again.
        """
        uow.release()
        with uow:
            if isinstance(delivery, Callback):
                is_last = outbox.is_last_attempt(item, permanent=for_good)
                outbox.retry_later(uow.session, item, str(error), permanent=is_last)
                result = CallResult(confirmed=False, permanent=is_last, answer=str(error))
                CALLBACKS[item.purpose].settle(uow, item, result)
            else:
                is_last = self._fail_letter(uow, item, delivery, error, for_good=for_good)
        self._meters.note_delivery(item.lane, "failed" if is_last else "put_off")
        log.warning("%s %s, try %d: %s", item.purpose, item.id, item.attempts, error)

    def _fail_letter(
        self, uow: UnitOfWork, item: OutboxItem, letter: Letter | None, error: Exception, *, for_good: bool
    ) -> bool:
        """Note that a letter has failed, and return whether it is given up."""
        failure = error if isinstance(error, DeliveryError) and letter is not None else None
        if isinstance(error, RefusesUs):
            log.error("the mail server refuses this service, not the address: %s", error)
        watch = self._watches.get(item.lane) if failure and letter else None
        is_known = bool(item.is_try and watch and failure and letter and watch.is_known(letter.to, failure))
        pause = watch.note(letter.to, failure) if watch and letter and not is_known else None
        is_before = failure is not None and failure.step in STEPS_BEFORE_RECIPIENT
        # A letter that has shown nothing but that its lane stands still goes first when that goes on.
        at_once = pause is not None or (item.is_try and is_before)
        lane = SLOW if isinstance(error, TimedOut) and not at_once else None
        is_last = for_good or outbox.is_too_old(item)
        mail_log.fail_letter(uow, item, letter, str(error), permanent=for_good, lane=lane, at_once=at_once)
        if pause is not None:
            if lane_acts.pause_lane(uow, item.lane, pause.reason, step=pause.step):
                log.error("mail of the lane %s is paused: %s", item.lane, pause.reason)
        elif is_known:
            mail_lanes.return_turn(uow.executor, item.lane)
        elif item.is_try and failure and failure.step and not is_before and not isinstance(failure, RefusesUs):
            # The server takes letters from us; it is this one that it does not like.
            self._resume(uow, item)
        return is_last

    def _resume(self, uow: UnitOfWork, item: OutboxItem) -> None:
        if lane_acts.resume_lane(uow, item.lane):
            log.warning("mail of the lane %s goes on", item.lane)
