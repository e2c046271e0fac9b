"""Have people accept the terms of the installation: when they get an account, and again when the version changes.

What is sent is the version that the page has shown. So nobody accepts what came after they had read.
"""

from __future__ import annotations

from sqlalchemy import update

from accounts.config import Settings
from accounts.core.clock import now
from accounts.core.errors import FieldError, InvalidInput, NotFound
from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.fields import AcceptedTerms, Form, Next

ACCEPTED_EVENT = "terms.accepted"
TERMS_FIELD = "terms"
NOT_ACCEPTED_MESSAGE = N_("Accept the terms to continue.")
CHANGED_MESSAGE = N_("The terms have changed. Read the new version, then accept it.")


class AcceptTermsForm(Form):
    """The version of the terms that somebody accepts, and where to go then."""

    terms: AcceptedTerms = ""
    next: Next = ""


def find_error(settings: Settings, version: str) -> FieldError | None:
    """Return what is wrong with the version that a form says was accepted; None where there is nothing to accept."""
    if settings.are_terms_accepted(version):
        return None
    code, message = ("outdated", CHANGED_MESSAGE) if version else ("not_accepted", NOT_ACCEPTED_MESSAGE)
    return FieldError(TERMS_FIELD, code, message, {})


def check_accepted(settings: Settings, version: str) -> str:
    """Return the version that a form accepts, as it is kept: "" where there are no terms.

    :raises InvalidInput: it accepts none, or another one than those of today.
    """
    if error := find_error(settings, version):
        raise InvalidInput("terms not accepted", fields=[error])
    return settings.terms_version or ""


def record_acceptance(uow: UnitOfWork, account: Account, version: str) -> None:
    """Keep with a new account which version its owner has accepted, in the transaction that makes it."""
    account.terms_version, account.terms_accepted_at = version, now()
    uow.record_event(ACCEPTED_EVENT, account_id=account.id, facts={"version": version})


def accept_terms(uow: UnitOfWork, account_id: str, form: AcceptTermsForm) -> None:
    """Keep that somebody has accepted the terms. Of two at once one is kept, and the other changes nothing.

    :raises InvalidInput: the form accepts none, or another version than that of today.
    :raises NotFound: this installation has no terms.
    """
    if uow.site.settings.terms_version is None:
        raise NotFound("no terms are set")
    version = check_accepted(uow.site.settings, form.terms)
    # The version of the row stays: it holds up no other change of the account, and none overwrites it.
    statement = (
        update(Account)
        .where(Account.id == account_id, Account.terms_version != version)
        .values(terms_version=version, terms_accepted_at=now())
        .returning(Account.id)
        .execution_options(synchronize_session=False)
    )
    with uow:
        if uow.session.scalar(statement) is not None:
            uow.record_event(ACCEPTED_EVENT, account_id=account_id, facts={"version": version})
