"""Change the password with the current one. Keeps this browser, ends all other sessions, tells the owner."""

from __future__ import annotations

from pydantic import Field

from accounts.core.errors import N_, Conflict, FieldError, InvalidInput
from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.security import throttle
from accounts.core.uow import UnitOfWork
from accounts.flows.account import not_me
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import Asks, CurrentPassword, NewPassword

NOTICE = accounts.PASSWORD_CHANGED
WRONG = N_("That is not your current password.")


class ChangePassword(Asks):
    """The current password and the new one."""

    current_password: CurrentPassword = Field(title=N_("Current password"))
    password: NewPassword


def act(uow: UnitOfWork, who: CurrentAccount, said: ChangePassword) -> Session:
    """Set a new password; answers the new session of this browser, the only one that goes on.

    :raises InvalidInput: the current password is wrong, or the new one may not be chosen.
    :raises TooManyRequests: too many tries for this account.
    """
    uow.site.throttle.hit(throttle.PASSWORD_ACCOUNT, who.id)
    known = uow.session.get_one(Account, who.id)
    uow.release()
    right, _ = uow.site.passwords.verify(said.current_password, known.password_hash)
    if not right:
        with uow:
            uow.record_event("password.refused", account_id=who.id)
        raise InvalidInput("wrong password", fields=[FieldError("current_password", "wrong_password", WRONG, {})])
    hashed = accounts.choose(uow, said.password, email=known.email, name=known.name)

    def work() -> Session:
        account = uow.session.get_one(Account, who.id)
        if account.auth_epoch != who.auth_epoch:
            raise Conflict("password or sessions changed meanwhile")
        accounts.set_password(uow, account, hashed)
        uow.record_event("password.changed", account_id=account.id)
        return sessions.renew(uow, account, who.session, proved=True)

    return uow.attempt(work)


def letter(uow: UnitOfWork, intent: OutboxItem) -> Letter | None:
    """The notice that a password was changed or reset, with the way to object."""
    account = uow.session.get(Account, intent.subject)
    if account is None or account.password_hash is None:
        # Void by now: somebody has objected, and has got the letter that says so.
        return None
    facts = {
        "asked": intent.requested_by,
        "email": account.email,
        "name": account.name or None,
        "at": intent.created_at,
    }
    return Letter(NOTICE, account.email, account.locale, facts, link=not_me.url_for(uow, account))
