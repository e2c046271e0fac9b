"""Work the outbox off: claim an item, have its flow write the email or the callback, deliver it, settle it."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from accounts.core import logout_events, outbox
from accounts.core.audit import address_index
from accounts.core.database import spent, terms
from accounts.core.links.link import get_link
from accounts.core.outbox import Callback, CallResult, Letter, OutboxItem
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.delivery.callbacks import CallbackSender
from accounts.delivery.letters import LetterError, Letters
from accounts.delivery.transports import PermanentFailure, Sender, TransientFailure, Transport
from accounts.flows import CALLBACKS, NOTICES
from accounts.flows.audit import upkeep as audit_upkeep
from accounts.flows.invites import batches
from accounts.flows.shared import grants, mail_log

log = logging.getLogger("accounts.mail")

POLL_SECONDS = 3.0
SWEEP_SECONDS = 3600.0


class Worker:
    """Delivers what is in the outbox of one installation. Several may run at once, in threads or processes.

    A link is signed at the moment its email is written, not when it was asked for: delay does not shorten its
    lifetime, and no token rests in the database. The same goes for callbacks.

    :param only: the purposes that it takes; empty for all.
    :param exclude: purposes that it leaves to other workers.
    """

    def __init__(
        self,
        site: Site,
        letters: Letters,
        transport: Transport,
        callback_sender: CallbackSender,
        *,
        only: Collection[str] = (),
        exclude: Collection[str] = (),
    ) -> None:
        self._site = site
        self._letters = letters
        self._transport = transport
        self._callback_sender = callback_sender
        self._only, self._exclude = only, exclude
        self._wakeup = site.callbacks_due if only else site.mail_due

    def run(self, stop: threading.Event) -> None:
        """Deliver until ``stop`` is set; wait for a database that does not answer."""
        last_sweep, is_woken = -math.inf, False
        while not stop.is_set():
            self._wakeup.clear()
            try:
                if time.monotonic() - last_sweep > SWEEP_SECONDS:
                    self.sweep()
                    last_sweep = time.monotonic()
                if is_woken or self._has_due_item():
                    self.deliver_all(stop)
            except SQLAlchemyError as error:
                log.warning("the store is away: %s", type(error).__name__)
            is_woken = self._wakeup.wait(POLL_SECONDS)

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
        uow = UnitOfWork(self._site)
        try:
            item, composed = self._claim(uow)
            if item is not None:
                self._deliver(uow, item, composed, sender)
        finally:
            uow.close()
        return item is not None

    def _claim(self, uow: UnitOfWork) -> tuple[OutboxItem | None, Letter | Exception | None]:
        """Claim an item and compose its letter, in one transaction: what a key signs is counted before it leaves.

        :returns: the item, and its letter; or the error for which there is none, which must not undo the claim.
        """
        item: OutboxItem | None = None
        try:
            with uow:
                item = outbox.claim_item(uow.executor, purposes=self._only, except_purposes=self._exclude)
                # Not a callback: to sign its token is slow, and the first one makes keys in a transaction of its own.
                return item, None if item is None or item.purpose in CALLBACKS else self._compose(uow, item)
        except SQLAlchemyError:
            if item is not None:
                with uow:
                    outbox.claim_again(uow.executor, item)
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
        except (PermanentFailure, LetterError) as failure:
            self._mark_failed(uow, item, delivery, str(failure), for_good=True)
        except TransientFailure as failure:
            self._mark_failed(uow, item, delivery, str(failure), for_good=False)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 - one email that cannot be written must not hold up the others
            # Its text may quote facts or the link: only the kind of error is kept.
            self._mark_failed(uow, item, delivery, f"cannot be written: {type(error).__name__}", for_good=False)
        else:
            self._mark_delivered(uow, item, delivery, reply)

    def _has_due_item(self) -> bool:
        return outbox.has_due_item(self._site.store.engine, purposes=self._only, except_purposes=self._exclude)

    def sweep(self) -> None:
        """Delete what has expired."""
        spent.delete_expired(self._site.store.engine)
        address_index.clear_old_tags(self._site.store.engine)
        logout_events.delete_old_logouts(self._site.store.engine)
        grants.delete_expired_grants(self._site.store.engine)
        self._site.throttle.delete_expired()
        batches.delete_stale_batches(self._site)
        terms.update_all_terms(self._site.store.engine)
        audit_upkeep.maintain_audit_log(self._site)

    def _compose(self, uow: UnitOfWork, item: OutboxItem) -> Letter | Exception | None:
        try:
            has_link = item.purpose in self._site.links
            compose = get_link(self._site, item.purpose).letter if has_link else NOTICES[item.purpose]
            return compose(uow, item)
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
        with uow:
            if isinstance(delivery, Callback):
                outbox.remove_item(uow.executor, item)
                result = CallResult(confirmed=True, permanent=True, answer=reply or "")
                CALLBACKS[item.purpose].settle(uow, item, result)
            elif item.purpose in CALLBACKS:
                outbox.remove_item(uow.executor, item)
            else:
                mail_log.complete_letter(uow, item, delivery, reply or "")
        log.info("%s %s: %s", item.purpose, item.id, "sent" if delivery else "dropped, its cause is gone")

    def _mark_failed(
        self, uow: UnitOfWork, item: OutboxItem, delivery: Letter | Callback | None, error: str, *, for_good: bool
    ) -> None:
        uow.release()
        with uow:
            if isinstance(delivery, Callback):
                outbox.retry_later(uow.session, item, error, permanent=for_good)
                is_last = outbox.is_last_attempt(item, permanent=for_good)
                result = CallResult(confirmed=False, permanent=is_last, answer=error)
                CALLBACKS[item.purpose].settle(uow, item, result)
            else:
                mail_log.fail_letter(uow, item, delivery, error, permanent=for_good)
        log.warning("%s %s, try %d: %s", item.purpose, item.id, item.attempts, error)
