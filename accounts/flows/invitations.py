"""The ledger of invitations: sending one, sending it again, taking it back, and what was sent.

No link needs the ledger. It is how admins see what is out, and what they speak about when they take one back.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field
from sqlalchemy import select

from accounts.core import throttle
from accounts.core.clock import now
from accounts.core.errors import NotFound, sentence
from accounts.core.ids import new_id
from accounts.core.models import SentInvite
from accounts.core.opening import REVOKED
from accounts.core.uow import UnitOfWork
from accounts.flows.inputs import Asks, Email, Groups, Locale, Next
from accounts.flows.invite import INVITE, LIVES, OPERATOR, PURPOSE, mark

LONGEST = timedelta(days=90)


class Invite(Asks):
    """Whom to invite, into which groups, for how long, and in which language to write."""

    email: Email
    groups: Groups = Field(default_factory=list)
    days: int = Field(
        default=LIVES.days,
        ge=1,
        le=LONGEST.days,
        strict=False,
        title=sentence("Valid for how many days"),
        json_schema_extra={"input": "number"},
    )
    locale: Locale = "en"
    next: Next = ""


def send(uow: UnitOfWork, said: Invite, *, mailed: bool = True) -> SentInvite:
    """Invite one address. The asker is the inviter; an operator on the console has no account.

    :param mailed: whether a letter goes out; :func:`url_of` has the link either way.

    :raises TooManyRequests: too many invitations by this inviter.
    """
    inviter = uow.asker.account_id or OPERATOR
    if inviter:
        uow.house.throttle.hit(throttle.INVITER, inviter)
    # Whoever does not say how long leaves it to the installation (ACCOUNTS_LIFETIME_INVITE).
    lives = timedelta(days=said.days) if "days" in said.model_fields_set else uow.house.signer.lives(INVITE)
    with uow:
        row = SentInvite(
            id=new_id(),
            email=said.email.email,
            email_key=said.email.key,
            groups=said.groups,
            locale=said.locale,
            inviter_id=inviter,
            next=said.next,
            expires_at=now() + lives,
        )
        uow.session.add(row)
        if mailed:
            uow.put(PURPOSE, row.id, locale=row.locale)
        uow.note("invite.sent", facts={"invite": row.id, "groups": row.groups})
    return row


def resend(uow: UnitOfWork, id: str) -> SentInvite:
    """Mail an open invitation once more. Links that are out stay alive: it is the same invitation.

    :raises NotFound: there is none that is still open.
    """
    with uow:
        row = _open_row(uow, id)
        row.sent += 1
        uow.put(PURPOSE, row.id, locale=row.locale)
        uow.note("invite.resent", facts={"invite": row.id})
    return row


def revoke(uow: UnitOfWork, id: str) -> SentInvite:
    """Take an invitation back: every link of it that is out is dead.

    :raises NotFound: there is none that is still open.
    """
    with uow:
        row = _open_row(uow, id)
        keep_until = uow.house.signer.keep_spent_until(row.expires_at)
        # The mark that acceptance needs, too: of the two at the same moment one is told that it came too late.
        if not uow.spend(mark(id), keep_until):
            raise NotFound("accepted at the same moment")
        uow.spend(mark(id) + REVOKED, keep_until)
        row.revoked_at = now()
        uow.note("invite.revoked", facts={"invite": row.id})
    return row


def listing(uow: UnitOfWork, *, limit: int = 200) -> list[SentInvite]:
    """What was sent, newest first."""
    order = (SentInvite.created_at.desc(), SentInvite.id)
    return list(uow.session.scalars(select(SentInvite).order_by(*order).limit(limit)))


def _open_row(uow: UnitOfWork, id: str) -> SentInvite:
    row = uow.session.get(SentInvite, id)
    if row is None or row.state != "pending":
        raise NotFound("no open invitation of this id")
    return row
