"""Invite by a link in an email: an admin signs for an address, and whoever has its mailbox accepts.

An invitation is a link: id, address, groups, inviter and end are in it. It is valid while it is neither accepted nor
revoked, and its inviter may still invite and did not have to take their account back since. What was sent is recorded
(:mod:`accounts.flows.invites.send`), which no link needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer
from sqlalchemy import exists, select, update

from accounts.core.clock import now
from accounts.core.database.spent import FOR_EVER, is_spent, spend_until
from accounts.core.errors import NotSignedIn, WrongAccount
from accounts.core.link_errors import LinkRevoked, LinkUsed
from accounts.core.link_kinds.kind import EmptyModel, LinkClaims
from accounts.core.link_kinds.parts import Subject
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import REVOKED_SUFFIX
from accounts.core.local_time import UNKNOWN_ZONE
from accounts.core.messages import N_
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.invites import SentInvite
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.inviters import OPERATOR, may_invite, select_inviters
from accounts.flows.shared import accounts, app_targets, new_credentials, open_invites
from accounts.flows.shared.accounts import FIRST_ADMIN_SPENT_ID, InitialCredentials, NewCredentials, NoPassword
from accounts.flows.shared.fields import (
    AcceptedTerms,
    BrowserZone,
    Email,
    Form,
    Name,
    NewAccountForm,
    NewPassword,
)
from accounts.flows.shared.open_invites import spent_id

INVITE_PURPOSE = "invite"
INVITE_TTL = timedelta(days=7)
FIRST_ADMIN_INVITE_ID = FIRST_ADMIN_SPENT_ID.partition(":")[2]


class InvitePayload(Form):
    """What an invitation says beside the address.

    :ivar name: whom it is for, where no row of the ledger says so: else the row is asked, and the link stays short.
    """

    id: str
    expires: int
    groups: list[str]
    inviter: str
    locale: str
    next: str = ""
    name: str = ""

    @model_serializer(mode="wrap")
    def _leave_out_name(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A field that nobody fills would make every link longer, and unreadable for a process of the version before.
        values: dict[str, Any] = handler(self)
        return values if values["name"] else {key: value for key, value in values.items() if key != "name"}


class FirstAdminForm(Form):
    """The first admin's form, which asks for the address, too; access to the console is the proof."""

    email: Email
    name: Name = ""
    password: NewPassword
    zone: BrowserZone = UNKNOWN_ZONE
    terms: AcceptedTerms = ""


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the email with the invitation, or None where it is not open any more."""
    row = uow.session.get(SentInvite, item.about.id)
    if row is None or row.state != "pending":
        return None
    if row.inviter_id and not may_invite(uow, row.inviter_id):
        return None
    return build_letter(uow, row, make_invite_url(uow, row))


def build_letter(uow: UnitOfWork, row: SentInvite, url: str) -> Letter:
    """Return the email of an invitation with a link that is given."""
    inviter = uow.session.get(Account, row.inviter_id) if row.inviter_id else None
    context = {
        "asked": None,
        "email": row.email,
        "name": row.name,
        "inviter": inviter.name or inviter.email if inviter else None,
        "app": app_targets.find_app_name(uow, row.next),
        "message": row.message,
        "groups": row.groups,
        "until": row.expires_at,
    }
    return Letter(INVITE_PURPOSE, row.email, row.locale, context, link=url)


def make_invite_url(uow: UnitOfWork, row: SentInvite) -> str:
    """Return a fresh link of an invitation."""
    return uow.link_url(INVITE, Subject(row.email, None), make_invite_payload(row, row.inviter_id))


def make_invite_payload(row: SentInvite, inviter_id: str) -> InvitePayload:
    """Return what the links of an invitation say beside the address.

    :param inviter_id: the account whose right to invite the link depends on.
    """
    return InvitePayload(
        id=row.id,
        expires=int(row.expires_at.timestamp()),
        groups=row.groups,
        inviter=inviter_id,
        locale=row.locale,
        next=row.next,
    )


def resend_invite_link(uow: UnitOfWork, claims: LinkClaims) -> bool:
    """Queue a fresh link of the same invitation, as long as it is open, and return whether it is."""
    row = uow.session.get(SentInvite, claims.carried.id)
    if row is None or row.state != "pending":
        return False
    uow.enqueue(INVITE_PURPOSE, row.id, locale=row.locale)
    return True


def form_for_invite(opened: OpenedLink) -> type[BaseModel]:
    """Return the form that an invitation asks for: it depends on who holds the address."""
    if not opened.subject.id:
        return FirstAdminForm
    return EmptyModel if opened.subject.account else NewAccountForm


def check_invite(uow: UnitOfWork, opened: OpenedLink) -> None:
    """Check that an invitation may be accepted.

    :raises LinkRevoked: its inviter may not invite any more.
    :raises LinkUsed: it is the first admin's, and somebody administers already.
    :raises AddressTaken: the address is kept for another account.
    """
    carried: InvitePayload = opened.carried
    check_inviter(uow, carried.inviter, opened.claims.issued_at, carried.groups)
    if carried.id == FIRST_ADMIN_INVITE_ID and uow.session.scalar(
        select(exists().where(Membership.group == ADMIN_GROUP))
    ):
        raise LinkUsed("somebody administers already")
    accounts.check_address_available(opened)


def check_inviter(uow: UnitOfWork, inviter_id: str, issued_at: datetime, groups: Iterable[str]) -> None:
    """Check that what somebody has issued still holds. The operator's always does.

    :raises LinkRevoked: the inviter may not invite any more, or had to take the account back since.
    """
    if inviter_id == OPERATOR:
        return
    columns = (Account.admin_invites_void_until, Account.void_invites)
    row = uow.session.execute(select_inviters().add_columns(*columns).where(Account.id == inviter_id)).first()
    if row is None:
        raise LinkRevoked("its inviter may not invite any more")
    if open_invites.is_void(row[1], row[2], issued_at, groups):
        raise LinkRevoked("issued before its inviter's account was taken back")


def invite_context(uow: UnitOfWork, opened: OpenedLink) -> dict[str, Any]:
    """Return what the page of an invitation shows: also who says what in it, as the email does."""
    carried: InvitePayload = opened.carried
    row = uow.session.get(SentInvite, carried.id)
    inviter = uow.session.get(Account, carried.inviter) if carried.inviter else None
    return {
        "groups": carried.groups,
        "member": opened.subject.account is not None,
        "name": "" if opened.subject.account else _find_invitee_name(uow, carried),
        "inviter": inviter.name if inviter else "",
        "app": app_targets.find_app_name(uow, carried.next),
        "message": row.message if row else "",
    }


def invite_values(uow: UnitOfWork, opened: OpenedLink) -> dict[str, Any]:
    """Return what stands in the form of an invitation before anything is typed."""
    return {"name": _find_invitee_name(uow, opened.carried)}


def _find_invitee_name(uow: UnitOfWork, carried: InvitePayload) -> str:
    return uow.session.scalar(select(SentInvite.name).where(SentInvite.id == carried.id)) or carried.name


def prepare_invite_credentials(uow: UnitOfWork, opened: OpenedLink, form: Any) -> NewCredentials | None:
    """Check and hash the chosen password, before the transaction; None where the address has an account."""
    if not isinstance(form, NewAccountForm | FirstAdminForm):
        return None
    address = form.email if isinstance(form, FirstAdminForm) else None
    email = address.email if address else opened.subject.id
    # Whoever says nothing is called as the invitation calls them; whoever says "" has no name.
    name = form.name if "name" in form.model_fields_set else _find_invitee_name(uow, opened.carried)
    return new_credentials.prepare_credentials(uow, form, email=email, name=name, address=address)


def act(uow: UnitOfWork, opened: OpenedLink, credentials: InitialCredentials | None) -> ActResult:
    """Accept the invitation: create the account and sign it in, or add the groups to the one that is there."""
    carried: InvitePayload = opened.carried
    if not uow.spend(spent_id(carried.id), _keep_spent_until(uow, opened)):
        if is_spent(uow.session, spent_id(carried.id) + REVOKED_SUFFIX):
            raise LinkRevoked("revoked at the same moment")
        raise LinkUsed("accepted at the same moment")
    if isinstance(credentials, NoPassword) and not credentials.name:
        credentials = replace(credentials, name=_find_invitee_name(uow, carried))
    result = create_or_extend_account(uow, opened, credentials)
    statement = update(SentInvite).where(SentInvite.id == carried.id).values(accepted_at=now())
    latest_expiry = uow.session.scalar(statement.returning(SentInvite.expires_at))
    if latest_expiry is not None and latest_expiry > opened.expires_at:
        # It was extended: a link with the later end is out, and must not outlive the mark.
        spend_until(uow.session, spent_id(carried.id), uow.site.link_signer.keep_spent_until(latest_expiry))
    uow.record_event(
        "invite.accepted", account_id=result.account_id, link_id=opened.link_id, facts={"invite": carried.id}
    )
    return result


def create_or_extend_account(
    uow: UnitOfWork, opened: OpenedLink, credentials: InitialCredentials | None
) -> ActResult:
    """Create the account of an address with the groups of a link, or add them to the one that holds it.

    :raises NotSignedIn, WrongAccount: the account that holds it is not signed in here.
    :raises LinkUsed: the account that held it is gone.
    """
    carried = opened.carried
    account = opened.subject.account
    if account is not None:
        if uow.request_info.account_id is None:
            raise NotSignedIn("an account holds the invited address")
        if uow.request_info.account_id != account.id:
            raise WrongAccount("another account is signed in")
        accounts.add_groups(uow, account, carried.groups)
        account.invited = True
        return ActResult(account.id)
    if credentials is None:
        raise LinkUsed("the account that held the address is gone")
    email = credentials.email.email if credentials.email and not opened.subject.id else opened.subject.id
    # The first admin's link was mailed to nobody: their language is the one that they read it in.
    locale = carried.locale if opened.subject.id else uow.request_info.locale
    account = accounts.create_account(uow, email, credentials, groups=carried.groups, locale=locale, invited=True)
    # Typed by whoever reads the console; an app must not take it for an address that somebody has proven.
    account.email_unproven = not opened.subject.id
    return ActResult(account.id, sign_in_as=account, created=True)


def _keep_spent_until(uow: UnitOfWork, opened: OpenedLink) -> datetime:
    if opened.carried.id == FIRST_ADMIN_INVITE_ID:
        return FOR_EVER
    return uow.site.link_signer.keep_spent_until(opened.expires_at)


INVITE = Link(
    purpose=INVITE_PURPOSE,
    lifetime=INVITE_TTL,
    about="address",
    dies_with=(),
    spends=lambda carried: spent_id(carried.id),
    carries=InvitePayload,
    form=NewAccountForm,
    form_for=form_for_invite,
    check=check_invite,
    context=invite_context,
    values=invite_values,
    letter=letter,
    prepare=prepare_invite_credentials,
    resend=resend_invite_link,
    # When an invitation ends is for admins to say.
    resend_after=(),
    act=act,
    title=N_("You're invited"),
    explanation=N_("Accept to join."),
    button=N_("Accept invitation"),
    done=N_("Welcome."),
)
