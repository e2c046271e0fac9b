"""Close an account for good: asked with a fresh proof, confirmed by mail."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field
from pydantic.config import JsonDict
from sqlalchemy import Text, cast, delete, func, or_, select

from accounts.core.audit import address_index
from accounts.core.clock import now
from accounts.core.errors import AddressChangePending, InvalidInput
from accounts.core.link_errors import LinkUsed
from accounts.core.link_kinds.parts import auth_epoch, sign_ins
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import record_address_deleted
from accounts.core.messages import N_
from accounts.core.models.account import ADMIN_GROUP, Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.bounces import UnreachableAddress
from accounts.core.models.invites import BatchRow, SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.core.models.terms import AccountTerm
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.security import throttle
from accounts.core.security.addresses import MAX_EMAIL_BYTES
from accounts.core.uow import UnitOfWork
from accounts.flows.account import change_email
from accounts.flows.shared import accounts, mail_limits, mail_request
from accounts.flows.shared.fields import Email, Form

OTHER_ADDRESS_MESSAGE = N_("This email address doesn't match the account. Enter the account's email address.")
TYPED_EMAIL_INPUT: JsonDict = {"input": "email", "autocomplete": "off", "maxlength": MAX_EMAIL_BYTES}
PURPOSE, CLOSE_REFUSED_NOTICE = "close-account", "close-refused"
ACCOUNT_CLOSED_NOTICE, ACCOUNT_DELETED_NOTICE = "account-closed", "account-deleted"


class CloseAccountForm(Form):
    """The address once more: whoever closes an account for good shall have read which."""

    email: Email = Field(title=N_("To confirm, enter your email address"), json_schema_extra=TYPED_EMAIL_INPUT)


def check_typed_email(email: str, form: CloseAccountForm) -> None:
    """Check that the address of the account was typed.

    :raises InvalidInput: another one was.
    """
    if form.email.key != accounts.get_email_key(email):
        raise InvalidInput.for_field("another address", "email", "other_address", OTHER_ADDRESS_MESSAGE)


def request_account_closing(uow: UnitOfWork, account_id: str) -> None:
    """Queue the closing link to the account's address.

    :raises TooManyRequests: too many emails of this kind.
    :raises AddressChangePending: a change of address can still be undone; the old address is told.
    """
    with mail_limits.record_held(uow, PURPOSE, account_id=account_id), uow:
        uow.count_attempts(throttle.MAIL_ACCOUNT.by(PURPOSE, account_id))
        account = uow.session.get_one(Account, account_id)
        refusal = _find_pending_undo(account)
        purpose = PURPOSE if refusal is None else CLOSE_REFUSED_NOTICE
        mail_id = uow.enqueue(purpose, account.id, locale=account.locale)
        event = "account.close-asked" if refusal is None else "account.close-refused"
        uow.record_event(event, account_id=account.id, facts={"mail": mail_id, "purpose": purpose})
    if refusal is not None:
        raise refusal


def _find_pending_undo(account: Account) -> AddressChangePending | None:
    # Whoever has changed the address could shake off the owner's undo by closing the account.
    if account.anchor_until is None or account.anchor_until <= now():
        return None
    return AddressChangePending("a change of address can still be undone", until=account.anchor_until)


def check_no_pending_undo(uow: UnitOfWork, opened: OpenedLink) -> None:
    """Check that nobody can undo a change of address any more.

    :raises AddressChangePending: somebody can.
    """
    refusal = _find_pending_undo(opened.account)
    if refusal is not None:
        raise refusal


def close_refused_letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Tell the old address that somebody wants to close the account, with the way to take it back."""
    return change_email.build_undo_letter(uow, item, CLOSE_REFUSED_NOTICE)


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the email with the closing link, or None where the account is gone or disabled."""
    account = uow.session.get(Account, item.about.id)
    return mail_request.build_account_letter(uow, item, CLOSE, account)


def act(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
    """Delete the account, and queue the last email to its address."""
    account = opened.account
    account_id, email, locale = account.id, account.email, account.locale
    delete_account(uow, account)
    uow.enqueue(ACCOUNT_CLOSED_NOTICE, email, locale=locale)
    uow.record_event("account.closed", account_id=account_id, link_id=opened.link_id)
    return ActResult(account_id)


def delete_account(uow: UnitOfWork, account: Account) -> None:
    """Delete an account and its address everywhere; the audit log keeps its id, which identifies nobody.

    :raises LastAdmin: nobody would administer any more.
    """
    accounts.lock_admins(uow)
    record_address_deleted(uow, account.email_key)
    address_index.clear_tags(uow.session, uow.site, account.email_key, account.id)
    _delete_invites(uow, account)
    _delete_letters(uow, account)
    # Not left to the foreign key: on SQLite the engine of a host app may not heed them.
    uow.session.execute(delete(AccountTerm).where(AccountTerm.email_key == account.email_key))
    was_admin = ADMIN_GROUP in account.groups
    uow.session.delete(account)
    if was_admin:
        accounts.check_admin_remains(uow)


def _delete_invites(uow: UnitOfWork, account: Account) -> None:
    """Delete rows of the ledger of the address, of the one before it, and of the one that was invited once."""
    accepted = uow.session.scalars(
        select(AuditRow.facts).where(AuditRow.account_id == account.id, AuditRow.kind == "invite.accepted")
    )
    ids = [facts["invite"] for facts in accepted]
    rows = or_(SentInvite.email_key.in_(_email_keys(account)), SentInvite.id.in_(ids))
    uow.session.execute(delete(SentInvite).where(rows))
    for table in (BatchRow, UnreachableAddress):
        uow.session.execute(delete(table).where(table.email_key.in_(_email_keys(account))))


def _delete_letters(uow: UnitOfWork, account: Account) -> None:
    """Delete emails to and about the account, however its address was typed, also in what others have asked for."""
    # Addresses are ASCII here: lower() means the same to every database.
    conditions = [func.lower(OutboxRow.subject).in_(_email_keys(account)), OutboxRow.subject == account.id]
    facts_text = func.lower(cast(OutboxRow.facts, Text))
    conditions += [facts_text.contains(f'"{address}"', autoescape=True) for address in _email_keys(account)]
    uow.session.execute(delete(OutboxRow).where(or_(*conditions)).execution_options(synchronize_session=False))


def _email_keys(account: Account) -> list[str]:
    return [key for key in (account.email_key, account.anchor_key) if key is not None]


def account_closed_letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the last email to a user who has closed their account."""
    to = item.about.email
    return Letter(ACCOUNT_CLOSED_NOTICE, to, item.locale, {"asked": item.requested_by, "email": to})


def account_deleted_letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the last email to a user whose account an admin has deleted. It does not say which admin."""
    return Letter(item.purpose, item.about.email, item.locale, {"email": item.about.email})


CLOSE = Link(
    purpose=PURPOSE,
    lifetime=timedelta(minutes=60),
    about="account",
    dies_with=(auth_epoch, sign_ins),
    gone=LinkUsed,
    letter=letter,
    check=check_no_pending_undo,
    act=act,
    title=N_("Close your account"),
    explanation=N_("Your account and everything we know about you will be deleted. This can't be undone."),
    button=N_("Close account permanently"),
    done=N_("Your account has been closed."),
)
