"""Invitations: an admin vouches for an address, the mailbox answers.

An invitation is a statement too: id, address, groups, inviter and end stand in the link. It holds while it is
genuine, neither accepted nor revoked, and its inviter may still invite. What was sent stands in the ledger
(:mod:`accounts.flows.invites.send`), which no link needs.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Select, exists, select, update

from accounts.core.clock import now
from accounts.core.database.spent import FOR_EVER, is_spent, spend_until
from accounts.core.errors import N_, LinkRevoked, LinkUsed, NotSignedIn, WrongAccount
from accounts.core.link_kinds.parts import Subject
from accounts.core.links.link import ActResult, EmptyModel, Link, LinkClaims, OpenedLink
from accounts.core.links.opening import REVOKED_SUFFIX
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.invites import SentInvite
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts
from accounts.flows.shared.accounts import FIRST_ADMIN, Chosen, Newcomer
from accounts.flows.shared.fields import Asks, Email, Name, NewAccount, NewPassword

PURPOSE = "invite"
LIVES = timedelta(days=7)
FIRST_ADMIN_ID = FIRST_ADMIN.partition(":")[2]
OPERATOR = ""
"""The inviter of invitations made on the console: whoever holds the key ring vouches for them."""


class Carried(Asks):
    """What an invitation says beside the address."""

    id: str
    expires: int
    groups: list[str]
    inviter: str
    locale: str
    next: str = ""


class FirstAdmin(Asks):
    """The first admin also says which address is theirs; the console the link came from is the proof."""

    email: Email
    name: Name = ""
    password: NewPassword


def letter(uow: UnitOfWork, intent: OutboxItem) -> Letter | None:
    row = uow.session.get(SentInvite, intent.subject)
    if row is None or row.state != "pending":
        return None
    inviter = uow.session.get(Account, row.inviter_id) if row.inviter_id else None
    if row.inviter_id and not may_invite(uow, row.inviter_id):
        return None
    facts = {
        "asked": None,
        "email": row.email,
        "inviter": inviter.name or inviter.email if inviter else None,
        "groups": row.groups,
        "until": row.expires_at,
    }
    return Letter(PURPOSE, row.email, row.locale, facts, link=url_of(uow, row))


def url_of(uow: UnitOfWork, row: SentInvite) -> str:
    """A fresh link of an invitation."""
    return uow.link_url(INVITE, Subject(row.email, None), carried_of(row, row.inviter_id))


def carried_of(row: SentInvite, inviter: str) -> Carried:
    """What the links of an invitation say beside the address, ``inviter`` vouching for them."""
    return Carried(
        id=row.id,
        expires=int(row.expires_at.timestamp()),
        groups=row.groups,
        inviter=inviter,
        locale=row.locale,
        next=row.next,
    )


def again(uow: UnitOfWork, sentence: LinkClaims) -> bool:
    """A fresh link of the same invitation, as long as it is open: when it ends is for admins to say."""
    row = uow.session.get(SentInvite, sentence.carried.id)
    if row is None or row.state != "pending":
        return False
    uow.enqueue(PURPOSE, row.id, locale=row.locale)
    return True


def asks_of(opened: OpenedLink) -> type[BaseModel]:
    if not opened.subject.id:
        return FirstAdmin
    return EmptyModel if opened.subject.account else NewAccount


def check(uow: UnitOfWork, opened: OpenedLink) -> None:
    carried: Carried = opened.carried
    if carried.inviter and not may_invite(uow, carried.inviter):
        raise LinkRevoked("its inviter may not invite any more")
    if carried.id == FIRST_ADMIN_ID and uow.session.scalar(select(exists().where(Membership.group == ADMIN_GROUP))):
        raise LinkUsed("somebody administers already")
    accounts.check_free(uow, opened.subject)


def shows(opened: OpenedLink) -> dict[str, Any]:
    return {"groups": opened.carried.groups, "member": opened.subject.account is not None}


def prepare(uow: UnitOfWork, opened: OpenedLink, said: Any) -> Chosen | None:
    if not isinstance(said, NewAccount | FirstAdmin):
        return None
    address = said.email if isinstance(said, FirstAdmin) else None
    email = address.email if address else opened.subject.id
    return Chosen(accounts.choose(uow, said.password, email=email, name=said.name), address, said.name)


def act(uow: UnitOfWork, opened: OpenedLink, said: Newcomer | None) -> ActResult:
    carried: Carried = opened.carried
    if not uow.spend(mark(carried.id), _keep_until(uow, opened)):
        if is_spent(uow.session, mark(carried.id) + REVOKED_SUFFIX):
            raise LinkRevoked("revoked at the same moment")
        raise LinkUsed("accepted at the same moment")
    done = _join(uow, opened, said)
    accepted = update(SentInvite).where(SentInvite.id == carried.id).values(accepted_at=now())
    latest = uow.session.scalar(accepted.returning(SentInvite.expires_at))
    if latest is not None and latest > opened.expires_at:
        # It was extended: a link with the later end is out, and must not outlive the mark.
        spend_until(uow.session, mark(carried.id), uow.site.link_signer.keep_spent_until(latest))
    uow.record_event(
        "invite.accepted", account_id=done.account_id, link_id=opened.link_id, facts={"invite": carried.id}
    )
    return done


def _join(uow: UnitOfWork, opened: OpenedLink, said: Newcomer | None) -> ActResult:
    carried: Carried = opened.carried
    account = opened.subject.account
    if account is not None:
        if uow.request_info.account_id is None:
            raise NotSignedIn("an account holds the invited address")
        if uow.request_info.account_id != account.id:
            raise WrongAccount("another account is signed in")
        accounts.grant(uow, account, carried.groups)
        return ActResult(account.id)
    if said is None:
        raise LinkUsed("the account that held the address is gone")
    email = said.email.email if said.email and not opened.subject.id else opened.subject.id
    account = accounts.create(uow, email, said, groups=carried.groups, locale=carried.locale)
    return ActResult(account.id, sign_in_as=account, created=True)


def may_invite(uow: UnitOfWork, account_id: str) -> bool:
    """Whether invitations of this account hold: it is active, and administers."""
    return uow.session.scalar(inviters().where(Account.id == account_id)) is not None


def inviters() -> Select[Any]:
    """The accounts whose invitations hold."""
    administers = (Membership.account_id == Account.id) & (Membership.group == ADMIN_GROUP)
    return select(Account.id).join(Membership, administers).where(Account.status == "active")


def voucher(uow: UnitOfWork, inviter_id: str) -> str:
    """Who stands behind a link that is handed out now: its inviter, or who hands it out if that one may no more."""
    if inviter_id == OPERATOR or may_invite(uow, inviter_id):
        return inviter_id
    return uow.request_info.account_id or OPERATOR


def _keep_until(uow: UnitOfWork, opened: OpenedLink) -> datetime:
    if opened.carried.id == FIRST_ADMIN_ID:
        return FOR_EVER
    return uow.site.link_signer.keep_spent_until(opened.expires_at)


def mark(id: str) -> str:
    """What is spent when an invitation is accepted or taken back."""
    return f"invite:{id}"


INVITE = Link(
    purpose=PURPOSE,
    lifetime=LIVES,
    about="address",
    dies_with=(),
    spends=lambda carried: mark(carried.id),
    carries=Carried,
    form=NewAccount,
    form_for=asks_of,
    check=check,
    context=shows,
    letter=letter,
    prepare=prepare,
    can_resend=again,
    # When an invitation ends is for admins to say.
    resend_after=(),
    act=act,
    title=N_("You are invited"),
    explanation=N_("Accept the invitation, and you are in."),
    button=N_("Accept invitation"),
    done=N_("Welcome."),
)
