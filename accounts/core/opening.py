"""Opening a link: is it genuine, is its sentence still true, is it young enough?"""

from __future__ import annotations

from sqlalchemy import select

from accounts.core import spent
from accounts.core.clock import now
from accounts.core.errors import LinkExpired, LinkInvalid, LinkRevoked, LinkUsed
from accounts.core.links import Link, Opened, Sentence, Subject, address_key
from accounts.core.models import Account
from accounts.core.uow import UnitOfWork

REVOKED = ":revoked"


def open_link(uow: UnitOfWork, link: Link, token: object) -> Opened:
    """The link, alive, with the account it is about as it is now. Changes nothing.

    State is judged before age: "this was done already" helps more than "too old".

    :raises DeadLink: one of its kinds; ``reason`` says more than its public sentence.
    """
    sentence = uow.house.signer.read(link, token)
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
            raise LinkInvalid("the account is gone")
        return Subject(account.id, account)
    if not sentence.subject_id:
        return Subject("", None)
    return holder_of(uow, sentence.subject_id)


def holder_of(uow: UnitOfWork, email: str) -> Subject:
    """An address, and the account that holds it at this moment."""
    key = address_key(email)
    return Subject(email, uow.session.scalars(select(Account).where(Account.email_key == key)).first())


def _check_spent(uow: UnitOfWork, opened: Opened) -> None:
    if opened.link.spends is None:
        return
    mark = opened.link.spends(opened.carried)
    if spent.is_spent(uow.session, mark + REVOKED):
        raise LinkRevoked(f"{mark} was revoked")
    if spent.is_spent(uow.session, mark):
        raise LinkUsed(f"{mark} was used")
