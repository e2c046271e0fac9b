"""Step-up: a fresh proof by password, for what a session left open must not do."""

from __future__ import annotations

from accounts.core.errors import ConfirmationRequired, Conflict, FieldError, InvalidInput
from accounts.core.models.account import Account
from accounts.core.security import throttle
from accounts.core.uow import UnitOfWork
from accounts.flows.account.change_password import WRONG_PASSWORD_MESSAGE
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.shared.fields import CurrentPassword, Form, Next


class ConfirmPasswordForm(Form):
    """The password once more, and where to go then."""

    password: CurrentPassword
    next: Next = ""


def confirm_password(uow: UnitOfWork, current: CurrentAccount, form: ConfirmPasswordForm) -> Session:
    """The session of this browser, proven afresh.

    :raises InvalidInput: the password is wrong.
    :raises TooManyRequests: too many tries for this account.
    """
    uow.site.throttle.hit(throttle.PASSWORD_ACCOUNT, current.id)
    stored_account = uow.session.get_one(Account, current.id)
    uow.release()
    is_correct, _ = uow.site.passwords.verify(form.password, stored_account.password_hash)
    if not is_correct:
        with uow:
            uow.record_event("confirm.refused", account_id=current.id)
        raise InvalidInput(
            "wrong password", fields=[FieldError("password", "wrong_password", WRONG_PASSWORD_MESSAGE, {})]
        )

    def work() -> Session:
        account = uow.session.get_one(Account, current.id)
        if account.auth_epoch != current.auth_epoch:
            raise Conflict("password or sessions changed meanwhile")
        return sessions.renew_session(uow, account, current.session, password_verified=True)

    return uow.attempt(work)


def require_step_up(current: CurrentAccount) -> None:
    """:raises ConfirmationRequired: the last proof by password in this session is not fresh."""
    if not current.session.fresh:
        raise ConfirmationRequired("the proof is not fresh")
