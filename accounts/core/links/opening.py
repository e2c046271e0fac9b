"""Open links: check signature, bound parts, used ids and age."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.database import spent
from accounts.core.errors import DeadLink, LinkExpired, LinkInvalid, LinkRevoked, LinkUsed
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.link_kinds.parts import Subject, anchor, auth_epoch, email_serial, holder, lock_serial, sign_ins
from accounts.core.links.link import Link, OpenedLink, parse_email_key
from accounts.core.models.account import Account
from accounts.core.outbox import OutboxSubject
from accounts.core.signing.keys import Key
from accounts.core.uow import UnitOfWork

REVOKED_SUFFIX = ":revoked"
RESTORED_ID = "restored"
RESTORE_RETENTION = timedelta(days=400)
"""How long it is remembered that a backup was restored: longer than any link lasts (at most 366 days)."""
PARTS_RAISED_BY_RESTORE = frozenset({auth_epoch, sign_ins, email_serial, lock_serial, anchor})
"""Parts that are raised beyond all they have ever been when a backup is restored. What binds one is invalid then."""
ADDRESS_RETENTION = timedelta(days=100)
"""How long the deletion of an address is remembered: longer than any link about one lasts."""


def open_link(uow: UnitOfWork, link: Link, token: object) -> OpenedLink:
    """Return the link if it is valid, with the account it is about as it is now. Changes nothing.

    State is judged before age: "this was done already" helps more than "too old".

    :raises DeadLink: one of its subclasses; ``reason`` says more than the public message.
    """
    claims = uow.site.link_signer.verify(link, token)
    try:
        return _check_claims(uow, link, claims)
    except DeadLink as error:
        error.claims = claims
        raise


def _check_claims(uow: UnitOfWork, link: Link, claims: LinkClaims) -> OpenedLink:
    subject = find_subject(uow, link, claims)
    if subject.account is not None and not subject.account.active:
        raise LinkInvalid("the account is disabled")
    moved_parts = uow.site.link_signer.moved_parts(claims, subject)
    if moved_parts:
        raise moved_parts[0].problem(
            f"{', '.join(part.name for part in moved_parts)} moved since {claims.link_id} was sent"
        )
    expires_at = uow.site.link_signer.expires_at(claims)
    opened = OpenedLink(claims, subject, expires_at)
    _check_spent(uow, opened)
    if now() > expires_at:
        raise LinkExpired(f"{claims.link_id} was good until {expires_at.isoformat()}")
    link.check(uow, opened)
    return opened


def find_subject(uow: UnitOfWork, link: Link, claims: LinkClaims) -> Subject:
    """Return the subject of a link with a valid signature, as it is now.

    :raises LinkInvalid: the account is gone.
    """
    if link.about == "account":
        account = uow.session.get(Account, claims.subject_id)
        if account is None:
            raise link.gone("the account is gone")
        return Subject(account.id, account)
    if not claims.subject_id:
        return Subject("", None)
    _check_not_deleted(uow, claims)
    _check_not_released(uow, claims)
    return find_holder(uow, claims.subject_id)


def find_holder(uow: UnitOfWork, email: str) -> Subject:
    """Return an address and the account that holds it at this moment."""
    email_key = parse_email_key(email)
    return Subject(email, uow.session.scalars(select(Account).where(Account.email_key == email_key)).first())


def find_subject_account(uow: UnitOfWork, subject: OutboxSubject) -> Account | None:
    """Return the account that an outbox row is about, by id or by address; None where there is none."""
    return find_holder(uow, subject.email).account if subject.email else uow.session.get(Account, subject.id)


def record_address_deleted(uow: UnitOfWork, email_key: str) -> None:
    """Invalidate all links about an address that were signed before this moment: its account is being deleted.

    The mark is a keyed digest under each key of the ring, as links are checked under the key that signed them.
    """
    for key in uow.site.ring.newest_first():
        spent.spend_until(uow.session, _deleted_id(uow, key, email_key), now() + ADDRESS_RETENTION)


def record_address_released(uow: UnitOfWork, email_key: str) -> None:
    """Invalidate links that are valid only while nobody has an address: its account moves to another one.

    Without the mark, activations from before would become valid again. Invitations stay valid: they wait for their
    address.
    """
    for key in uow.site.ring.newest_first():
        spent.spend_until(uow.session, _released_id(uow, key, email_key), now() + ADDRESS_RETENTION)


def _deleted_id(uow: UnitOfWork, key: Key, email_key: str) -> str:
    return "gone:" + uow.site.signer.tag(key, ["gone", email_key], 16).hex()


def _released_id(uow: UnitOfWork, key: Key, email_key: str) -> str:
    return "left:" + uow.site.signer.tag(key, ["left", email_key], 16).hex()


def get_address_deleted_at(uow: UnitOfWork, claims: LinkClaims) -> datetime | None:
    """Return when the account of the address of a link was last deleted; None where none was."""
    spent_id = _deleted_id(uow, claims.signed_token.key, parse_email_key(claims.subject_id))
    keep_until = spent.get_keep_until(uow.session, spent_id)
    return None if keep_until is None else keep_until - ADDRESS_RETENTION


def _check_not_deleted(uow: UnitOfWork, claims: LinkClaims) -> None:
    deleted_at = get_address_deleted_at(uow, claims)
    if deleted_at is not None and claims.issued_at <= deleted_at:
        raise LinkUsed("the account of this address was deleted since")


def _check_not_released(uow: UnitOfWork, claims: LinkClaims) -> None:
    if holder not in claims.kind.dies_with:
        return
    spent_id = _released_id(uow, claims.signed_token.key, parse_email_key(claims.subject_id))
    keep_until = spent.get_keep_until(uow.session, spent_id)
    if keep_until is not None and claims.issued_at <= keep_until - ADDRESS_RETENTION:
        raise LinkUsed("an account has held this address since")


def record_restore(uow: UnitOfWork) -> None:
    """Invalidate all links that were signed before this moment and rest on marks: some of these are lost.

    A database that was restored from a backup knows nothing of what was used since.
    """
    spent.spend_until(uow.session, RESTORED_ID, now() + RESTORE_RETENTION)


def _check_spent(uow: UnitOfWork, opened: OpenedLink) -> None:
    id = opened.claims.spent_id
    if not id and PARTS_RAISED_BY_RESTORE.intersection(opened.link.dies_with):
        return
    spent_ids = spent.get_spent(uow.session, (id, id + REVOKED_SUFFIX, RESTORED_ID))
    if id + REVOKED_SUFFIX in spent_ids:
        raise LinkRevoked(f"{id} was revoked")
    if id in spent_ids:
        raise LinkUsed(f"{id} was used")
    if RESTORED_ID in spent_ids and opened.claims.issued_at <= spent_ids[RESTORED_ID] - RESTORE_RETENTION:
        raise LinkUsed("signed before the database came back from a backup")
