"""Answer a proxy that asks who makes a request, before it lets it through to an app (forward-auth).

At the origin of the service itself its own session cookie answers. Everywhere else that cookie does not go, and must
not: the app would hold it. There, redirects leave a cookie of that one host: *start* (at the app's host, sets a nonce
in this browser), *pass* (here, where the session is: issues a handover token), *enter* (at the app's host: redeems
the token and sets the cookie). Nothing is stored but the id of a handover token that was used.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from sqlalchemy import String, and_, bindparam, or_, select

from accounts.core.clock import LEEWAY, now
from accounts.core.database.sql import CompiledStatement
from accounts.core.errors import AppNotAllowed, Forbidden, NotFound, NotSignedIn, TermsRequired
from accounts.core.ids import new_id
from accounts.core.link_errors import LinkInvalid
from accounts.core.models.account import Account, Membership
from accounts.core.models.apps import App
from accounts.core.models.forward_auth import AppOrigin
from accounts.core.signing.token_kind import BadToken, TokenKind
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions.live import session_is_live
from accounts.flows.sessions.session import IDLE_TIMEOUT, CurrentAccount, Session
from accounts.flows.shared.admission import ADMISSION_COLUMNS, AppAdmission, Standing, find_unmet_rule
from accounts.flows.shared.app_targets import TargetApp

START_TOKEN_TTL, MAX_START_TOKEN_CHARACTERS = timedelta(hours=24), 1200
HANDOVER_TOKEN_TTL = timedelta(seconds=60)
HOST_SESSION_TTL = IDLE_TIMEOUT
"""How long the cookie at an app's host serves before another silent round trip; no longer than the session anyway."""
_PATH_PATTERN = re.compile(r"/[!-\[\]-~]{0,2000}", re.ASCII)
"""As it stands in a request: nothing that a browser would change. What it says when decoded is the app's matter."""
_HEADER_SAFE_CHARACTERS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


@dataclass(frozen=True, slots=True)
class ForwardSession:
    """The session behind a request, as a cookie states it: of the service itself, or of an app's host."""

    account_id: str
    epoch: int
    session_id: str
    expires: int

    @classmethod
    def from_session(cls, session: Session) -> ForwardSession:
        """Return what a session of the service itself states."""
        return cls(session.account_id, session.epoch, session.id, int(session.expires_at.timestamp()))


@dataclass(frozen=True, slots=True)
class StartToken:
    """Where a round trip began, and in which browser."""

    origin: str
    path: str
    nonce_hash: str


START_TOKEN = TokenKind(purpose="forward-trip", payload=StartToken, lifetime=START_TOKEN_TTL)
"""Carried through signing in, in the return target."""


@dataclass(frozen=True, slots=True)
class HandoverToken:
    """Lets somebody in at the host of an app, once, in the browser in which the round trip began."""

    id: str
    session: ForwardSession
    origin: str
    path: str
    nonce_hash: str


HANDOVER_TOKEN = TokenKind(purpose="forward-pass", payload=HandoverToken, lifetime=HANDOVER_TOKEN_TTL)
"""Stands in the address that leads back to the host of an app."""


@dataclass(frozen=True, slots=True)
class HostSession:
    """A session at the host of an app: worth something at that origin alone, and while the session lives."""

    session: ForwardSession
    origin: str


HOST_SESSION = TokenKind(purpose="forward-visit", payload=HostSession, lifetime=HOST_SESSION_TTL, is_repeated=True)
"""The cookie at the host of an app."""


@dataclass(frozen=True, slots=True)
class ForwardedUser:
    """Who comes, for the app behind the proxy."""

    account_id: str
    email: str
    name: str
    groups: tuple[str, ...]

    def headers(self) -> dict[str, str]:
        """Return the headers for the app. All four are there, empty or not: a missing one could be forged."""
        return {
            "Remote-User": self.account_id,
            "Remote-Email": encode_header_text(self.email),
            "Remote-Name": encode_header_text(self.name),
            "Remote-Groups": ",".join(self.groups),
        }


