"""Change the address: confirmed at the new one, from the account's own session, undone from the old one.

The first address of a chain of changes is kept as the recovery anchor: whoever takes an account over and changes its
address, even twice, cannot shake off the owner's undo link.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field
from sqlalchemy import select, update

from accounts.core.clock import now
from accounts.core.errors import AddressTaken, NotSignedIn
from accounts.core.link_errors import LinkExpired, LinkUsed
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.link_kinds.parts import anchor as anchor_part
from accounts.core.link_kinds.parts import auth_epoch, email, email_serial
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import find_holder, record_address_released
from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.security import throttle
from accounts.core.security.addresses import parse_email
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts, mail_limits, mail_request
from accounts.flows.shared.fields import Email, Form
from accounts.flows.shared.recovery import UNDO as UNDO_RECOVERY
from accounts.flows.shared.recovery import recover_account

PURPOSE, UNDO_PURPOSE = "change-email", "undo-email-change"
EMAIL_CHANGED_NOTICE, EMAIL_RESTORED_NOTICE = "email-changed", "email-restored"
UNDO_LINK_TTL = timedelta(hours=72)


class ChangeEmailForm(Form):
    """The address to change to."""

    email: Email = Field(title=N_("New email address"))


class ChangeEmailPayload(Form):
    """What a change link says beside the account: the new address."""

    email: str


def request_email_change(uow: UnitOfWork, account_id: str, form: ChangeEmailForm) -> None:
    """Queue a link to the new address. The newest request wins: links of earlier ones are superseded.

    :raises TooManyRequests: too many emails to that address, or by this account.
    """
    by_address = mail_limits.recipient_attempts(uow, PURPOSE, form.email.key)
    attempts = throttle.MAIL_ACCOUNT.by(PURPOSE, account_id), *by_address

    def work() -> None:
        uow.count_attempts(*attempts)
        account = uow.session.get_one(Account, account_id)
        account.email_serial += 1
        facts = {"email": form.email.email, "serial": account.email_serial}
        mail_id = uow.enqueue(PURPOSE, account.id, facts, account.locale)
        event_facts = {"mail": mail_id, "purpose": PURPOSE}
        uow.record_event("email.change-asked", account_id=account.id, email_key=form.email.key, facts=event_facts)

    with mail_limits.record_held(uow, PURPOSE, account_id=account_id, email_key=form.email.key):
        uow.attempt(work)


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the email to the new address; None where it has an account or the request was superseded."""
    account = uow.session.get(Account, item.about.id)
    if account is None or account.email_serial != item.facts["serial"]:
        return None
    new = str(item.facts["email"])
    if find_holder(uow, new).account is not None:
        # Somebody's own already. They are told nothing: the asker must not learn who has an account here.
        return None
    return mail_request.build_account_letter(uow, item, CHANGE, account, ChangeEmailPayload(email=new), to=new)


def resend_change_link(uow: UnitOfWork, claims: LinkClaims) -> bool:
    """Queue a fresh link to the address in the link, and return whether the account is still there."""
    account = uow.session.get(Account, claims.subject_id)
    if account is None:
        return False
    uow.enqueue(PURPOSE, account.id, {"email": claims.carried.email, "serial": account.email_serial}, account.locale)
    return True


def check_new_address(uow: UnitOfWork, opened: OpenedLink) -> None:
    """Check that the new address is free.

    :raises AddressTaken: it belongs to another account, or is kept for one.
    :raises LinkUsed: it became the account's own at the same moment.
    """
    holder = find_holder(uow, opened.carried.email).account
    if holder is not None and holder.id == opened.subject.id:
        # The account was read before the very change that made this address its own.
        raise LinkUsed("changed at the same moment")
    if holder is not None or _is_anchored_by_other(uow, opened):
        raise AddressTaken("taken since the link was sent")


