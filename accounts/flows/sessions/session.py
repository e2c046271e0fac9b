"""Sessions: a signed statement in a cookie, checked against one row of the store when somebody asks who it is.

A session ends by age, by a rise of the account's ``auth_epoch`` (all of them), or by its id in ``spent`` (this one).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, select, update

from accounts.core.clock import LEEWAY, now
from accounts.core.errors import CsrfFailed
from accounts.core.ids import new_id
from accounts.core.models.account import Account, Membership
from accounts.core.models.apps import Grant
from accounts.core.models.counters import Spent
from accounts.core.signing import key_usage
from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import grants

PURPOSE, CSRF_PURPOSE, VERSION = "session", "csrf", 1
IDLE, ABSOLUTE = timedelta(hours=8), timedelta(hours=24)
IDLE_REMEMBERED, ABSOLUTE_REMEMBERED = timedelta(days=14), timedelta(days=30)
VISIT = timedelta(hours=24)
SEEN_EVERY = timedelta(minutes=10)
"""How stale the last-seen time in a cookie may get before it is written anew."""
FRESH = timedelta(minutes=10)
"""How long a password said in a session is a fresh proof (OWASP ASVS 5.0 7.5.1)."""
SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True)
class Session:
    """What the cookie says: no role, no address.

    :ivar account_id: "" for a visitor, whose session only carries the secret that binds forms to this browser.
    :ivar began, auth_time: seconds since 1970; auth_time is when the person last proved who they are.
    :ivar amr: how they did (RFC 8176), such as ``("pwd",)``.
    :ivar proved: when a password was last said in this very session, for what needs a fresh proof; 0 for never. A
        remembered session begins with 0: somebody else may sit at the device by now.
    :ivar seen: when the cookie was written.
    """

    id: str
    account_id: str
    epoch: int
    began: int
    auth_time: int
    amr: tuple[str, ...]
    remember: bool
    proved: int
    csrf: str = field(repr=False)
    seen: datetime = field(default_factory=now)

    @property
    def fresh(self) -> bool:
        """Whether its person said the password in it within the last minutes. Mail alone never counts."""
        return now().timestamp() - self.proved <= FRESH.total_seconds()

    @property
    def ends_at(self) -> datetime:
        """When it ends whatever happens."""
        began = datetime.fromtimestamp(self.began, self.seen.tzinfo)
        if not self.account_id:
            return began + VISIT
        return began + (ABSOLUTE_REMEMBERED if self.remember else ABSOLUTE)

    @property
    def idle_until(self) -> datetime:
        """When it ends unless it is used."""
        return self.seen + (IDLE_REMEMBERED if self.remember else IDLE)

    @property
    def alive(self) -> bool:
        """Whether it is young enough; says nothing about the account."""
        moment = now()
        return moment < self.ends_at and (moment < self.idle_until or not self.account_id)


@dataclass(frozen=True, slots=True)
class CurrentAccount:
    """Who is signed in, as the store had it a moment ago. Read-only; flows load the account to change it."""

    id: str
    email: str
    name: str
    locale: str
    auth_epoch: int
    created_at: datetime
    last_sign_in_at: datetime | None
    groups: tuple[str, ...]
    session: Session = field(repr=False)

    def is_in(self, group: str) -> bool:
        return group in self.groups


def begin(account_id: str, epoch: int, *, amr: tuple[str, ...], remember: bool = False) -> Session:
    """A new session with a new id and a new secret: nothing from before the sign-in is worth anything in it."""
    moment = int(now().timestamp())
    proved = moment if "pwd" in amr and not remember else 0
    return Session(new_id(), account_id, epoch, moment, moment, amr, remember, proved, secrets.token_urlsafe(16))


def visit() -> Session:
    """The session of somebody not signed in: a secret for their forms, and nothing else."""
    return begin("", 0, amr=())


def note_begin(uow: UnitOfWork, session: Session) -> None:
    """Put a sign-in into the audit log, which is also the list of sessions."""
    key = uow.site.ring.signing
    facts = {
        "session": session.id,
        "epoch": session.epoch,
        "ends": int(session.ends_at.timestamp()),
        "amr": list(session.amr),
        "key": key.name,
    }
    key_usage.count_signed(uow.session, key, PURPOSE, session.ends_at)
    uow.record_event(SIGN_IN, account_id=session.account_id, facts=facts)


def open_for(uow: UnitOfWork, account: Account, amr: tuple[str, ...]) -> Session:
    """A session for somebody whom a link has signed in, in the unit of work of the link."""
    account.last_sign_in_at = now()
    session = begin(account.id, account.auth_epoch, amr=amr)
    note_begin(uow, session)
    return session


def renew(uow: UnitOfWork, account: Account, old: Session, *, proved: bool = False) -> Session:
    """The session of the same browser after a change that ends all others, or after a fresh proof by password.

    It has a new id and secret and the old ends; the old id is spent.
    """
    grants.lock_account(uow, account.id)
    uow.spend(mark(old.id), old.ends_at + 2 * LEEWAY)
    moment = int(now().timestamp())
    new = new_id()
    # Other apps were signed in to from this browser: they are told when the session ends that it is now.
    uow.session.execute(update(Grant).where(Grant.session_id == old.id).values(session_id=new))
    session = replace(
        old,
        id=new,
        epoch=account.auth_epoch,
        csrf=secrets.token_urlsafe(16),
        seen=now(),
        auth_time=moment if proved else old.auth_time,
        amr=tuple(dict.fromkeys((*old.amr, "pwd"))) if proved else old.amr,
        proved=moment if proved else old.proved,
    )
    note_begin(uow, session)
    return session


def seal(house: Site, session: Session) -> str:
    """The cookie's value."""
    s = session
    payload = [s.account_id, s.epoch, s.id, s.began, s.auth_time, list(s.amr), int(s.remember), s.proved, s.csrf]
    return house.signer.sign(PURPOSE, VERSION, payload)


