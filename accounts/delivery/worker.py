"""The worker of the post: claims an intent, has its flow write the letter or the call, carries it, settles it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from accounts.core import logout_events, outbox
from accounts.core.audit import address_index
from accounts.core.database import spent
from accounts.core.outbox import Callback, CallResult, Letter, OutboxItem
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.delivery.callbacks import Caller
from accounts.delivery.letters import Letters, UnfitLetter
from accounts.delivery.transports import Carrier, CarrierFailed, CarrierRefused
from accounts.flows import CALLS, NOTICES
from accounts.flows.audit import upkeep as audit_upkeep
from accounts.flows.invites import batches
from accounts.flows.shared import grants, mail_log

log = logging.getLogger("accounts.mail")

POLL_SECONDS = 3.0
SWEEP_SECONDS = 3600.0


class Worker:
    """Delivers what is in the outbox of one installation. Several may run at once, in threads or processes.

    A link is signed at the moment its letter is written, not when it was asked for: delay does not eat its life,
    and no token rests in the database. The same goes for what other programs are told.

    :param only: purposes that it takes, where any are named; ``but``: purposes that it leaves to others.
    """

    def __init__(
        self,
        house: Site,
        letters: Letters,
        carrier: Carrier,
        caller: Caller,
        *,
        only: Collection[str] = (),
        but: Collection[str] = (),
    ) -> None:
        self._house = house
        self._letters = letters
        self._carrier = carrier
        self._caller = caller
        self._only, self._but = only, but
        self._due = house.callbacks_due if only else house.mail_due

    def run(self, stop: threading.Event) -> None:
        """Deliver until ``stop`` is set; a store that is away is waited for."""
        swept = 0.0
        while not stop.is_set():
            self._due.clear()
            try:
                if time.monotonic() - swept > SWEEP_SECONDS:
                    self.sweep()
                    swept = time.monotonic()
                while not stop.is_set() and self.deliver_one():
                    pass
            except SQLAlchemyError as wrong:
                log.warning("the store is away: %s", type(wrong).__name__)
            self._due.wait(POLL_SECONDS)

    def deliver_all(self) -> int:
        """Deliver whatever is due now; how many intents were taken."""
        taken = 0
        while self.deliver_one():
            taken += 1
        return taken

    def deliver_one(self) -> bool:
        """Take one intent that is due and see it through; False when there is none."""
        intent = outbox.claim_item(self._house.store.engine, purposes=self._only, except_purposes=self._but)
        if intent is None:
            return False
        uow = UnitOfWork(self._house)
        written: Letter | Callback | None = None
        try:
            with uow:
                written = self._write(uow, intent)
            answer = self._carry(intent, written) if written else None
        except CarrierRefused as refused:
            self._put_off(uow, intent, written, str(refused), for_good=True)
        except UnfitLetter as unfit:
            self._put_off(uow, intent, written, str(unfit), for_good=True)
        except CarrierFailed as failed:
            self._put_off(uow, intent, written, str(failed), for_good=False)
        except SQLAlchemyError:
            raise
        except Exception as wrong:  # noqa: BLE001 - one letter that cannot be written must not hold up the others
            # Its text may quote facts or the link: only the kind of error is kept.
            self._put_off(uow, intent, written, f"cannot be written: {type(wrong).__name__}", for_good=False)
        else:
            self._settle(uow, intent, written, answer)
        finally:
            uow.close()
        return True

    def sweep(self) -> None:
        """Forget what is dead of age."""
        spent.delete_expired(self._house.store.engine)
        address_index.delete_old_entries(self._house.store.engine)
        logout_events.delete_old_logouts(self._house.store.engine)
        grants.delete_expired_grants(self._house.store.engine)
        self._house.throttle.delete_expired()
        batches.sweep(self._house)
        audit_upkeep.run(self._house)

    def _write(self, uow: UnitOfWork, intent: OutboxItem) -> Letter | Callback | None:
        if intent.purpose in CALLS:
            return CALLS[intent.purpose](uow, intent)
        link = self._house.links.get(intent.purpose)
        write = link.letter if link else NOTICES[intent.purpose]
        return write(uow, intent)

    def _carry(self, intent: OutboxItem, written: Letter | Callback) -> str:
        if isinstance(written, Callback):
            return self._caller.call(written)
        settings = self._house.settings
        # From the row's id: a copy sent after a crash between the server's yes and our commit is recognisable.
        message_id = f"<{intent.id}@{urlsplit(settings.public_origin).hostname}>"
        message = self._letters.compose(written, sender=settings.mail_sender, message_id=message_id)
        return self._carrier.carry(message)

    def _settle(
        self, uow: UnitOfWork, intent: OutboxItem, written: Letter | Callback | None, answer: str | None
    ) -> None:
        with uow:
            if isinstance(written, Callback):
                outbox.remove_item(uow.session, intent)
                written.on_result(uow, CallResult(confirmed=True, permanent=True, answer=answer or ""))
            elif intent.purpose in CALLS:
                outbox.remove_item(uow.session, intent)
            else:
                mail_log.settle(uow, intent, written, answer or "")
        log.info("%s %s: %s", intent.purpose, intent.id, "sent" if written else "dropped, its cause is gone")

    def _put_off(
        self, uow: UnitOfWork, intent: OutboxItem, written: Letter | Callback | None, error: str, *, for_good: bool
    ) -> None:
        uow.release()
        with uow:
            if isinstance(written, Callback):
                outbox.retry_later(uow.session, intent, error, permanent=for_good)
                last = outbox.is_last_attempt(intent, permanent=for_good)
                written.on_result(uow, CallResult(confirmed=False, permanent=last, answer=error))
            else:
                mail_log.put_off(uow, intent, written, error, for_good=for_good)
        log.warning("%s %s, try %d: %s", intent.purpose, intent.id, intent.attempts, error)