def act(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
    """Make the new address the account's own, and keep the old one as its recovery anchor."""
    account = opened.account
    if uow.request_info.account_id != account.id:
        raise NotSignedIn("a change of address needs the account's own session")
    old = account.email
    if account.anchor_until is None or account.anchor_until <= now():
        _drop_stale_anchor(uow, account)
        account.anchor_email, account.anchor_key = account.email, account.email_key
        account.anchor_until = now() + uow.site.link_signer.lifetime(UNDO)
        account.anchor_serial += 1
    _set_address(uow, account, opened.carried.email)
    account.auth_epoch += 1
    # To the address that was, and to the anchor: in a chain of changes these are two.
    for address in sorted({old, str(account.anchor_email)}):
        uow.enqueue(EMAIL_CHANGED_NOTICE, account.id, {"to": address, "new": account.email}, account.locale)
    uow.record_event("email.changed", account_id=account.id, link_id=opened.link_id)
    return ActResult(account.id, sign_in_as=account)


def email_changed_letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Tell the old address that it is the old one now, with the way back."""
    return build_undo_letter(uow, item, EMAIL_CHANGED_NOTICE, str(item.facts["to"]))


def build_undo_letter(uow: UnitOfWork, item: OutboxItem, words: str, to: str = "") -> Letter | None:
    """Return an email to an old address, with the way back if it is the anchor; None where there is none any more.

    :param to: "" for the anchor.
    """
    account = uow.session.get(Account, item.about.id)
    if account is None or account.anchor_until is None or account.anchor_until <= now():
        return None
    to = to or str(account.anchor_email)
    context = {
        "asked": item.requested_by,
        "email": to,
        "name": account.name or None,
        "at": item.created_at,
        "until": account.anchor_until,
    }
    # Only the anchor can undo; another old address is told what happened.
    link = uow.link_url(UNDO, accounts.subject_of(account)) if to == account.anchor_email else None
    return Letter.to_account(words, account, context, link=link, to=to)


def check_undo(uow: UnitOfWork, opened: OpenedLink) -> None:
    """Check that the old address is still kept for the account.

    :raises LinkExpired: it is not kept any more.
    :raises AddressTaken: another account has it.
    """
    until = opened.account.anchor_until
    if until is not None and until < now():
        # The letter about a later change of the chain is younger than the anchor, which it does not prolong.
        raise LinkExpired("the anchor has ended")
    key = opened.account.anchor_key
    if key is None or find_holder_id(uow, key) not in (None, opened.account.id):
        raise AddressTaken("the old address has another account now")


def undo_email_change(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
    """Give the account its old address back, and take everything away that others may have of it."""
    account = opened.account
    dropped, since = account.email, get_anchor_start(uow, account)
    _set_address(uow, account, str(account.anchor_email))
    account.anchor_email = account.anchor_key = account.anchor_until = None
    account.anchor_serial += 1
    # Whoever changed the address may know the password; the reset goes to the restored address.
    recover_account(uow, account, UNDO_RECOVERY, since=since)
    uow.enqueue(EMAIL_RESTORED_NOTICE, dropped, locale=account.locale)
    uow.record_event("email.restored", account_id=account.id, link_id=opened.link_id)
    return ActResult(account.id)


def get_anchor_start(uow: UnitOfWork, account: Account) -> datetime | None:
    """Return when the first change of the chain was made that can still be undone; None where there is none."""
    return account.anchor_until - uow.site.link_signer.lifetime(UNDO) if account.anchor_until else None


def email_restored_letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Tell the address that an undo has dropped that it is not the account's any more. It gets no link."""
    context = {"asked": item.requested_by, "at": item.created_at}
    return Letter(EMAIL_RESTORED_NOTICE, item.about.email, item.locale, context)


def _drop_stale_anchor(uow: UnitOfWork, account: Account) -> None:
    # An anchor that ended long ago on another account must not stand in the way of this one's UNIQUE index. The
    # mover's own is written anew anyway; raising its version here would make it lose a race against itself.
    cleared = {"anchor_email": None, "anchor_key": None, "version": Account.version + 1}
    uow.session.execute(
        update(Account)
        .where(Account.anchor_key == account.email_key, Account.anchor_until <= now(), Account.id != account.id)
        .values(cleared)
        .execution_options(synchronize_session=False)
    )


def find_holder_id(uow: UnitOfWork, key: str) -> str | None:
    """Return the id of the account that holds an address now, by its unique form; None for nobody."""
    return uow.session.scalar(select(Account.id).where(Account.email_key == key))


def _is_anchored_by_other(uow: UnitOfWork, opened: OpenedLink) -> bool:
    return accounts.is_anchored(uow, opened.carried.email, except_account_id=opened.subject.id)


def _set_address(uow: UnitOfWork, account: Account, new: str) -> None:
    address = parse_email(new)
    record_address_released(uow, account.email_key)
    account.email, account.email_key = address.email, address.key
    account.email_serial += 1


CHANGE = Link(
    purpose=PURPOSE,
    lifetime=timedelta(hours=24),
    about="account",
    dies_with=(email, email_serial, auth_epoch),
    carries=ChangeEmailPayload,
    needs_session=True,
    letter=letter,
    check=check_new_address,
    act=act,
    resend=resend_change_link,
    context=lambda uow, opened: {"new_email": opened.carried.email},
    title=N_("Change your email address"),
    explanation=N_("From now on, you'll sign in with this address and get your emails there."),
    button=N_("Change email address"),
    done=N_("Your email address has been changed."),
)
UNDO = Link(
    purpose=UNDO_PURPOSE,
    lifetime=UNDO_LINK_TTL,
    about="account",
    dies_with=(anchor_part,),
    gone=LinkUsed,
    letter=email_changed_letter,
    check=check_undo,
    act=undo_email_change,
    context=lambda uow, opened: {"restored_email": opened.account.anchor_email},
    title=N_("Restore your previous email"),
    explanation=N_(
        "Your previous email becomes active again, and you choose a new password. All devices "
        "are signed out, connected sign-ins and apps are disconnected, and invitations sent "
        "since the change are revoked."
    ),
    button=N_("Undo change"),
    done=N_("Your previous email is active again. We've sent you a link to choose a new password."),
)
