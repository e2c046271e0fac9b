"""Opening a link: is it genuine, is its sentence still true, is it young enough?"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.database import spent
from accounts.core.errors import DeadLink, LinkExpired, LinkInvalid, LinkRevoked, LinkUsed
from accounts.core.link_kinds.parts import Subject, anchor, auth_epoch, email_serial, holder, lock_serial, sign_ins
from accounts.core.links.link import Link, Opened, Sentence, address_key
from accounts.core.models.account import Account
from accounts.core.signing.keys import Key
from accounts.core.uow import UnitOfWork

REVOKED = ":revoked"
RESTORED = "restored"
REMEMBERED = timedelta(days=400)
"""How long the return of a backup is remembered: longer than any link lives (a lifetime is at most 366 days)."""
RAISED = frozenset({auth_epoch, sign_ins, email_serial, lock_serial, anchor})
"""Parts that are raised beyond all they have ever been when a backup has come back. What binds one is dead then."""
GONE = timedelta(days=100)
"""How long the deletion of an address is remembered: longer than any link about one lives."""


def open_link(uow: UnitOfWork, link: Link, token: object) -> Opened:
    """The link, alive, with the account it is about as it is now. Changes nothing.

    State is judged before age: "this was done already" helps more than "too old".

    :raises DeadLink: one of its kinds; ``reason`` says more than its public sentence.
    """
    sentence = uow.house.signer.read(link, token)
    try:
        return _judge(uow, link, sentence)
    except DeadLink as dead:
        dead.genuine = sentence
        raise


def _judge(uow: UnitOfWork, link: Link, sentence: Sentence) -> Opened:
    subject = find_subject(uow, link, sentence)
    if subject.account is not None and not subject.account.active:
        raise LinkInvalid("the account is disabled")
    moved = uow.house.signer.moved(sentence, subject)
    if moved:
        raise moved[0].says(f"{', '.join(part.name for part in moved)} moved since {sentence.link_id} was sent")
    expires_at = uow.house.signer.expires_at(sentence)
    opened = Opened(sentence, subject, expires_at)
    _check_spent(uow, opened)
    if now() > expires_at:
        raise LinkExpired(f"{sentence.link_id} was good until {expires_at.isoformat()}")
    link.check(uow, opened)
    return opened


def find_subject(uow: UnitOfWork, link: Link, sentence: Sentence) -> Subject:
    """Whom a genuine link speaks of, as they are now.

    :raises LinkInvalid: the account is gone.
    """
    if link.about == "account":
        account = uow.session.get(Account, sentence.subject_id)
        if account is None:
            raise link.gone("the account is gone")
        return Subject(account.id, account)
    if not sentence.subject_id:
        return Subject("", None)
    _check_gone(uow, sentence)
    _check_left(uow, sentence)
    return holder_of(uow, sentence.subject_id)


def holder_of(uow: UnitOfWork, email: str) -> Subject:
    """An address, and the account that holds it at this moment."""
    key = address_key(email)
    return Subject(email, uow.session.scalars(select(Account).where(Account.email_key == key)).first())


def account_of(uow: UnitOfWork, subject: str) -> Account | None:
    """The account that an intent speaks of, by id or by address."""
    return holder_of(uow, subject).account if "@" in subject else uow.session.get(Account, subject)


def forget_address(uow: UnitOfWork, email_key: str) -> None:
    """Have all links about an address die that were signed before this moment: its account is being deleted.

    The mark is a keyed digest under each key of the ring, as links are checked under the key that signed them.
    """
    for key in uow.house.ring.newest_first():
        spent.spend_until(uow.session, _gone(uow, key, email_key), now() + GONE)


def leave_address(uow: UnitOfWork, email_key: str) -> None:
    """Have links die that only hold while nobody has an address: its account moves away, and it is nobody's again.

    Without the mark, activations from before would come back to life. Invitations stay: they wait for their address.
    """
    for key in uow.house.ring.newest_first():
        spent.spend_until(uow.session, _left(uow, key, email_key), now() + GONE)


def _gone(uow: UnitOfWork, key: Key, email_key: str) -> str:
    return "gone:" + uow.house.envelope.tag(key, ["gone", email_key], 16).hex()


def _left(uow: UnitOfWork, key: Key, email_key: str) -> str:
    return "left:" + uow.house.envelope.tag(key, ["left", email_key], 16).hex()


def gone_at(uow: UnitOfWork, sentence: Sentence) -> datetime | None:
    """When the account of the address that a genuine link is about was last deleted, if one was."""
    mark = _gone(uow, sentence.statement.key, address_key(sentence.subject_id))
    kept_until = spent.kept_until(uow.session, mark)
    return None if kept_until is None else kept_until - GONE


def _check_gone(uow: UnitOfWork, sentence: Sentence) -> None:
    deleted_at = gone_at(uow, sentence)
    if deleted_at is not None and sentence.issued_at <= deleted_at:
        raise LinkUsed("the account of this address was deleted since")


def _check_left(uow: UnitOfWork, sentence: Sentence) -> None:
    if holder not in sentence.link.dies_with:
        return
    mark = _left(uow, sentence.statement.key, address_key(sentence.subject_id))
    kept_until = spent.kept_until(uow.session, mark)
    if kept_until is not None and sentence.issued_at <= kept_until - GONE:
        raise LinkUsed("an account has held this address since")


def forget_marks(uow: UnitOfWork) -> None:
    """Have all links die that were signed before this moment and rest on marks: some of these are lost.

    A database that came back from a backup knows nothing of what was used up since.
    """
    spent.spend_until(uow.session, RESTORED, now() + REMEMBERED)


def _check_spent(uow: UnitOfWork, opened: Opened) -> None:
    if opened.link.spends is None and RAISED.intersection(opened.link.dies_with):
        return
    mark = opened.link.spends(opened.carried) if opened.link.spends else ""
    marks = spent.among(uow.session, (mark, mark + REVOKED, RESTORED))
    if mark + REVOKED in marks:
        raise LinkRevoked(f"{mark} was revoked")
    if mark in marks:
        raise LinkUsed(f"{mark} was used")
    if RESTORED in marks and opened.sentence.issued_at <= marks[RESTORED] - REMEMBERED:
        raise LinkUsed("signed before the database came back from a backup")