def read(house: Site, cookie: str) -> Session | None:
    """The session that a cookie states, if it is genuine and young enough. Anything else is a stranger's."""
    try:
        statement = house.signer.verify(PURPOSE, VERSION, cookie)
        account_id, epoch, sid, began, auth_time, amr, remember, proved, csrf = statement.payload
        session = Session(
            sid, account_id, epoch, began, auth_time, tuple(amr), bool(remember), proved, csrf, statement.issued_at
        )
        return session if session.alive else None
    except (BadToken, ValueError, TypeError):
        return None


def refreshed(session: Session) -> Session | None:
    """The same session with a new last-seen time, when the old one is stale enough to be worth a cookie."""
    return replace(session, seen=now()) if now() - session.seen > SEEN_EVERY else None


# Built once: building a statement takes several times as long as running it, and nearly every request runs this one.
_CURRENT = (
    select(
        Account.email,
        Account.name,
        Account.locale,
        Account.created_at,
        Account.last_sign_in_at,
        Membership.group,
    )
    .outerjoin(Membership, Membership.account_id == Account.id)
    .where(
        Account.id == bindparam("account"),
        Account.auth_epoch == bindparam("epoch"),
        Account.status == "active",
        ~exists().where(Spent.id == bindparam("mark")),
    )
)


def current(uow: UnitOfWork, session: Session) -> CurrentAccount | None:
    """Who is signed in by this session, in one statement; None when it was ended or the account may not be used."""
    if not session.account_id:
        return None
    stated = {"account": session.account_id, "epoch": session.epoch, "mark": mark(session.id)}
    rows = uow.fetch_all(_CURRENT, stated)
    if not rows:
        return None
    email, name, locale, created_at, last, _ = rows[0]
    groups = tuple(sorted(row[5] for row in rows if row[5] is not None))
    return CurrentAccount(session.account_id, email, name, locale, session.epoch, created_at, last, groups, session)


def end(uow: UnitOfWork, session: Session) -> None:
    """Sign out: the id is spent, so a copy of the cookie is dead too."""
    with uow:
        close(uow, session.account_id, session.id, session.ends_at)
        uow.record_event("sign-out", account_id=session.account_id, facts={"session": session.id})


def close(uow: UnitOfWork, account_id: str, session_id: str, ends_at: datetime) -> None:
    """Have a session be over, in a unit of work under way: copies of its cookie are dead, and its apps are told."""
    grants.lock_account(uow, account_id)
    if uow.spend(mark(session_id), ends_at + 2 * LEEWAY):
        uow.logout_events.session_ended(uow.session, session_id)


def end_everywhere(uow: UnitOfWork, account_id: str) -> None:
    """Sign out on all devices at once, whatever sessions there are."""
    with uow:
        # The version rises too: a writer who read the old epoch must not put the same new one over this.
        raised = {"auth_epoch": Account.auth_epoch + 1, "version": Account.version + 1}
        epoch = uow.session.scalar(
            update(Account).where(Account.id == account_id).values(raised).returning(Account.auth_epoch)
        )
        if epoch is not None:
            # Not by the unit of work itself, which sees only what is changed in objects.
            uow.logout_events.epoch_ended(uow.session, account_id, epoch - 1)
        uow.record_event("sign-out.everywhere", account_id=account_id)


def mark(session_id: str) -> str:
    """The id by which the end of a session is remembered among what is spent."""
    return f"session:{session_id}"


def csrf_token(house: Site, session: Session) -> str:
    """A signed token that is worth something only together with this session's cookie."""
    return house.signer.sign(CSRF_PURPOSE, VERSION, _digest(session))


def check_csrf(house: Site, session: Session, token: str) -> None:
    """:raises CsrfFailed: the token is not of this session."""
    try:
        stated = house.signer.verify(CSRF_PURPOSE, VERSION, token).payload
    except BadToken as why:
        raise CsrfFailed(str(why)) from None
    if not isinstance(stated, str) or not secrets.compare_digest(stated.encode(), _digest(session).encode()):
        raise CsrfFailed("token of another session")


def _digest(session: Session) -> str:
    # Pages hold this, the cookie holds the secret: who reads a page cannot write a cookie's secret from it.
    return hashlib.sha256(session.csrf.encode()).hexdigest()[:32]
