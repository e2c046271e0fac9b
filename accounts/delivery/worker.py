"""Work the outbox off: claim an item, have its flow write the email or the callback, deliver it, settle it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from accounts.core import outbox, outbox_claims
from accounts.core.clock import now
from accounts.core.errors import DeadLink, InvalidInput
from accounts.core.links.link import get_link
from accounts.core.mail_lanes import CALLS, MAIL_LANES, Lane
from accounts.core.outbox import Callback, CallResult, Letter, OutboxItem
from accounts.core.outbox_facts import UnreadableItem
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.delivery.callbacks import CallbackSender
from accounts.delivery.letters import LetterError, Letters
from accounts.delivery.survive import survive
from accounts.delivery.transports import PermanentFailure, RefusesUs, Sender, TransientFailure, Transport
from accounts.flows import CALLBACKS, NOTICES
from accounts.flows.shared import mail_log

log = logging.getLogger("accounts.mail")

POLL_SECONDS = 3.0
SETTLE_ATTEMPTS, SETTLE_PAUSE_SECONDS = 60, 1.0
"""How often it is tried to note that a letter was accepted, and the pause between: or it would go out again."""
NEW_PURPOSE_GRACE = timedelta(minutes=10)
"""For so long a purpose that is not known here may be that of a newer version, which is just being started."""

_ERRORS_OF_FACTS = (LookupError, TypeError, ValueError, AttributeError, DeadLink, InvalidInput)
"""What is raised over facts that are not as they should be: they will be the same at the next try."""


@dataclass(eq=False, slots=True)
class HeldItem:
    """A claimed row that is not settled yet.

    :ivar since: seconds of the monotonic clock when it was claimed.
    :ivar renewed_at: when its lease was renewed last.
    """

    item: OutboxItem
    since: float = field(default_factory=time.monotonic)
    renewed_at: float = field(default_factory=time.monotonic)


class Worker:
    """Delivers what is in the outbox of one installation. Several may run at once, in threads or processes.

    A link is signed at the moment its email is written, not when it was asked for: delay does not shorten its
    lifetime, and no token rests in the database. The same goes for callbacks.

    :param lanes: the lanes that it takes from: from one only where those before it have nothing.
    """

    def __init__(
        self,
        site: Site,
        letters: Letters,
        transport: Transport,
        callback_sender: CallbackSender,
        *,
        lanes: tuple[Lane, ...] = (*MAIL_LANES, CALLS),
    ) -> None:
        self._site = site
        self._letters = letters
        self._transport = transport
        self._callback_sender = callback_sender
        self._lanes, self._bulk_per_minute = lanes, site.settings.mail_bulk_per_minute
        self._wakeup = site.callbacks_due if lanes == (CALLS,) else site.mail_due
        self._heartbeat = "calls" if lanes == (CALLS,) else "mail"
        self._held: dict[int, HeldItem] = {}

    def list_held(self) -> list[HeldItem]:
        """Return what its threads have claimed and not settled yet."""
        return list(self._held.values())

    def count_held_longer_than(self, seconds: float) -> int:
        """Return how many of its threads have been about one item for longer."""
        moment = time.monotonic()
        return sum(moment - each.since > seconds for each in self.list_held())

    def run(self, stop: threading.Event, is_relieved: Callable[[], bool] = lambda: False) -> None:
        """Deliver until ``stop`` is set, whatever happens; wait for a database that does not answer.

        :param is_relieved: ends it as well, once nothing is due.
        """
        is_woken = False
        while not stop.is_set():
            self._beat()
            self._wakeup.clear()
            with survive(self._heartbeat):
                if is_woken or self._has_due_item():
                    self.deliver_all(stop)
            if is_relieved():
                return
            is_woken = self._wakeup.wait(POLL_SECONDS)

    def _beat(self) -> None:
        self._site.heartbeats[self._heartbeat] = time.time()

    def deliver_all(self, stop: threading.Event | None = None) -> int:
        """Deliver whatever is due now, and return how many items were taken.

        :param stop: ends it after the item under way.
        """
        delivered = 0
        with self._transport.connect() as sender:
            while not (stop and stop.is_set()) and self._deliver_next(sender):
                delivered += 1
        return delivered

    def deliver_one(self) -> bool:
        """Deliver one item that is due, and return True; return False when there is none."""
        with self._transport.connect() as sender:
            return self._deliver_next(sender)

    def _deliver_next(self, sender: Sender) -> bool:
        self._beat()
        uow = UnitOfWork(self._site)
        try:
            item, composed = self._claim(uow)
            if item is not None:
                with self._holding(uow, item):
                    self._deliver(uow, item, composed, sender)
        finally:
            uow.close()
        return item is not None

    @contextmanager
    def _holding(self, uow: UnitOfWork, item: OutboxItem) -> Iterator[None]:
        self._held[id(item)] = HeldItem(item)
        try:
            yield
        except BaseException as error:
            # It could not even be noted how it went: the lease would end in seconds, again and again.
            self._put_off(uow, item, error, is_claimed=True)
            raise
        finally:
            del self._held[id(item)]

    def _put_off(self, uow: UnitOfWork, item: OutboxItem, error: BaseException, *, is_claimed: bool) -> None:
        uow.close()
        with survive(self._heartbeat), uow:
            outbox.put_off(uow.session, item, f"failed: {type(error).__name__}", is_claimed=is_claimed)

    def _claim(self, uow: UnitOfWork) -> tuple[OutboxItem | None, Letter | Exception | None]:
        """Claim an item and compose its letter, in one transaction: what a key signs is counted before it leaves.

        :returns: the item, and its letter; or the error for which there is none, which must not undo the claim.
        """
        item: OutboxItem | None = None
        try:
            with uow:
                item = outbox_claims.claim_item(uow.executor, self._lanes, bulk_per_minute=self._bulk_per_minute)
                if item is None or (item.purpose in CALLBACKS and not item.defect):
                    # Not a callback: to sign its token is slow, and the first makes keys in a transaction of its own.
                    return item, None
                return item, self._compose(uow, item)
        except outbox_claims.TurnTaken:
            return None, None
        except BaseException as error:
            if item is not None:
                self._put_off(uow, item, error, is_claimed=False)
            raise

    def _deliver(
        self, uow: UnitOfWork, item: OutboxItem, composed: Letter | Exception | None, sender: Sender
    ) -> None:
        delivery: Letter | Callback | None = None
        try:
            if isinstance(composed, Exception):
                raise composed
            delivery = composed
            if item.purpose in CALLBACKS:
                with uow:
                    delivery = CALLBACKS[item.purpose].make(uow, item)
            reply = self._send(item, delivery, sender) if delivery else None
        except (PermanentFailure, LetterError, UnreadableItem) as failure:
            self._mark_failed(uow, item, delivery, str(failure), for_good=True)
        except TransientFailure as failure:
            if isinstance(failure, RefusesUs):
                log.error("the mail server refuses this service, not the address: %s", failure)
            self._mark_failed(uow, item, delivery, str(failure), for_good=False)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 - one email that cannot be written must not hold up the others
            # Its text may quote facts or the link: only the kind of error is kept.
            reason = f"cannot be written: {type(error).__name__}"
            self._mark_failed(uow, item, delivery, reason, for_good=isinstance(error, _ERRORS_OF_FACTS))
        else:
            self._mark_delivered(uow, item, delivery, reply)

    def _has_due_item(self) -> bool:
        return outbox_claims.has_due_item(self._site.store.engine, self._lanes)

    def _compose(self, uow: UnitOfWork, item: OutboxItem) -> Letter | Exception | None:
        try:
            if item.defect:
                raise UnreadableItem(item.defect)
            if item.purpose in self._site.links:
                return get_link(self._site, item.purpose).letter(uow, item)
            if item.purpose in NOTICES:
                return NOTICES[item.purpose](uow, item)
            if now() - item.created_at < NEW_PURPOSE_GRACE:
                raise TransientFailure("the purpose is not known here, but may be to a newer version")
            raise UnreadableItem("the purpose is not known")
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 - see _deliver, which settles it
            return error

    def _send(self, item: OutboxItem, delivery: Letter | Callback, sender: Sender) -> str:
        if isinstance(delivery, Callback):
            return self._callback_sender.send(delivery)
        settings = self._site.settings
        # From the row's id: a copy sent after a crash between the server's yes and our commit is recognisable.
        message_id = f"<{item.id}@{urlsplit(settings.public_origin).hostname}>"
        message = self._letters.compose(delivery, sender=settings.mail_sender, message_id=message_id)
        return sender.send(message)

    def _mark_delivered(
        self, uow: UnitOfWork, item: OutboxItem, delivery: Letter | Callback | None, reply: str | None
    ) -> None:
        for attempt in range(1, SETTLE_ATTEMPTS + 1):
            try:
                with uow:
                    self._settle(uow, item, delivery, reply or "")
                break
            except SQLAlchemyError as error:
                # It is delivered: as long as that cannot be noted, nothing else could be either.
                if attempt == SETTLE_ATTEMPTS or delivery is None:
                    raise
                log.warning("%s %s: sent, but the store is away: %s", item.purpose, item.id, type(error).__name__)
                time.sleep(SETTLE_PAUSE_SECONDS)
        log.info("%s %s: %s", item.purpose, item.id, "sent" if delivery else "dropped, its cause is gone")

    def _settle(self, uow: UnitOfWork, item: OutboxItem, delivery: Letter | Callback | None, reply: str) -> None:
        if isinstance(delivery, Callback):
            outbox.remove_item(uow.executor, item)
            CALLBACKS[item.purpose].settle(uow, item, CallResult(confirmed=True, permanent=True, answer=reply))
        elif item.purpose in CALLBACKS:
            outbox.remove_item(uow.executor, item)
        else:
            mail_log.complete_letter(uow, item, delivery, reply)

    def _mark_failed(
        self, uow: UnitOfWork, item: OutboxItem, delivery: Letter | Callback | None, error: str, *, for_good: bool
    ) -> None:
        uow.release()
        with uow:
            if isinstance(delivery, Callback):
                is_last = outbox.is_last_attempt(item, permanent=for_good)
                outbox.retry_later(uow.session, item, error, permanent=is_last)
                result = CallResult(confirmed=False, permanent=is_last, answer=error)
                CALLBACKS[item.purpose].settle(uow, item, result)
            else:
                mail_log.fail_letter(uow, item, delivery, error, permanent=for_good)
        log.warning("%s %s, try %d: %s", item.purpose, item.id, item.attempts, error)
