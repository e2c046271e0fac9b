"""Check what somebody enters who gets an account, before the transaction that makes it."""

from __future__ import annotations

from typing import Protocol

from accounts.core.errors import InvalidInput
from accounts.core.security.addresses import EmailAddress
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import terms
from accounts.flows.shared.accounts import NewCredentials, hash_new_password


class NewAccount(Protocol):
    """What a form says that makes an account with a password."""

    @property
    def password(self) -> str:
        """The chosen password."""

    @property
    def zone(self) -> str:
        """The time zone of the browser."""

    @property
    def terms(self) -> str:
        """The version of the terms that is accepted."""


def prepare_credentials(
    uow: UnitOfWork, form: NewAccount, *, email: str, name: str, address: EmailAddress | None = None
) -> NewCredentials:
    """Check what somebody enters who gets an account, and hash the password. Slow: belongs before the unit of work.

    :param address: the address, where the form asks for it.
    :raises InvalidInput: the password may not be chosen, or the terms are not accepted; names both.
    :raises Unavailable: too many hashes are waiting already.
    """
    not_accepted = terms.find_error(uow.site.settings, form.terms)
    try:
        password_hash = hash_new_password(uow, form.password, email=email, name=name)
    except InvalidInput as problem:
        raise InvalidInput(problem.reason, fields=[*problem.fields, *filter(None, [not_accepted])]) from None
    accepted = terms.check_accepted(uow.site.settings, form.terms)
    return NewCredentials(password_hash, address, name, form.zone, accepted)
