"""Step-up: a fresh proof by password, for what a session left open must not do."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import bindparam, select

from accounts.core.database.sql import CompiledStatement
from accounts.core.errors import ConfirmationRequired, InvalidInput
from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.security import throttle
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.shared.fields import CurrentPassword, Form, Next

WRONG_PASSWORD_MESSAGE = N_("This isn't your current password. Try again.")


class ConfirmPasswordForm(Form):
    """The password once more, and where to go then."""

    password: CurrentPassword
    next: Next = ""


def confirm_password(uow: UnitOfWork, current: CurrentAccount, form: ConfirmPasswordForm) -> CurrentAccount:
    """Return who is signed in, with the session of this browser that has a fresh proof and a new id.

    :raises InvalidInput: the password is wrong.
    :raises TooManyRequests: too many tries for this account.
    :raises Conflict: password or sessions changed meanwhile.
    """
    check_current_password(uow, current, form.password, field="password", refused_event="confirm.refused")

    def work() -> Session:
        return sessions.renew_session(uow, current.id, current.auth_epoch, current.session, password_verified=True)

    return replace(current, session=uow.attempt(work))


_SELECT_PASSWORD = CompiledStatement(select(Account.password_hash).where(Account.id == bindparam("account")))


def check_current_password(
    uow: UnitOfWork, current: CurrentAccount, password: str, *, field: str, refused_event: str
) -> None:
    """Verify the password of the account that is signed in. Slow: belongs before the transaction.

    :param field: the field of the form that the password came in.
    :param refused_event: the kind of the audit event for a wrong one.
    :raises InvalidInput: the password is wrong.
    :raises TooManyRequests: too many attempts for this account.
    """
    uow.site.throttle.reserve(throttle.PASSWORD_ACCOUNT.by(current.id))
    rows = uow.fetch_all(_SELECT_PASSWORD, {"account": current.id})
    is_correct, _ = uow.site.passwords.verify(password, rows[0][0] if rows else None)
    if not is_correct:
        with uow:
            uow.record_event(refused_event, account_id=current.id)
        raise InvalidInput.for_field("wrong password", field, "wrong_password", WRONG_PASSWORD_MESSAGE)


def require_step_up(current: CurrentAccount) -> None:
    """Check that the password was entered in this session recently enough.

    :raises ConfirmationRequired: it was not.
    """
    if not current.session.fresh:
        raise ConfirmationRequired("the proof is not fresh")
