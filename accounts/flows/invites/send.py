"""The ledger of invitations: sending one, and what was sent. What may be done to those that are out is next door.

No link needs the ledger. It is how admins see what is out, and what they speak about when they take one back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from accounts.core.clock import now
from accounts.core.errors import N_
from accounts.core.ids import new_id
from accounts.core.models.invites import SentInvite
from accounts.core.security import throttle
from accounts.core.security.addresses import EmailAddress
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.link import INVITE, LIVES, OPERATOR, PURPOSE
from accounts.flows.shared.fields import Asks, Email, Groups, Locale, Next, plain_name

LONGEST = timedelta(days=90)


InvitedName = Annotated[
    str,
    BeforeValidator(plain_name),
    Field(title=N_("Name"), max_length=100, json_schema_extra={"input": "text", "maxlength": 100}),
]


Days = Annotated[
    int,
    Field(
        ge=1,
        le=LONGEST.days,
        strict=False,
        title=N_("Valid for how many days"),
        json_schema_extra={"input": "number"},
    ),
]


class Invite(Asks):
    """Whom to invite, into which groups, for how long, and in which language to write."""

    email: Email
    groups: Groups = Field(default_factory=list)
    days: Days = LIVES.days
    locale: Locale = "en"
    next: Next = ""
    name: InvitedName = ""


def send(uow: UnitOfWork, said: Invite, *, mailed: bool = True) -> SentInvite:
    """Invite one address. The asker is the inviter; an operator on the console has no account.

    :param mailed: whether a letter goes out; :func:`url_of` has the link either way.

    :raises TooManyRequests: too many invitations by this inviter.
    """
    inviter = uow.request_info.account_id or OPERATOR
    if inviter:
        uow.site.throttle.hit(throttle.INVITER, inviter)
    # Whoever does not say how long leaves it to the installation (ACCOUNTS_LIFETIME_INVITE).
    lives = timedelta(days=said.days) if "days" in said.model_fields_set else uow.site.link_signer.lifetime(INVITE)
    with uow:
        return enter(
            uow,
            said.email,
            name=said.name,
            mailed=mailed,
            groups=said.groups,
            locale=said.locale,
            inviter_id=inviter,
            next=said.next,
            expires_at=now() + lives,
        )


def enter(
    uow: UnitOfWork, address: EmailAddress, *, name: str = "", mailed: bool = True, **columns: Any
) -> SentInvite:
    """Put an invitation into the ledger, and its letter into the outbox."""
    row = SentInvite(
        id=new_id(),
        email=address.email,
        email_key=address.key,
        name=name,
        # Folding makes some letters two or three.
        search=f"{address.key} {name.casefold()}".strip()[:400],
        **columns,
    )
    uow.session.add(row)
    if mailed:
        uow.enqueue(PURPOSE, row.id, locale=row.locale)
    batch = {"batch": row.batch_id} if row.batch_id else {}
    uow.record_event("invite.sent", facts={"invite": row.id, "groups": row.groups, **batch})
    return row
