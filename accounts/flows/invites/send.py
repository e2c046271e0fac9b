"""Send an invitation, and record what was sent. What may be done to those that are out: ``manage``.

No link needs the record. It is how admins see what is out, and what they name when they revoke one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.mail_lanes import BULK, DIRECT
from accounts.core.messages import N_
from accounts.core.models.invites import SentInvite
from accounts.core.outbox import Letter
from accounts.core.security import throttle
from accounts.core.security.addresses import EmailAddress
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.inviters import OPERATOR
from accounts.flows.invites.link import INVITE, INVITE_PURPOSE, INVITE_TTL, build_letter
from accounts.flows.invites.message import InviteMessage
from accounts.flows.shared import app_targets
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
        title=N_("Valid for"),
        json_schema_extra={"input": "days"},
    ),
]


AppChoice = Annotated[
    str,
    BeforeValidator(clean_name),
    Field(
        title=N_("Destination app"),
        description="id or name of an app that has an address where a sign-in begins",
        max_length=100,
        json_schema_extra={"input": "app"},
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
    app: AppChoice = ""
    message: InviteMessage = ""


def choose_target(uow: UnitOfWork, app: str, next: str) -> str:
    """Return where whoever accepts goes then: into the app that was chosen, or else to the return target.

    :raises InvalidInput: there is no such app.
    """
    return app_targets.choose_app_path(uow, app) if app else next


def send_invite(uow: UnitOfWork, form: InviteForm, *, send_letter: bool = True) -> SentInvite:
    """Invite one address. The signed-in admin is the inviter; an operator on the console has no account.

    :param send_letter: whether an email goes out; :func:`make_invite_url` has the link either way.
    :raises InvalidInput: there is no such app.
    :raises TooManyRequests: too many invitations by this inviter.
    """
    inviter_id = uow.request_info.account_id or OPERATOR
    # Whoever does not say how long leaves it to the installation (ACCOUNTS_LIFETIME_INVITE).
    lifetime = timedelta(days=form.days) if "days" in form.model_fields_set else uow.site.link_signer.lifetime(INVITE)
    with uow:
        if inviter_id:
            uow.count_attempts(throttle.INVITER.by(inviter_id))
        target = choose_target(uow, form.app, form.next)
        return create_invite(
            uow,
            form.email,
            name=form.name,
            send_letter=send_letter,
            groups=form.groups,
            locale=form.locale,
            inviter_id=inviter_id,
            message=form.message,
            next=target,
            expires_at=now() + lifetime,
        )


def preview_letter(uow: UnitOfWork, form: InviteForm) -> Letter:
    """Return the email that :func:`send_invite` would send, with a link that leads nowhere. Nothing is stored.

    :raises InvalidInput: there is no such app.
    """
    row = SentInvite(
        email=form.email.email,
        name=form.name,
        groups=form.groups,
        locale=form.locale,
        inviter_id=uow.request_info.account_id or OPERATOR,
        message=form.message,
        next=choose_target(uow, form.app, form.next),
        expires_at=now() + timedelta(days=form.days),
    )
    return build_letter(uow, row, uow.site.link_signer.page_url(f"/l/{INVITE_PURPOSE}/preview"))


def enqueue_letter(uow: UnitOfWork, row: SentInvite, *, goes_to_many: bool) -> None:
    """Queue the email of an invitation.

    :param goes_to_many: whether it is one of many, which nobody else's mail may wait for.
    """
    lane, batch_id = (BULK, row.batch_id) if goes_to_many else (DIRECT, None)
    uow.enqueue(INVITE_PURPOSE, row.id, locale=row.locale, lane=lane, batch_id=batch_id)


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
        enqueue_letter(uow, row, goes_to_many=row.batch_id is not None)
    batch = {"batch": row.batch_id} if row.batch_id else {}
    uow.record_event("invite.sent", facts={"invite": row.id, "groups": row.groups, **batch})
    return row
