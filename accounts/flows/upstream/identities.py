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
from accounts.core.errors import IdentityTaken, IdentityUnknown, LastWayIn, NotFound
from accounts.core.models.account import Account
from accounts.core.models.upstream import Identity
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.account import not_me
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.shared.accounts import get_unchanged_account
from accounts.flows.upstream.provider import UpstreamProviders, UpstreamUser

CONNECTED_NOTICE, DISCONNECTED_NOTICE = "identity-connected", "identity-disconnected"
UPSTREAM_AMR = ("ext",)
"""How somebody proved who they are whom another service vouches for. No fresh proof for anything, ever."""


@dataclass(frozen=True, slots=True)
class ConnectedIdentity:
    """One connected sign-in, as its owner sees it."""

    id: str
    issuer: str
    label: str
    shown: str
    created_at: datetime
    last_used_at: datetime | None


def list_identities(uow: UnitOfWork, account_id: str) -> Sequence[ConnectedIdentity]:
    """Return the identities that are connected to an account, oldest first."""
    label_of = uow.site.get(UpstreamProviders).label_of
    columns = (Identity.id, Identity.issuer, Identity.shown, Identity.created_at, Identity.last_used_at)
    rows = uow.fetch_all(select(*columns).where(Identity.account_id == account_id).order_by(Identity.created_at))
    return [
        ConnectedIdentity(id, issuer, label_of(issuer), shown, created_at, last_used_at)
        for id, issuer, shown, created_at, last_used_at in rows
    ]


def get_own_identity(uow: UnitOfWork, account_id: str, id: str) -> ConnectedIdentity:
    """Return one identity that is connected to an account.

    :raises NotFound: it is none of theirs.
    """
    identity = next((each for each in list_identities(uow, account_id) if each.id == id), None)
    if identity is None:
        raise NotFound("no such identity")
    return identity


def sign_in_by_identity(uow: UnitOfWork, user: UpstreamUser) -> tuple[Session, bool]:
    """Return a session for whoever has connected this identity, and whether they have accepted the terms of today.

    :raises IdentityUnknown: nobody has, or their account is disabled.
    """
    with uow:
        identity = find_identity(uow, user)
        # Guarded, as signing in by password is: an account that was disabled meanwhile lets nobody in.
        row = uow.session.execute(
            update(Account)
            .where(Account.id == (identity.account_id if identity else ""), Account.active)
            .values(sign_in_serial=Account.sign_in_serial + 1, last_sign_in_at=now())
            .returning(Account.auth_epoch, Account.terms_version)
            .execution_options(synchronize_session=False)
        ).first()
        if identity is not None and row is not None:
            identity.last_used_at = now()
            session = sessions.create_session(identity.account_id, row[0], amr=UPSTREAM_AMR)
            sessions.record_sign_in(uow, session)
            return session, uow.site.settings.are_terms_accepted(row[1])
        uow.record_event(
            "identity.refused", account_id=identity.account_id if identity else None, facts=_identity_facts(user)
        )
    raise IdentityUnknown("connected to no account, or to one that is disabled")


def connect_identity(uow: UnitOfWork, who: CurrentAccount, user: UpstreamUser) -> Session:
    """Connect a sign-in to the account of whoever is signed in; the new session of this browser, the others end.

    :raises IdentityTaken: it is connected to another account.
    """

    def work() -> Session:
        account = get_unchanged_account(uow, who.id, who.auth_epoch)
        identity = find_identity(uow, user)
        if identity is not None and identity.account_id != account.id:
            raise IdentityTaken("connected to another account")
        if identity is not None:
            return who.session
        add_identity(uow, account, user)
        account.auth_epoch += 1
        return sessions.renew_session(uow, account.id, account.auth_epoch, who.session)

    return uow.attempt(work)


def disconnect_identity(uow: UnitOfWork, who: CurrentAccount, id: str) -> Session:
    """Take a sign-in away; the new session of this browser. Sessions that it has begun end with all others.

    :raises NotFound: it is none of theirs.
    :raises LastWayIn: nothing but mail would be left to sign in with.
    """

    def work() -> Session:
        account = get_unchanged_account(uow, who.id, who.auth_epoch)
        identity = _get_identity(uow, account, id)
        others = select(func.count()).where(Identity.account_id == account.id, Identity.id != id)
        if account.password_hash is None and not uow.session.scalar(others):
            raise LastWayIn("no password, no other sign-in")
        _delete_identity(uow, account, identity)
        return sessions.renew_session(uow, account.id, account.auth_epoch, who.session)

    return uow.attempt(work)


def disconnect_identity_as_admin(uow: UnitOfWork, account_id: str, id: str) -> None:
    """Take a sign-in away from somebody, as an admin: perhaps somebody else has got hold of it. All sessions end.

    Also the last one: its owner gets in again by a mailed link.

    :raises NotFound: there is no such account, or it is none of its sign-ins.
    """

    def work() -> None:
        account = uow.session.get(Account, account_id)
        if account is None:
            raise NotFound(f"no account {account_id}")
        _delete_identity(uow, account, _get_identity(uow, account, id), asked={"network": "", "agent": ""})

    uow.attempt(work)


def _get_identity(uow: UnitOfWork, account: Account, id: str) -> Identity:
    identity = uow.session.get(Identity, id)
    if identity is None or identity.account_id != account.id:
        raise NotFound("no such identity")
    return identity


def _delete_identity(uow: UnitOfWork, account: Account, identity: Identity, **extra_facts: object) -> None:
    uow.session.delete(identity)
    # Of two at once that take away one each, the version lets only one through; the other looks again.
    account.auth_epoch += 1
    uow.record_event("identity.disconnected", account_id=account.id, facts={"issuer": identity.issuer})
    _enqueue_notice(uow, DISCONNECTED_NOTICE, account, identity.issuer, identity.shown, **extra_facts)


def _enqueue_notice(
    uow: UnitOfWork, purpose: str, account: Account, issuer: str, display_name: str, **extra_facts: object
) -> None:
    label = uow.site.get(UpstreamProviders).label_of(issuer)
    uow.enqueue(purpose, account.id, {"label": label, "shown": display_name, **extra_facts}, account.locale)


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the notice that an identity was connected, or disconnected."""
    account = uow.session.get(Account, item.about.id)
    if account is None:
        return None
    return not_me.build_security_notice(
        uow, item, account, label=item.facts["label"], shown=item.facts["shown"] or None
    )


def find_identity(uow: UnitOfWork, user: UpstreamUser) -> Identity | None:
    """Return a user of another service as an account here has connected it; None where none has."""
    conditions = (Identity.issuer == user.issuer, Identity.subject == user.subject)
    return uow.session.scalar(select(Identity).where(*conditions))


def add_identity(uow: UnitOfWork, account: Account, user: UpstreamUser) -> None:
    """Connect a user of another service to an account, in the transaction under way, and tell its owner."""
    # The UNIQUE index decides between two accounts that connect the same sign-in at once.
    uow.session.add(
        Identity(issuer=user.issuer, subject=user.subject, account_id=account.id, shown=user.display_name)
    )
    uow.session.flush()
    uow.record_event("identity.connected", account_id=account.id, facts=_identity_facts(user))
    _enqueue_notice(uow, CONNECTED_NOTICE, account, user.issuer, user.display_name)


def _identity_facts(user: UpstreamUser) -> dict[str, str]:
    return {"issuer": user.issuer, "subject": user.subject}
