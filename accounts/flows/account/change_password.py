"""Change the password with the current one. Keeps this browser, ends all other sessions, tells the owner."""

from __future__ import annotations

from pydantic import Field

from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.account import not_me
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import CurrentPassword, Form, NewPassword
from accounts.flows.shared.recovery import CHANGE_PASSWORD, PASSWORD_CHANGED, recover_account
from accounts.flows.sign_in import step_up

PASSWORD_CHANGED_NOTICE = PASSWORD_CHANGED


class ChangePasswordForm(Form):
    """The current password and the new one."""

    current_password: CurrentPassword = Field(title=N_("Current password"))
    password: NewPassword


def change_password(uow: UnitOfWork, current: CurrentAccount, form: ChangePasswordForm) -> Session:
    """Set a new password; answers the new session of this browser, the only one that goes on.

    :raises InvalidInput: the current password is wrong, or the new one may not be chosen.
    :raises TooManyRequests: too many tries for this account.
    """
    step_up.check_current_password(
        uow, current, form.current_password, field="current_password", refused_event="password.refused"
    )
    password_hash = accounts.hash_new_password(uow, form.password, email=current.email, name=current.name)

    def work() -> Session:
        account = accounts.get_unchanged_account(uow, current.id, current.auth_epoch)
        recover_account(uow, account, CHANGE_PASSWORD, password_hash=password_hash)
        uow.record_event("password.changed", account_id=account.id)
        return sessions.renew_session(uow, account.id, account.auth_epoch, current.session, password_verified=True)

    return uow.attempt(work)


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the notice that the password was changed or reset, with the link "this was not me"."""
    account = uow.session.get(Account, item.about.id)
    if account is None or account.password_hash is None:
        # Void by now: somebody has objected, and has got the letter that says so.
        return None
    return not_me.build_security_notice(uow, item, account, taken=item.facts.get("taken", {}))