def encode_header_text(text: str) -> str:
    """Return a text as a header can hold it: what is not printable ASCII, and %, percent-encoded in UTF-8."""
    return quote(text, safe=_HEADER_SAFE_CHARACTERS)


@dataclass(frozen=True, slots=True)
class ForwardedApp(AppAdmission):
    """An app behind the proxy: who may use it, and what those are told who may not. As the columns of ``App`` say."""

    id: str
    name: str
    contact: str | None


_ACCOUNT_COLUMNS = (Account.email, Account.name, Account.email_unproven, Account.invited, Account.terms_version)
_APP_COLUMNS = (*ADMISSION_COLUMNS, App.id, App.name, App.contact)
_SELECT_FORWARDED_USER = CompiledStatement(
    select(*_ACCOUNT_COLUMNS, Membership.group, *_APP_COLUMNS)
    .select_from(Account)
    .outerjoin(Membership, Membership.account_id == Account.id)
    .outerjoin(
        AppOrigin,
        and_(
            AppOrigin.origin == bindparam("origin"),
            or_(bindparam("app", type_=String) == "", AppOrigin.app_id == bindparam("app", type_=String)),
        ),
    )
    .outerjoin(App, and_(App.id == AppOrigin.app_id, App.disabled_at.is_(None)))
    .where(Account.id == bindparam("account"), session_is_live(bindparam("epoch"), bindparam("session")))
)


def authorize_forwarded_request(
    uow: UnitOfWork, forward_session: ForwardSession, origin: str, app_id: str = ""
) -> ForwardedUser:
    """Return who makes the request, in one SQL statement, if the app at an origin is for them.

    :param app_id: which app, by the proxy's word; needed where several stand at one origin.
    :raises NotSignedIn: the session has ended, or the account may not be used.
    :raises TermsRequired: they have not accepted the terms of today.
    :raises AppNotAllowed: the app is not for them.
    :raises Forbidden: no such app stands there.
    """
    params = {
        "account": forward_session.account_id,
        "epoch": forward_session.epoch,
        "session": forward_session.session_id,
    }
    rows = uow.fetch_all(_SELECT_FORWARDED_USER, {**params, "origin": origin, "app": app_id})
    if not rows or now().timestamp() >= forward_session.expires:
        raise NotSignedIn("no live session")
    email, name, email_unproven, invited, terms_version = rows[0][:5]
    if not uow.site.settings.are_terms_accepted(terms_version):
        raise TermsRequired("terms not accepted")
    groups = tuple(sorted({row[5] for row in rows if row[5] is not None}))
    apps = {row[9]: ForwardedApp(*row[6:]) for row in rows if row[9] is not None}
    if len(apps) != 1:
        raise Forbidden(f"{len(apps)} apps at {origin}" + ("" if app_id else ": the proxy must say which"))
    (app,) = apps.values()
    unmet_rule = find_unmet_rule(app, Standing(groups, email, not email_unproven, invited))
    if unmet_rule is not None:
        raise AppNotAllowed(f"app {app.id}: {unmet_rule.name}", app=app, rule=unmet_rule.name)
    return ForwardedUser(forward_session.account_id, email, name, groups)


def make_browser_nonce() -> str:
    """Return the nonce that binds the redirects to one browser."""
    return secrets.token_urlsafe(16)


def sign_start_token(site: Site, origin: str, path: str, nonce: str) -> str:
    """Sign a start token: where the browser wanted to go, and which browser it is."""
    start_token = site.signer.sign(START_TOKEN, StartToken(origin, _safe_path(path), _hash_nonce(nonce)))
    # It has to fit into a return target, beside what carries it.
    return (
        start_token if len(start_token) <= MAX_START_TOKEN_CHARACTERS else sign_start_token(site, origin, "/", nonce)
    )


