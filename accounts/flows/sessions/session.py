"""Keep sessions: signed cookies, checked against one row of the database where somebody asks who is signed in.

A session ends by age, by a rise of the account's ``auth_epoch`` (all of them), or by its id in ``spent`` (this one).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update

from accounts.core.clock import LEEWAY, now
from accounts.core.database.sql import CompiledStatement
from accounts.core.errors import Conflict, TermsRequired
from accounts.core.ids import new_id
from accounts.core.models.account import Account, Membership
from accounts.core.models.apps import Grant
from accounts.core.signing.token_kind import SignedToken, TokenKind
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions.live import session_is_live, spent_id
from accounts.flows.sessions.names import move_name
from accounts.flows.shared import grants

IDLE_TIMEOUT, ABSOLUTE_TIMEOUT = timedelta(hours=8), timedelta(hours=24)
REMEMBERED_IDLE_TIMEOUT, REMEMBERED_ABSOLUTE_TIMEOUT = timedelta(days=14), timedelta(days=30)
VISITOR_SESSION_TTL = timedelta(hours=24)
LAST_SEEN_INTERVAL = timedelta(minutes=10)
"""How stale the last-seen time in a cookie may get before it is written anew."""
STEP_UP_MAX_AGE = timedelta(minutes=10)
"""How long a password said in a session is a fresh proof (OWASP ASVS 5.0 7.5.1)."""
SIGN_IN_EVENT = "sign-in"


@dataclass(frozen=True, slots=True)
class Session:
    """What the cookie says: no role, no address.

    :ivar account_id: "" for a visitor, whose session only has the secret that binds forms to this browser.
    :ivar started_at, auth_time: seconds since 1970; auth_time is when the user last authenticated.
    :ivar amr: how they did (RFC 8176), such as ``("pwd",)``.
    :ivar password_verified_at: when a password was last entered in this very session, for step-up; 0
        for never. A remembered session begins with 0: somebody else may sit at the device by now.
    :ivar last_seen_at: when the cookie was written.
    """

    id: str
    account_id: str
    epoch: int
    started_at: int
    auth_time: int
    amr: tuple[str, ...]
    remember: bool
    password_verified_at: int
    csrf_secret: str = field(repr=False)
    last_seen_at: datetime = field(default_factory=now)

    @property
    def fresh(self) -> bool:
        """Whether the password was entered in it recently enough for step-up. Email alone never counts."""
        return now().timestamp() - self.password_verified_at <= STEP_UP_MAX_AGE.total_seconds()

    @property
    def expires_at(self) -> datetime:
        """When it ends whatever happens."""
        started_at = datetime.fromtimestamp(self.started_at, self.last_seen_at.tzinfo)
        if not self.account_id:
            return started_at + VISITOR_SESSION_TTL
        return started_at + (REMEMBERED_ABSOLUTE_TIMEOUT if self.remember else ABSOLUTE_TIMEOUT)

    @property
    def idle_expires_at(self) -> datetime:
        """When it ends unless it is used."""
        return self.last_seen_at + (REMEMBERED_IDLE_TIMEOUT if self.remember else IDLE_TIMEOUT)

    @property
    def is_within_lifetime(self) -> bool:
        """Return whether it has not expired; says nothing about the account."""
        current_time = now()
        return current_time < self.expires_at and (current_time < self.idle_expires_at or not self.account_id)


def _encode_session(session: Session) -> list[Any]:
    return [
        session.account_id,
        session.epoch,
        session.id,
        session.started_at,
        session.auth_time,
        list(session.amr),
        int(session.remember),
        session.password_verified_at,
        session.csrf_secret,
    ]


def _decode_session(token: SignedToken) -> Session:
    account_id, epoch, id, started_at, auth_time, amr, remember, password_verified_at, csrf_secret = token.payload
    return Session(
        id, account_id, epoch, started_at, auth_time, tuple(amr), bool(remember), password_verified_at, csrf_secret,
        token.issued_at,
    )  # fmt: skip


SESSION = TokenKind(
    purpose="session",
    payload=Session,
    encode=_encode_session,
    decode=_decode_session,
    is_current=lambda session: session.is_within_lifetime,
    is_repeated=True,
)
"""The session cookie."""


@dataclass(frozen=True, slots=True)
class CurrentAccount:
    """Who is signed in, as the store had it a moment ago. Read-only; flows load the account to change it.

    :ivar terms_version: the version of the terms that the owner has accepted last; "" for none.
    :ivar terms_accepted: whether that is the version of today, or no terms are set.
    """

    id: str
    email: str
    name: str
    locale: str
    zone: str
    auth_epoch: int
    created_at: datetime
    last_sign_in_at: datetime | None
    groups: tuple[str, ...]
    email_verified: bool
    invited: bool
    terms_version: str
    terms_accepted: bool
    session: Session = field(repr=False)

    def is_in(self, group: str) -> bool:
        """Return whether the account is in a group."""
        return group in self.groups

    def require_terms(self) -> None:
        """Check that the owner has accepted the terms.

        :raises TermsRequired: they have not, or not those of today.
        """
        if not self.terms_accepted:
            raise TermsRequired("terms not accepted")


def create_session(account_id: str, epoch: int, *, amr: tuple[str, ...], remember: bool = False) -> Session:
    """Return a new session with a new id and a new secret: nothing from before the sign-in is valid in it."""
    timestamp = int(now().timestamp())
    password_verified_at = timestamp if "pwd" in amr and not remember else 0
    csrf_secret = secrets.token_urlsafe(16)
    return Session(
        new_id(), account_id, epoch, timestamp, timestamp, amr, remember, password_verified_at, csrf_secret
    )


def create_visitor_session() -> Session:
    """Return the session of a visitor: a secret for their forms, and nothing else."""
    return create_session("", 0, amr=())


def record_sign_in(uow: UnitOfWork, session: Session, *, renewed: bool = False) -> None:
    """Record a sign-in in the audit log, which lists the sessions; ``renewed``: of who is signed in already."""
    key = uow.site.ring.signing
    facts = {
        "session": session.id,
        "epoch": session.epoch,
        "ends": int(session.expires_at.timestamp()),
        "amr": list(session.amr),
        "key": key.name,
        # The same device goes on: to its owner that is no sign-in.
        **({"renewed": True} if renewed else {}),
    }
    uow.count_signed(key, SESSION.purpose, session.expires_at)
    uow.record_event(SIGN_IN_EVENT, account_id=session.account_id, facts=facts, announced=not renewed)


def open_session(uow: UnitOfWork, account: Account, amr: tuple[str, ...]) -> Session:
    """Open a session for an account that a link has signed in, in the transaction of the link."""
    account.last_sign_in_at = now()
    session = create_session(account.id, account.auth_epoch, amr=amr)
    record_sign_in(uow, session)
    return session


_MOVE_GRANTS = CompiledStatement(
    update(Grant).where(Grant.session_id == bindparam("old")).values(session_id=bindparam("new"))
)


def renew_session(
    uow: UnitOfWork, account_id: str, epoch: int, old: Session, *, password_verified: bool = False
) -> Session:
    """Return the session of the same browser after a change that ends all others, or after a step-up.

    It has a new id and secret; the old id is used up.

    :param epoch: the ``auth_epoch`` that the account has now.
    :raises Conflict: its sessions were ended meanwhile, or it was disabled.
    """
    if grants.lock_account(uow, account_id) != epoch:
        raise Conflict("password or sessions changed meanwhile")
    uow.spend(spent_id(old.id), old.expires_at + 2 * LEEWAY)
    timestamp = int(now().timestamp())
    new_session_id = new_id()
    # Other apps were signed in to from this browser: they are told when the session ends that it is now.
    uow.execute(_MOVE_GRANTS, {"old": old.id, "new": new_session_id})
    move_name(uow, old.id, new_session_id)
    session = replace(
        old,
        id=new_session_id,
        epoch=epoch,
        csrf_secret=secrets.token_urlsafe(16),
        last_seen_at=now(),
        auth_time=timestamp if password_verified else old.auth_time,
        amr=tuple(dict.fromkeys((*old.amr, "pwd"))) if password_verified else old.amr,
        password_verified_at=timestamp if password_verified else old.password_verified_at,
    )
    record_sign_in(uow, session, renewed=True)
    return session


def refresh_session(session: Session) -> Session | None:
    """Return the same session with a new last-seen time, when the old one is stale enough to be worth a cookie."""
    return replace(session, last_seen_at=now()) if now() - session.last_seen_at > LAST_SEEN_INTERVAL else None


_SELECT_CURRENT_ACCOUNT = CompiledStatement(
    select(
        Account.email,
        Account.name,
        Account.locale,
        Account.zone,
        Account.created_at,
        Account.last_sign_in_at,
        Membership.group,
        Account.email_unproven,
        Account.invited,
        Account.terms_version,
    )
    .outerjoin(Membership, Membership.account_id == Account.id)
    .where(Account.id == bindparam("account"), session_is_live(bindparam("epoch"), bindparam("session")))
)


def find_current_account(uow: UnitOfWork, session: Session) -> CurrentAccount | None:
    """Return the account that this session signs in, in one SQL statement, or None."""
    if not session.account_id:
        return None
    parameters = {"account": session.account_id, "epoch": session.epoch, "session": session.id}
    rows = uow.fetch_all(_SELECT_CURRENT_ACCOUNT, parameters)
    if not rows:
        return None
    email, name, locale, zone, created_at, last_sign_in_at, _, email_unproven, invited, terms_version = rows[0]
    groups = tuple(sorted(row[6] for row in rows if row[6] is not None))
    accepted = uow.site.settings.are_terms_accepted(terms_version)
    return CurrentAccount(
        session.account_id, email, name, locale, zone, session.epoch, created_at, last_sign_in_at, groups,
        not email_unproven, invited, terms_version, accepted, session,
    )  # fmt: skip


def sign_out(uow: UnitOfWork, session: Session) -> None:
    """Sign out: the session's id is used up, so a copy of the cookie is invalid, too."""
    with uow:
        close_session(uow, session.account_id, session.id, session.expires_at)
        uow.record_event("sign-out", account_id=session.account_id, facts={"session": session.id})


def close_session(uow: UnitOfWork, account_id: str, session_id: str, expires_at: datetime) -> None:
    """End a session in a transaction under way: copies of its cookie are invalid, and its clients are told."""
    grants.lock_account(uow, account_id)
    if uow.spend(spent_id(session_id), expires_at + 2 * LEEWAY):
        uow.logout_events.session_ended(uow.session, session_id)


def sign_out_everywhere(uow: UnitOfWork, account_id: str) -> None:
    """Sign out on all devices at once, whatever sessions there are."""
    with uow:
        end_all_sessions(uow, account_id)


def end_all_sessions(uow: UnitOfWork, account_id: str) -> None:
    """Sign an account out everywhere in a transaction under way."""
    # The version rises too: a writer who read the old epoch must not put the same new one over this.
    increments = {"auth_epoch": Account.auth_epoch + 1, "version": Account.version + 1}
    epoch = uow.session.scalar(
        update(Account).where(Account.id == account_id).values(increments).returning(Account.auth_epoch)
    )
    if epoch is not None:
        # Not by the unit of work itself, which sees only what is changed in objects.
        uow.logout_events.epoch_ended(uow.session, account_id, epoch - 1)
    uow.record_event("sign-out.everywhere", account_id=account_id)
