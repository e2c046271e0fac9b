"""Invitations: an admin vouches for an address, the mailbox answers.

An invitation is a statement too: id, address, groups, inviter and end stand in the link. It holds while it is
genuine, neither accepted nor revoked, and its inviter may still invite. The ledger is for listing and resending.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import exists, select, update

from accounts.core import throttle
from accounts.core.clock import now
from accounts.core.errors import LinkRevoked, LinkUsed, NotFound, NotSignedIn, WrongAccount, sentence
from accounts.core.ids import new_id
from accounts.core.links import Done, Link, Nothing, Opened, Sentence, Subject
from accounts.core.models import ADMINS, Account, Membership, SentInvite, Spent
from accounts.core.opening import REVOKED
from accounts.core.outbox import Intent, Letter
from accounts.core.spent import FOR_EVER, is_spent
from accounts.core.uow import UnitOfWork
from accounts.flows import accounts
from accounts.flows.accounts import FIRST_ADMIN, Chosen, Newcomer
from accounts.flows.inputs import Asks, Email, Groups, Locale, Name, NewAccount, NewPassword, Next

PURPOSE = "invite"
LIVES, LONGEST = timedelta(days=7), timedelta(days=90)
FIRST_ADMIN_ID = FIRST_ADMIN.partition(":")[2]
OPERATOR = ""
"""The inviter of invitations made on the console: whoever holds the key ring vouches for them."""


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
        if not uow.spend(_mark(id), keep_until):
            raise NotFound("accepted at the same moment")
        uow.spend(_mark(id) + REVOKED, keep_until)
        row.revoked_at = now()
        uow.note("invite.revoked", facts={"invite": row.id})
    return row


def listing(uow: UnitOfWork, *, limit: int = 200) -> list[SentInvite]:
    """What was sent, newest first."""
    order = (SentInvite.created_at.desc(), SentInvite.id)
    return list(uow.session.scalars(select(SentInvite).order_by(*order).limit(limit)))


def state_of(row: SentInvite) -> str:
    """``accepted``, ``revoked``, ``expired`` or ``pending``."""
    if row.accepted_at:
        return "accepted"
    if row.revoked_at:
        return "revoked"
    return "expired" if row.expires_at < now() else "pending"


def first_admin_url(uow: UnitOfWork) -> str | None:
    """The invitation for the first admin of an empty installation; None as soon as anybody ever administered."""
    shut = exists().where(Spent.id == FIRST_ADMIN)
    administered = exists().where(Membership.group == ADMINS)
    if any(uow.read(select(shut, administered))[0]):
        return None
    lives = uow.house.signer.lives(INVITE)
    carried = Carried(
        id=FIRST_ADMIN_ID,
        expires=int((now() + lives).timestamp()),
        groups=[ADMINS],
        inviter=OPERATOR,
        locale=uow.house.settings.locale,
    )
    with uow:
        return uow.url(INVITE, Subject("", None), carried)


def letter(uow: UnitOfWork, intent: Intent) -> Letter | None:
    row = uow.session.get(SentInvite, intent.subject)
    if row is None or state_of(row) != "pending":
        return None
    inviter = uow.session.get(Account, row.inviter_id) if row.inviter_id else None
    if row.inviter_id and not _may_invite(uow, row.inviter_id):
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
    carried = Carried(
        id=row.id,
        expires=int(row.expires_at.timestamp()),
        groups=row.groups,
        inviter=row.inviter_id,
        locale=row.locale,
        next=row.next,
    )
    return uow.url(INVITE, Subject(row.email, None), carried)


def again(uow: UnitOfWork, sentence: Sentence) -> bool:
    """A fresh link of the same invitation, as long as it is open: when it ends is for admins to say."""
    row = uow.session.get(SentInvite, sentence.carried.id)
    if row is None or state_of(row) != "pending":
        return False
    uow.put(PURPOSE, row.id, locale=row.locale)
    return True


def asks_of(opened: Opened) -> type[BaseModel]:
    if not opened.subject.id:
        return FirstAdmin
    return Nothing if opened.subject.account else NewAccount


def check(uow: UnitOfWork, opened: Opened) -> None:
    carried: Carried = opened.carried
    if carried.inviter and not _may_invite(uow, carried.inviter):
        raise LinkRevoked("its inviter may not invite any more")
    if carried.id == FIRST_ADMIN_ID and uow.session.scalar(select(exists().where(Membership.group == ADMINS))):
        raise LinkUsed("somebody administers already")


def shows(opened: Opened) -> dict[str, Any]:
    return {"groups": opened.carried.groups, "member": opened.subject.account is not None}


def prepare(uow: UnitOfWork, opened: Opened, said: Any) -> Chosen | None:
    if not isinstance(said, NewAccount | FirstAdmin):
        return None
    address = said.email if isinstance(said, FirstAdmin) else None
    email = address.email if address else opened.subject.id
    return Chosen(accounts.choose(uow, said.password, email=email, name=said.name), address, said.name)


def act(uow: UnitOfWork, opened: Opened, said: Newcomer | None) -> Done:
    carried: Carried = opened.carried
    if not uow.spend(_mark(carried.id), _keep_until(uow, opened)):
        if is_spent(uow.session, _mark(carried.id) + REVOKED):
            raise LinkRevoked("revoked at the same moment")
        raise LinkUsed("accepted at the same moment")
    done = _join(uow, opened, said)
    uow.session.execute(update(SentInvite).where(SentInvite.id == carried.id).values(accepted_at=now()))
    uow.note("invite.accepted", account_id=done.account_id, link_id=opened.link_id, facts={"invite": carried.id})
    return done


def _join(uow: UnitOfWork, opened: Opened, said: Newcomer | None) -> Done:
    carried: Carried = opened.carried
    account = opened.subject.account
    if account is not None:
        if uow.asker.account_id is None:
            raise NotSignedIn("an account holds the invited address")
        if uow.asker.account_id != account.id:
            raise WrongAccount("another account is signed in")
        accounts.grant(uow, account, carried.groups)
        return Done(account.id)
    if said is None:
        raise LinkUsed("the account that held the address is gone")
    email = said.email.email if said.email and not opened.subject.id else opened.subject.id
    account = accounts.create(uow, email, said, groups=carried.groups, locale=carried.locale)
    return Done(account.id, signs_in=account, created=True)


def _open_row(uow: UnitOfWork, id: str) -> SentInvite:
    row = uow.session.get(SentInvite, id)
    if row is None or state_of(row) != "pending":
        raise NotFound("no open invitation of this id")
    return row


def _may_invite(uow: UnitOfWork, account_id: str) -> bool:
    statement = select(
        exists().where(
            Account.id == account_id,
            Account.status == "active",
            Membership.account_id == Account.id,
            Membership.group == ADMINS,
        )
    )
    return bool(uow.session.scalar(statement))


def _keep_until(uow: UnitOfWork, opened: Opened) -> datetime:
    if opened.carried.id == FIRST_ADMIN_ID:
        return FOR_EVER
    return uow.house.signer.keep_spent_until(opened.expires_at)


def _mark(id: str) -> str:
    return f"invite:{id}"


INVITE = Link(
    purpose=PURPOSE,
    lives=LIVES,
    about="address",
    dies_with=(),
    spends=lambda carried: _mark(carried.id),
    carries=Carried,
    asks=NewAccount,
    asks_of=asks_of,
    check=check,
    shows=shows,
    letter=letter,
    prepare=prepare,
    again=again,
    # When an invitation ends is for admins to say.
    again_after=(),
    act=act,
    title=sentence("You are invited"),
    explains=sentence("Accept the invitation, and you are in."),
    button=sentence("Accept invitation"),
    done=sentence("Welcome."),
)
