"""The mail worker: claims an intent, has its flow write the letter, carries it, settles it."""

from __future__ import annotations

import logging
import threading
import time
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from accounts.core import marks, outbox, spent
from accounts.core.house import House
from accounts.core.outbox import Intent, Letter
from accounts.core.uow import UnitOfWork
from accounts.flows import NOTICES, audit_upkeep, mail_notes
from accounts.post.carriers import Carrier, CarrierFailed, CarrierRefused
from accounts.post.letters import Letters, UnfitLetter

log = logging.getLogger("accounts.mail")

POLL_SECONDS = 3.0
SWEEP_SECONDS = 3600.0


class Worker:
    """Delivers what is in the outbox of one installation. Several may run at once, in threads or processes.

    A link is signed at the moment its letter is written, not when it was asked for: delay does not eat its life,
    and no token rests in the database.
    """

    def __init__(self, house: House, letters: Letters, carrier: Carrier) -> None:
        self._house = house
        self._letters = letters
        self._carrier = carrier

    def run(self, stop: threading.Event) -> None:
        """Deliver until ``stop`` is set; a store that is away is waited for."""
        swept = 0.0
        while not stop.is_set():
            self._house.mail_due.clear()
            try:
                if time.monotonic() - swept > SWEEP_SECONDS:
                    self.sweep()
                    swept = time.monotonic()
                while not stop.is_set() and self.deliver_one():
                    pass
            except SQLAlchemyError as wrong:
                log.warning("the store is away: %s", type(wrong).__name__)
            self._house.mail_due.wait(POLL_SECONDS)

    def deliver_all(self) -> int:
        """Deliver whatever is due now; how many intents were taken."""
        taken = 0
        while self.deliver_one():
            taken += 1
        return taken

    def deliver_one(self) -> bool:
        """Take one intent that is due and see it through; False when there is none."""
        intent = outbox.claim(self._house.store.engine)
        if intent is None:
            return False
        uow = UnitOfWork(self._house)
        letter: Letter | None = None
        try:
            with uow:
                letter = self._write(uow, intent)
            answer = self._carry(intent, letter) if letter else ""
        except CarrierRefused as refused:
            self._put_off(uow, intent, letter, str(refused), for_good=True)
        except UnfitLetter as unfit:
            self._put_off(uow, intent, letter, str(unfit), for_good=True)
        except CarrierFailed as failed:
            self._put_off(uow, intent, letter, str(failed), for_good=False)
        except SQLAlchemyError:
            raise
        except Exception as wrong:  # noqa: BLE001 - one letter that cannot be written must not hold up the others
            # Its text may quote facts or the link: only the kind of error is kept.
            self._put_off(uow, intent, letter, f"cannot be written: {type(wrong).__name__}", for_good=False)
        else:
            self._settle(uow, intent, letter, answer)
        finally:
            uow.close()
        return True

    def sweep(self) -> None:
        """Forget what is dead of age."""
        spent.sweep(self._house.store.engine)
        marks.sweep(self._house.store.engine)
        self._house.throttle.sweep()
        audit_upkeep.run(self._house)

    def _write(self, uow: UnitOfWork, intent: Intent) -> Letter | None:
        link = self._house.links.get(intent.purpose)
        write = link.letter if link else NOTICES[intent.purpose]
        return write(uow, intent)

    def _carry(self, intent: Intent, letter: Letter) -> str:
        settings = self._house.settings
        # From the row's id: a copy sent after a crash between the server's yes and our commit is recognisable.
        message_id = f"<{intent.id}@{urlsplit(settings.public_origin).hostname}>"
        message = self._letters.compose(letter, sender=settings.mail_sender, message_id=message_id)
        return self._carrier.carry(message)

    def _settle(self, uow: UnitOfWork, intent: Intent, letter: Letter | None, answer: str) -> None:
        with uow:
            mail_notes.settle(uow, intent, letter, answer)
        log.info("mail %s (%s): %s", intent.id, intent.purpose, "sent" if letter else "dropped, its cause is gone")

    def _put_off(self, uow: UnitOfWork, intent: Intent, letter: Letter | None, error: str, *, for_good: bool) -> None:
        uow.release()
        with uow:
            mail_notes.put_off(uow, intent, letter, error, for_good=for_good)
        log.warning("mail %s (%s), try %d: %s", intent.id, intent.purpose, intent.attempts, error)
