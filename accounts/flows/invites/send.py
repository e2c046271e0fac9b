"""Send an invitation, and record what was sent. What may be done to those that are out: ``manage``.

No link needs the record. It is how admins see what is out, and what they name when they revoke one.
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
from accounts.flows.invites.link import INVITE, INVITE_PURPOSE, INVITE_TTL, OPERATOR, letter_lane
from accounts.flows.shared.fields import Email, Form, Groups, Locale, Next, clean_name

MAX_INVITE_TTL = timedelta(days=90)


InviteeName = Annotated[
    str,
    BeforeValidator(clean_name),
    Field(title=N_("Name"), max_length=100, json_schema_extra={"input": "text", "maxlength": 100}),
]


Days = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_INVITE_TTL.days,
        strict=False,
        title=N_("Valid for how many days"),
        json_schema_extra={"input": "number"},
    ),
]


class InviteForm(Form):
    """Whom to invite, into which groups, for how long, and in which language to write."""

    email: Email
    groups: Groups = Field(default_factory=list)
    days: Days = INVITE_TTL.days
    locale: Locale = "en"
    next: Next = ""
    name: InviteeName = ""


def send_invite(uow: UnitOfWork, form: InviteForm, *, send_letter: bool = True) -> SentInvite:
    """Invite one address. The signed-in admin is the inviter; an operator on the console has no account.

    :param send_letter: whether an email goes out; :func:`make_invite_url` has the link either way.
    :raises TooManyRequests: too many invitations by this inviter.
    """
    inviter_id = uow.request_info.account_id or OPERATOR
    # Whoever does not say how long leaves it to the installation (ACCOUNTS_LIFETIME_INVITE).
    lifetime = timedelta(days=form.days) if "days" in form.model_fields_set else uow.site.link_signer.lifetime(INVITE)
    with uow:
        if inviter_id:
            uow.count_attempts(throttle.INVITER.by(inviter_id))
        return create_invite(
            uow,
            form.email,
            name=form.name,
            send_letter=send_letter,
            groups=form.groups,
            locale=form.locale,
            inviter_id=inviter_id,
            next=form.next,
            expires_at=now() + lifetime,
        )


def create_invite(
    uow: UnitOfWork, address: EmailAddress, *, name: str = "", send_letter: bool = True, **columns: Any
) -> SentInvite:
    """Record an invitation, and queue its email."""
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
    if send_letter:
        uow.enqueue(INVITE_PURPOSE, row.id, locale=row.locale, **letter_lane(row))
    batch = {"batch": row.batch_id} if row.batch_id else {}
    uow.record_event("invite.sent", facts={"invite": row.id, "groups": row.groups, **batch})
    return row