def find_start_app(uow: UnitOfWork, start_token: str) -> TargetApp | None:
    """Return the app at whose host a round trip was begun: one SQL statement. None where none stands there alone."""
    start = uow.site.signer.read(START_TOKEN, start_token)
    if start is None:
        return None
    statement = (
        select(App.id, App.name, App.logo)
        .join(AppOrigin, AppOrigin.app_id == App.id)
        .where(AppOrigin.origin == start.origin, App.disabled_at.is_(None))
        .limit(2)
    )
    apps = [TargetApp(id, name, logo) for id, name, logo in uow.fetch_all(statement)]
    return apps[0] if len(apps) == 1 else None


def issue_handover_token(uow: UnitOfWork, who: CurrentAccount, start_token: str) -> tuple[str, str, str]:
    """Return the origin and path to redirect a user back to, and the handover token that lets them in there.

    :raises NotFound: no start token of ours, or no app stands at its origin.
    :raises AppNotAllowed: none of the apps there is for them; of several, the first by name is told.
    """
    try:
        start = uow.site.signer.verify(START_TOKEN, start_token)
    except BadToken as error:
        raise NotFound(f"no start token: {error}") from None
    rows = uow.fetch_all(
        select(*_APP_COLUMNS)
        .join(AppOrigin, AppOrigin.app_id == App.id)
        .where(AppOrigin.origin == start.origin, App.disabled_at.is_(None))
        .order_by(App.name, App.id)
    )
    if not rows:
        raise NotFound("no app stands at that origin")
    apps = [ForwardedApp(*row) for row in rows]
    unmet_rules = [find_unmet_rule(app, who) for app in apps]
    if unmet_rules[0] is not None and all(unmet_rules):
        raise AppNotAllowed(f"no app at {start.origin}", app=apps[0], rule=unmet_rules[0].name)
    forward_session = ForwardSession.from_session(who.session)
    handover = HandoverToken(new_id(), forward_session, start.origin, start.path, start.nonce_hash)
    return start.origin, start.path, uow.site.signer.sign(HANDOVER_TOKEN, handover)


def redeem_handover_token(uow: UnitOfWork, token: str, origin: str, nonce: str) -> tuple[ForwardSession, str]:
    """Use a handover token up, and return what it states and the path to go on to.

    :raises LinkInvalid: it is none, too old, used, for another origin, or was made for another browser.
    """
    try:
        handover = uow.site.signer.verify(HANDOVER_TOKEN, token)
    except BadToken as error:
        raise LinkInvalid(f"no handover token: {error}") from None
    if handover.origin != origin:
        raise LinkInvalid("a handover token for another origin")
    if not nonce or not hmac.compare_digest(_hash_nonce(nonce).encode(), handover.nonce_hash.encode()):
        raise LinkInvalid("the round trip was not begun in this browser")
    forward_session = handover.session
    with uow:
        if not uow.spend(f"forward:{handover.id}", now() + HANDOVER_TOKEN_TTL + 2 * LEEWAY):
            raise LinkInvalid("the handover token was used")
        uow.record_event(
            "app.entered",
            account_id=forward_session.account_id,
            facts={"origin": origin, "session": forward_session.session_id},
        )
    return forward_session, handover.path


def read_host_session(site: Site, cookie: str, origin: str) -> ForwardSession | None:
    """Return what the cookie of an app's host states, if it is genuine, of this origin and young enough."""
    host_session = site.signer.read(HOST_SESSION, cookie)
    return host_session.session if host_session is not None and host_session.origin == origin else None


def host_session_max_age(forward_session: ForwardSession) -> int:
    """Return how long the cookie at an app's host is kept, in seconds."""
    remaining = datetime.fromtimestamp(forward_session.expires, UTC) - now()
    return max(0, int(min(remaining, HOST_SESSION_TTL).total_seconds()))


def _safe_path(text: str) -> str:
    return text if _PATH_PATTERN.fullmatch(text) else "/"


def _hash_nonce(nonce: str) -> str:
    # Stands in addresses, and so in logs: who reads it there does not have the secret.
    return hashlib.sha256(nonce.encode()).hexdigest()[:32]
