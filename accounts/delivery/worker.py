"""Work the outbox off: claim an item, have its flow write the email or the callback, deliver it, settle it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from accounts.core import outbox, outbox_claims
from accounts.core.clock import now
from accounts.core.errors import InvalidInput
from accounts.core.link_errors import DeadLink
from accounts.core.links.link import get_link
from accounts.core.mail_lanes import BULK, CALLS, DIRECT, MAIL_LANES, Lane
from accounts.core.outbox import Callback, Letter, OutboxItem
from accounts.core.outbox_facts import UnreadableItem
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.delivery.callbacks import CallbackSender
from accounts.delivery.echo_headers import make_echo_headers
from accounts.delivery.letters import LetterError, Letters
from accounts.delivery.settling import Settler
from accounts.delivery.survive import survive
from accounts.delivery.transports import PermanentFailure, Sender, TransientFailure, Transport
from accounts.flows import CALLBACKS, NOTICES
from accounts.flows.shared import mail_log

POLL_SECONDS = 1.0
"""Between two looks of a thread that has nothing to do: another process may have put something in."""
RECENT_SECONDS = 5.0
"""After an item of a lane with a rate its next turn is waited for, and not the next look."""
NEW_PURPOSE_GRACE = timedelta(minutes=10)
"""For so long a purpose that is not known here may be that of a newer version, which is just being started."""

_ERRORS_OF_FACTS = (LookupError, TypeError, ValueError, AttributeError, DeadLink, InvalidInput)
"""What is raised over facts that are not as they should be: they will be the same at the next try."""


class ExpiredBeforeSentError(Exception):
    """Raised where the time that a link lives has passed since it was asked for: nobody waits for it any more."""


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
    :param name: of its threads and their heartbeat.
    """

    def __init__(
        self,
        site: Site,
        letters: Letters,
        transport: Transport,
        callback_sender: CallbackSender,
        *,
        lanes: tuple[Lane, ...] = (*MAIL_LANES, CALLS),
        name: str = "mail",
    ) -> None:
        self._site, self._heartbeat = site, name
        self._letters = letters
        self._transport = transport
        self._callback_sender = callback_sender
        self._lanes, self._bulk_per_minute = lanes, site.settings.mail_bulk_per_minute
        # Threads that take no letters somebody waits for must not use up the call to those that do.
        self._wakeup = site.mail_due if DIRECT in lanes else site.callbacks_due if CALLS in lanes else Event()
        self._settler = site.get(Settler)
        self._held: dict[int, HeldItem] = {}
        self._bulk_taken_at = -math.inf

    def list_held(self) -> list[HeldItem]:
        """Return what its threads have claimed and not settled yet."""
        return list(self._held.values())

    def count_held_longer_than(self, seconds: float) -> int:
        """Return how many of its threads have been about one item for longer."""
        moment = time.monotonic()
        return sum(moment - each.since > seconds for each in self.list_held())

    def run(self, is_over: Callable[[], bool]) -> None:
        """Deliver until it is over, whatever happens; wait for a database that does not answer.

        :param is_over: asked before each item.
        """
        while not is_over():
            self._beat()
            with survive(self._heartbeat), self._transport.connect() as sender:
                self._deliver_until(is_over, sender)
            if not is_over():
                self._wakeup.wait(self._seconds_to_next_look())

    def _deliver_until(self, is_over: Callable[[], bool], sender: Sender) -> None:
        """Deliver what is due, and wait for more: over a connection that is kept meanwhile."""
        is_woken = False
        while not is_over():
            self._beat()
            self._wakeup.clear()
            if is_woken or self._has_due_item():
                self._deliver_due(sender, is_over)
            if not is_over():
                is_woken = self._wakeup.wait(self._seconds_to_next_look())

    def _beat(self) -> None:
        self._site.note_heartbeat(self._heartbeat)

    def _seconds_to_next_look(self) -> float:
        is_paced = self._bulk_per_minute and time.monotonic() - self._bulk_taken_at < RECENT_SECONDS
        return min(POLL_SECONDS, 60 / self._bulk_per_minute) if is_paced else POLL_SECONDS

    def deliver_all(self) -> int:
        """Deliver whatever is due now, and return how many items were taken."""
        with self._transport.connect() as sender:
            return self._deliver_due(sender, lambda: False)

    def deliver_one(self) -> bool:
        """Deliver one item that is due, and return True; return False when there is none."""
        with self._transport.connect() as sender:
            return self._deliver_next(sender)

    def _deliver_due(self, sender: Sender, is_over: Callable[[], bool]) -> int:
        delivered = 0
        while not is_over() and self._deliver_next(sender):
            delivered += 1
        return delivered

    def _deliver_next(self, sender: Sender) -> bool:
        self._beat()
        uow = UnitOfWork(self._site)
        try:
            item, composed = self._claim(uow)
            if item is not None:
                if item.lane == BULK:
                    self._bulk_taken_at = time.monotonic()
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
        settler = self._settler
        try:
            if isinstance(composed, Exception):
                raise composed
            delivery = composed
            if item.purpose in CALLBACKS:
                with uow:
                    delivery = CALLBACKS[item.purpose].make(uow, item)
            reply = self._send(item, delivery, sender) if delivery else ""
        except ExpiredBeforeSentError:
            settler.mark_delivered(uow, item, None, "", mail_log.EXPIRED_BEFORE_SENT)
        except (PermanentFailure, LetterError, UnreadableItem) as failure:
            settler.mark_failed(uow, item, delivery, failure, for_good=True)
        except TransientFailure as failure:
            settler.mark_failed(uow, item, delivery, failure, for_good=False)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 - one email that cannot be written must not hold up the others
            # Its text may quote facts or the link: only the kind of error is kept.
            reason = LetterError(f"cannot be written: {type(error).__name__}")
            settler.mark_failed(uow, item, delivery, reason, for_good=isinstance(error, _ERRORS_OF_FACTS))
        else:
            settler.mark_delivered(uow, item, delivery, reply)

    def _has_due_item(self) -> bool:
        return outbox_claims.has_due_item(self._site.store.engine, self._lanes)

    def _compose(self, uow: UnitOfWork, item: OutboxItem) -> Letter | Exception | None:
        try:
            if item.defect:
                raise UnreadableItem(item.defect)
            if item.purpose in self._site.links:
                link = get_link(self._site, item.purpose)
                # What says itself until when it holds (an invitation) is judged by its letter.
                lifetime = self._site.link_signer.lifetime(link)
                if "expires" not in link.carries.model_fields and now() - item.created_at > lifetime:
                    raise ExpiredBeforeSentError
                return link.letter(uow, item)
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
        message.extra_headers = {
            **(message.extra_headers or {}),
            **make_echo_headers(settings.mail_server, message_id),
        }
        return sender.send(message)
