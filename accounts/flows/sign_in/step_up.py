"""Step-up: a fresh proof by password, for what a session left open must not do."""

from __future__ import annotations

from accounts.core.errors import ConfirmationRequired, Conflict, FieldError, InvalidInput
from accounts.core.models.account import Account
from accounts.core.security import throttle
from accounts.core.uow import UnitOfWork
from accounts.flows.account.change_password import WRONG
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.shared.fields import Asks, CurrentPassword, Next


class Confirm(Asks):
    """The password once more, and where to go then."""

    password: CurrentPassword
    next: Next = ""


def act(uow: UnitOfWork, who: CurrentAccount, said: Confirm) -> Session:
    """The session of this browser, proven afresh.

    :raises InvalidInput: the password is wrong.
    :raises TooManyRequests: too many tries for this account.
    """
    uow.site.throttle.hit(throttle.PASSWORD_ACCOUNT, who.id)
    known = uow.session.get_one(Account, who.id)
    uow.release()
    right, _ = uow.site.passwords.verify(said.password, known.password_hash)
    if not right:
        with uow:
            uow.record_event("confirm.refused", account_id=who.id)
        raise InvalidInput("wrong password", fields=[FieldError("password", "wrong_password", WRONG, {})])

    def work() -> Session:
        account = uow.session.get_one(Account, who.id)
        if account.auth_epoch != who.auth_epoch:
            raise Conflict("password or sessions changed meanwhile")
        return sessions.renew(uow, account, who.session, proved=True)

    return uow.attempt(work)


def require(who: CurrentAccount) -> None:
    """:raises ConfirmationRequired: the last proof by password in this session is not fresh."""
    if not who.session.fresh:
        raise ConfirmationRequired("the proof is not fresh")
