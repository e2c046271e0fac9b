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
from accounts.flows.shared.fields import CurrentPassword, Form, NewPassword

PASSWORD_CHANGED_NOTICE = accounts.PASSWORD_CHANGED
WRONG_PASSWORD_MESSAGE = N_("That is not your current password.")


class ChangePasswordForm(Form):
    """The current password and the new one."""

    current_password: CurrentPassword = Field(title=N_("Current password"))
    password: NewPassword


def change_password(uow: UnitOfWork, current: CurrentAccount, form: ChangePasswordForm) -> Session:
    """Set a new password; answers the new session of this browser, the only one that goes on.

    :raises InvalidInput: the current password is wrong, or the new one may not be chosen.
    :raises TooManyRequests: too many tries for this account.
    """
    uow.site.throttle.hit(throttle.PASSWORD_ACCOUNT, current.id)
    stored_account = uow.session.get_one(Account, current.id)
    uow.release()
    is_correct, _ = uow.site.passwords.verify(form.current_password, stored_account.password_hash)
    if not is_correct:
        with uow:
            uow.record_event("password.refused", account_id=current.id)
        raise InvalidInput(
            "wrong password", fields=[FieldError("current_password", "wrong_password", WRONG_PASSWORD_MESSAGE, {})]
        )
    password_hash = accounts.hash_new_password(
        uow, form.password, email=stored_account.email, name=stored_account.name
    )

    def work() -> Session:
        account = uow.session.get_one(Account, current.id)
        if account.auth_epoch != current.auth_epoch:
            raise Conflict("password or sessions changed meanwhile")
        accounts.set_password(uow, account, password_hash)
        uow.record_event("password.changed", account_id=account.id)
        return sessions.renew_session(uow, account, current.session, password_verified=True)

    return uow.attempt(work)


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """The notice that a password was changed or reset, with the way to object."""
    account = uow.session.get(Account, item.subject)
    if account is None or account.password_hash is None:
        # Void by now: somebody has objected, and has got the letter that says so.
        return None
    context = {
        "asked": item.requested_by,
        "email": account.email,
        "name": account.name or None,
        "at": item.created_at,
    }
    return Letter(
        PASSWORD_CHANGED_NOTICE, account.email, account.locale, context, link=not_me.make_not_me_url(uow, account)
    )
