"""Too many wrong passwords in a row hold up further ones; a mailed link lifts that at once.

The lock is no weapon: a device that was signed in before is not held up, nor are reset and sign-in by mail.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, update

from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement
from accounts.core.link_kinds.parts import lock_serial
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.messages import N_
from accounts.core.models.account import LOCKOUT_DURATION, Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import mail_request
from accounts.flows.shared.recovery import clear_lock

PURPOSE = "unlock"
MAX_FAILURES = 20


_COUNT_FAILURE = CompiledStatement(
    update(Account)
    .where(Account.email_key == bindparam("key"))
    .values(failures=Account.failures + 1)
    .returning(Account.id, Account.failures, Account.locale, Account.locked_at)
)


def count_failure(uow: UnitOfWork, email_key: str) -> None:
    """Count a wrong password, and lock at the limit. The same statement runs for addresses without an account."""
    for account_id, failures, locale, locked_at in uow.execute(_COUNT_FAILURE, {"key": email_key}):
        is_locked = locked_at is not None and now() < locked_at + LOCKOUT_DURATION
        if failures >= MAX_FAILURES and not is_locked:
            _lock_account(uow, account_id, locale)


def _lock_account(uow: UnitOfWork, account_id: str, locale: str) -> None:
    uow.session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(locked_at=now(), failures=0, lock_serial=Account.lock_serial + 1)
        .execution_options(synchronize_session=False)
    )
    mail_id = uow.enqueue(PURPOSE, account_id, locale=locale)
    uow.record_event("account.locked", account_id=account_id, facts={"mail": mail_id, "purpose": PURPOSE})


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the email with the unlock link, or None where the lock is over."""
    account = uow.session.get(Account, item.about.id)
    # A lock that is over needs no lifting.
    still_locked = account is not None and account.locked(now())
    return mail_request.build_account_letter(uow, item, UNLOCK, account if still_locked else None)


def act(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
    """Lift the lock."""
    account = opened.account
    clear_lock(account)
    uow.record_event("account.unlocked", account_id=account.id, link_id=opened.link_id)
    return ActResult(account.id)


UNLOCK = Link(
    purpose=PURPOSE,
    lifetime=timedelta(minutes=60),
    about="account",
    dies_with=(lock_serial,),
    letter=letter,
    act=act,
    title=N_("Unlock sign-in"),
    explanation=N_("Many wrong passwords were entered for your account. This unlocks sign-in."),
    button=N_("Unlock sign-in"),
    done=N_("You can sign in again."),
)
