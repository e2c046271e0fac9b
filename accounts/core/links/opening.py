"""Open links: check signature, bound parts, used ids and age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, literal, select
from sqlalchemy.orm import aliased

from accounts.core.clock import now
from accounts.core.database import spent
from accounts.core.link_errors import DeadLink, LinkExpired, LinkInvalid, LinkRevoked, LinkUsed
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.link_kinds.parts import Subject, anchor, auth_epoch, email_serial, holder, lock_serial, sign_ins
from accounts.core.links.link import Link, OpenedLink, as_link, parse_email_key
from accounts.core.models.account import Account
from accounts.core.models.bounces import UnreachableAddress
from accounts.core.models.counters import Spent
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

    Age is judged last: "this was done already" helps more than "too old", and whoever is told "too old" is offered a
    fresh link, which must hold then.

    :raises DeadLink: one of its subclasses; ``reason`` says more than the public message.
    """
    claims = uow.site.link_signer.verify(link, token)
    try:
        return _check_claims(uow, link, claims)
    except DeadLink as error:
        error.claims = claims
        error.locale = error.locale or str(getattr(claims.carried, "locale", ""))
        raise


def is_used_up(uow: UnitOfWork, claims: LinkClaims) -> bool:
    """Return whether a link is invalid for good by what the database holds now. Its age is not looked at."""
    try:
        state = _read_state(uow, claims)
        _check_address(claims, state)
        _check_parts(uow, claims, state)
        _check_spent(uow, claims, state)
    except DeadLink:
        return True
    return False


def _check_claims(uow: UnitOfWork, link: Link, claims: LinkClaims) -> OpenedLink:
    link.check_policy(uow.site.settings, claims)
    state = _read_state(uow, claims)
    try:
        return _check_state(uow, link, claims, state)
    except DeadLink as error:
        if state.subject.account is not None:
            error.locale = state.subject.account.locale
        raise


def _check_state(uow: UnitOfWork, link: Link, claims: LinkClaims, state: _LinkState) -> OpenedLink:
    _check_address(claims, state)
    if state.subject.account is not None and not state.subject.account.active:
        raise LinkInvalid("the account is disabled")
    _check_parts(uow, claims, state)
    _check_spent(uow, claims, state)
    _check_not_before_restore(claims, state)
    expires_at = uow.site.link_signer.expires_at(claims)
    opened = OpenedLink(claims, state.subject, expires_at, state.is_reserved, state.is_unreachable)
    link.check(uow, opened)
    if now() > expires_at:
        raise LinkExpired(f"{claims.link_id} was good until {expires_at.isoformat()}")
    return opened


@dataclass(frozen=True, slots=True)
class _LinkState:
    """What the database says about a link with a valid signature, read in one statement.

    The marks of ids in ``spent``, each as the moment until which it is kept; None where there is none.

    :ivar spent, revoked: of the link's own id.
    :ivar restored: of the last restored backup.
    :ivar deleted, released: of the address that the link is about.
    :ivar is_reserved: whether that address is kept for an account that may still take it back.
    :ivar is_unreachable: whether mail came back from it, or from the address of the account.
    """

    subject: Subject
    spent: datetime | None
    revoked: datetime | None
    restored: datetime | None
    deleted: datetime | None
    released: datetime | None
    is_reserved: bool
    is_unreachable: bool


def _build_state_query(is_subject: ColumnElement[bool], email_key: Any) -> Select[Any]:
    marks: list[ColumnElement[Any]] = [
        select(Spent.keep_until).where(Spent.id == bindparam(f"{mark}_id")).scalar_subquery()
        for mark in ("spent", "revoked", "restored", "deleted", "released")
    ]
    keeper = aliased(Account)
    is_reserved = exists().where(
        keeper.anchor_key == bindparam("email_key"), keeper.anchor_until > bindparam("moment")
    )
    is_unreachable = exists().where(UnreachableAddress.email_key == email_key)
    # One row, whether or not there is an account.
    columns = (*marks, is_reserved, is_unreachable)
    return select(Account, *columns).select_from(select(literal(1)).subquery()).outerjoin(Account, is_subject)


_STATE_QUERIES = {
    "account": _build_state_query(Account.id == bindparam("account_id"), Account.email_key),
    "address": _build_state_query(Account.email_key == bindparam("email_key"), bindparam("email_key")),
}


def _read_state(uow: UnitOfWork, claims: LinkClaims) -> _LinkState:
    """Return the state of a link.

    :raises LinkInvalid: the account is gone, or the address is not accepted any more.
    """
    kind, key = claims.kind, claims.signed_token.key
    is_about_account = kind.about == "account"
    email_key = parse_email_key(claims.subject_id) if claims.subject_id and not is_about_account else ""
    values = {
        "account_id": claims.subject_id,
        "email_key": email_key,
        "moment": now(),
        "spent_id": claims.spent_id,
        "revoked_id": claims.spent_id + REVOKED_SUFFIX,
        "restored_id": RESTORED_ID,
        "deleted_id": _deleted_id(uow, key, email_key) if email_key else "",
        "released_id": _released_id(uow, key, email_key) if email_key and holder in kind.dies_with else "",
    }
    account, *marks = uow.session.execute(_STATE_QUERIES[kind.about], values).one()
    if account is None and is_about_account:
        raise as_link(kind).gone("the account is gone")
    return _LinkState(Subject(claims.subject_id, account), *marks)


def _check_address(claims: LinkClaims, state: _LinkState) -> None:
    if state.deleted is not None and claims.issued_at <= state.deleted - ADDRESS_RETENTION:
        raise LinkUsed("the account of this address was deleted since")
    if state.released is not None and claims.issued_at <= state.released - ADDRESS_RETENTION:
        raise LinkUsed("an account has held this address since")


def _check_parts(uow: UnitOfWork, claims: LinkClaims, state: _LinkState) -> None:
    moved_parts = uow.site.link_signer.moved_parts(claims, state.subject)
    if moved_parts:
        raise moved_parts[0].problem(
            f"{', '.join(part.name for part in moved_parts)} moved since {claims.link_id} was sent"
        )


def _check_spent(uow: UnitOfWork, claims: LinkClaims, state: _LinkState) -> None:
    if state.revoked is not None:
        raise LinkRevoked(f"{claims.spent_id} was revoked")
    if state.spent is not None:
        raise as_link(claims.kind).describe_use(uow, claims)


def check_not_before_restore(uow: UnitOfWork, issued_at: datetime) -> None:
    """Check that something which rests on what the database holds was signed after the last backup was put back.

    :raises LinkUsed: it was signed before.
    """
    restored = spent.get_keep_until(uow.session, RESTORED_ID)
    if restored is not None and issued_at <= restored - RESTORE_RETENTION:
        raise LinkUsed("signed before the database came back from a backup")


def _check_not_before_restore(claims: LinkClaims, state: _LinkState) -> None:
    if not claims.spent_id and PARTS_RAISED_BY_RESTORE.intersection(claims.kind.dies_with):
        return
    if state.restored is not None and claims.issued_at <= state.restored - RESTORE_RETENTION:
        raise LinkUsed("signed before the database came back from a backup")


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


def record_restore(uow: UnitOfWork) -> None:
    """Invalidate all links that were signed before this moment and rest on marks: some of these are lost.

    A database that was restored from a backup knows nothing of what was used since.
    """
    spent.spend_until(uow.session, RESTORED_ID, now() + RESTORE_RETENTION)
