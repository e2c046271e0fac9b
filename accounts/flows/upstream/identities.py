"""Sign-ins of other services that are connected to accounts here: connecting, using, disconnecting.

An account is found by issuer and subject, never by a mail address: whoever controls an issuer, or an account there,
could name any address, and would be let into somebody else's account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from accounts.core.clock import now
from accounts.core.errors import Conflict, IdentityTaken, IdentityUnknown, LastWayIn, NotFound
from accounts.core.links.link import ActResult, Link
from accounts.core.links.opening import open_link
from accounts.core.models.account import Account
from accounts.core.models.upstream import Identity
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.account import not_me
from accounts.flows.invites import link as invite_link
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.shared.accounts import NoPassword
from accounts.flows.upstream.provider import Person, Providers

NOTICE, DISCONNECTED = "identity-connected", "identity-disconnected"
AMR = ("ext",)
"""How somebody proved who they are whom another service vouches for. No fresh proof for anything, ever."""


@dataclass(frozen=True, slots=True)
class Connected:
    """One connected sign-in, as its owner sees it."""

    id: str
    issuer: str
    label: str
    shown: str
    created_at: datetime
    last_used_at: datetime | None


def listing(uow: UnitOfWork, account_id: str) -> Sequence[Connected]:
    """The sign-ins that are connected to an account, oldest first."""
    label_of = uow.site.get(Providers).label_of
    columns = (Identity.id, Identity.issuer, Identity.shown, Identity.created_at, Identity.last_used_at)
    rows = uow.fetch_all(select(*columns).where(Identity.account_id == account_id).order_by(Identity.created_at))
    return [Connected(id, issuer, label_of(issuer), shown, since, used) for id, issuer, shown, since, used in rows]


def sign_in(uow: UnitOfWork, person: Person) -> Session:
    """The session of whoever has connected this sign-in.

    :raises IdentityUnknown: nobody has, or their account is disabled.
    """
    with uow:
        found = _identity(uow, person)
        # Guarded, as signing in by password is: an account that was disabled meanwhile lets nobody in.
        row = uow.session.execute(
            update(Account)
            .where(Account.id == (found.account_id if found else ""), Account.status == "active")
            .values(sign_in_serial=Account.sign_in_serial + 1, last_sign_in_at=now())
            .returning(Account.auth_epoch)
            .execution_options(synchronize_session=False)
        ).first()
        if found is not None and row is not None:
            found.last_used_at = now()
            session = sessions.begin(found.account_id, row[0], amr=AMR)
            sessions.note_begin(uow, session)
            return session
        uow.record_event("identity.refused", account_id=found.account_id if found else None, facts=_facts(person))
    raise IdentityUnknown("connected to no account, or to one that is disabled")


def connect(uow: UnitOfWork, who: CurrentAccount, person: Person) -> Session:
    """Connect a sign-in to the account of whoever is signed in; the new session of this browser, the others end.

    :raises IdentityTaken: it is connected to another account.
    """

    def work() -> Session:
        account = uow.session.get_one(Account, who.id)
        if account.auth_epoch != who.auth_epoch or not account.active:
            raise Conflict("password or sessions changed meanwhile")
        known = _identity(uow, person)
        if known is not None and known.account_id != account.id:
            raise IdentityTaken("connected to another account")
        if known is not None:
            return who.session
        _add(uow, account, person)
        account.auth_epoch += 1
        return sessions.renew(uow, account, who.session)

    return uow.attempt(work)


def disconnect(uow: UnitOfWork, who: CurrentAccount, id: str) -> Session:
    """Take a sign-in away; the new session of this browser. Sessions that it has begun end with all others.

    :raises NotFound: it is none of theirs.
    :raises LastWayIn: nothing but mail would be left to sign in with.
    """

    def work() -> Session:
        account = uow.session.get_one(Account, who.id)
        if account.auth_epoch != who.auth_epoch:
            raise Conflict("password or sessions changed meanwhile")
        found = _of(uow, account, id)
        others = select(func.count()).where(Identity.account_id == account.id, Identity.id != id)
        if account.password_hash is None and not uow.session.scalar(others):
            raise LastWayIn("no password, no other sign-in")
        _remove(uow, account, found)
        return sessions.renew(uow, account, who.session)

    return uow.attempt(work)


def take_away(uow: UnitOfWork, account_id: str, id: str) -> None:
    """Take a sign-in away from somebody, as an admin: perhaps somebody else has got hold of it. All sessions end.

    Also the last one: its owner gets in again by a mailed link.

    :raises NotFound: there is no such account, or it is none of its sign-ins.
    """

    def work() -> None:
        account = uow.session.get(Account, account_id)
        if account is None:
            raise NotFound(f"no account {account_id}")
        _remove(uow, account, _of(uow, account, id), asked={"network": "", "agent": ""})

    uow.attempt(work)


def _of(uow: UnitOfWork, account: Account, id: str) -> Identity:
    found = uow.session.get(Identity, id)
    if found is None or found.account_id != account.id:
        raise NotFound("no such identity")
    return found


def _remove(uow: UnitOfWork, account: Account, found: Identity, **more: object) -> None:
    uow.session.delete(found)
    # Of two at once that take away one each, the version lets only one through; the other looks again.
    account.auth_epoch += 1
    uow.record_event("identity.disconnected", account_id=account.id, facts={"issuer": found.issuer})
    _tell(uow, DISCONNECTED, account, found.issuer, found.shown, **more)


def _tell(uow: UnitOfWork, purpose: str, account: Account, issuer: str, shown: str, **more: object) -> None:
    label = uow.site.get(Providers).label_of(issuer)
    uow.enqueue(purpose, account.id, {"label": label, "shown": shown, **more}, account.locale)


def join(uow: UnitOfWork, link: Link, token: object, link_id: str, person: Person) -> Session:
    """Accept an invitation with a sign-in instead of a password: the invitation proves the mailbox.

    :param link_id: the invitation that this visit was begun for.
    :raises DeadLink: the invitation is not alive any more.
    :raises IdentityTaken: the sign-in is connected to another account.
    """

    def work() -> Session:
        opened = open_link(uow, link, token)
        if opened.link_id != link_id:
            raise Conflict("another invitation was opened meanwhile")
        if _identity(uow, person) is not None:
            raise IdentityTaken("connected to another account")
        done: ActResult = invite_link.act(uow, opened, NoPassword(person.name))
        if done.sign_in_as is None:
            raise Conflict("the invited address has an account by now")
        _add(uow, done.sign_in_as, person)
        return sessions.open_for(uow, done.sign_in_as, AMR)

    return uow.attempt(work)


def letter(uow: UnitOfWork, intent: OutboxItem) -> Letter | None:
    """The notice that a sign-in was connected, or disconnected."""
    account = uow.session.get(Account, intent.subject)
    if account is None:
        return None
    facts = {
        "asked": intent.requested_by,
        "email": account.email,
        "name": account.name or None,
        "at": intent.created_at,
        "label": intent.facts["label"],
        "shown": intent.facts["shown"] or None,
    }
    return Letter(intent.purpose, account.email, account.locale, facts, link=not_me.url_for(uow, account))


def _identity(uow: UnitOfWork, person: Person) -> Identity | None:
    where = (Identity.issuer == person.issuer, Identity.subject == person.subject)
    return uow.session.scalar(select(Identity).where(*where))


def _add(uow: UnitOfWork, account: Account, person: Person) -> None:
    # The UNIQUE index decides between two accounts that connect the same sign-in at once.
    uow.session.add(Identity(issuer=person.issuer, subject=person.subject, account_id=account.id, shown=person.shown))
    uow.session.flush()
    uow.record_event("identity.connected", account_id=account.id, facts=_facts(person))
    _tell(uow, NOTICE, account, person.issuer, person.shown)


def _facts(person: Person) -> dict[str, str]:
    return {"issuer": person.issuer, "subject": person.subject}
