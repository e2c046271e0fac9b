"""Take an account back: what others lose when its owner, or an admin for them, takes control of it again."""

from __future__ import annotations

from collections.abc import Mapping

from accounts.core.models.account import Account
from accounts.core.uow import UnitOfWork

PASSWORD_CHANGED, RESET_PASSWORD = "password-changed", "reset-password"
"""Purposes of the letters that a recovery sends."""


def recover_account(
    uow: UnitOfWork,
    account: Account,
    *,
    end_sessions: bool = True,
    password_hash: str | None = None,
    void_password: bool = False,
    send_reset_link: bool = False,
    unlock: bool = False,
    letter_facts: Mapping[str, object] | None = None,
) -> str:
    """Take away what others may have of an account, in the caller's transaction.

    :param end_sessions: sign out all devices; links that trusted the sessions die with them.
    :param password_hash: the new password, of which the owner is told; None leaves the old one.
    :param void_password: somebody else may know the password: it counts no more, and the owner gets a reset link.
        Only a void password keeps them out meanwhile. They could sign in again otherwise, and every sign-in would
        kill the reset link.
    :param send_reset_link: send that link while the password stays as it is.
    :param unlock: let passwords be tried again.
    :param letter_facts: further facts for the reset letter.
    :returns: the id of the letter to the owner; "" where none is due.
    """
    if end_sessions:
        account.auth_epoch += 1
    if unlock:
        clear_lock(account)
    if password_hash is not None:
        account.password_hash = password_hash
        return uow.enqueue(PASSWORD_CHANGED, account.id, locale=account.locale)
    if void_password:
        account.password_hash = None
    if void_password or send_reset_link:
        return uow.enqueue(RESET_PASSWORD, account.id, {"next": "", **(letter_facts or {})}, account.locale)
    return ""


def clear_lock(account: Account) -> None:
    """Let passwords be tried again; unlock links that are out have done their work."""
    account.locked_at, account.failures = None, 0
    account.lock_serial += 1
