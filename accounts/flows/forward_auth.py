"""Forward-auth: a proxy asks who comes before it lets anybody through to an app.

At the origin of the service itself its own session cookie answers. Everywhere else that cookie does not go, and must
not: the app would hold it. There, a short round trip leaves a cookie of that one host: *start* (at the app's host,
binds the trip to this browser), *pass* (here, where the session is), *enter* (at the app's host, takes the pass and
leaves the cookie). Nothing is stored but the id of a pass that was used.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from sqlalchemy import String, and_, bindparam, exists, or_, select

from accounts.core.clock import LEEWAY, now
from accounts.core.errors import Forbidden, LinkInvalid, NotFound, NotSignedIn
from accounts.core.ids import new_id
from accounts.core.models.account import Account, Membership
from accounts.core.models.apps import App
from accounts.core.models.counters import Spent
from accounts.core.models.forward_auth import AppOrigin
from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions.session import IDLE, CurrentAccount, Session, mark

TRIP, PASS, VISIT, VERSION = "forward-trip", "forward-pass", "forward-visit", 1
TRIP_LIVES, TRIP_CHARACTERS = timedelta(hours=24), 1200
PASS_LIVES = timedelta(seconds=60)
VISIT_LIVES = IDLE
"""How long the cookie at an app's host serves before another silent round trip; no longer than the session anyway."""
_PATH = re.compile(r"/[!-\[\]-~]{0,2000}", re.ASCII)
"""As it stands in a request: nothing that a browser would change. What it says when decoded is the app's matter."""
_SAFE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


@dataclass(frozen=True, slots=True)
class Ticket:
    """The session that vouches for somebody, as a cookie states it: of the service itself, or of an app's host."""

    account_id: str
    epoch: int
    session_id: str
    ends: int

    @classmethod
    def of(cls, session: Session) -> Ticket:
        """What a session of the service itself says."""
        return cls(session.account_id, session.epoch, session.id, int(session.ends_at.timestamp()))


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who comes, for the app behind the proxy."""

    account_id: str
    email: str
    name: str
    groups: tuple[str, ...]

    def headers(self) -> dict[str, str]:
        """What the app is told. All four are there, empty or not: a missing one could be the visitor's own."""
        return {
            "Remote-User": self.account_id,
            "Remote-Email": header_safe(self.email),
            "Remote-Name": header_safe(self.name),
            "Remote-Groups": ",".join(self.groups),
        }


def header_safe(text: str) -> str:
    """A text as a header can hold it: what is not printable ASCII, and %, percent-encoded in UTF-8."""
    return quote(text, safe=_SAFE)


# Put together once: it is asked with every request to every app behind a proxy.
_COMES = (
    select(Account.email, Account.name, Membership.group, App.id, App.allowed_groups)
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
    .where(
        Account.id == bindparam("account"),
        Account.auth_epoch == bindparam("epoch"),
        Account.status == "active",
        ~exists().where(Spent.id == bindparam("mark")),
    )
)


def judge(uow: UnitOfWork, ticket: Ticket, origin: str, app_id: str = "") -> Visitor:
    """Who comes, in one statement, if the app at an origin is for them.

    :param app_id: which app, by the proxy's word; needed where several stand at one origin.
    :raises NotSignedIn: the session has ended, or the account may not be used.
    :raises Forbidden: no such app stands there, or it is not for their groups.
    """
    vouched = {"account": ticket.account_id, "epoch": ticket.epoch, "mark": mark(ticket.session_id)}
    rows = uow.fetch_all(_COMES, {**vouched, "origin": origin, "app": app_id})
    if not rows or now().timestamp() >= ticket.ends:
        raise NotSignedIn("no live session")
    groups = tuple(sorted({row[2] for row in rows if row[2] is not None}))
    apps = {row[3]: row[4] for row in rows if row[3] is not None}
    if len(apps) != 1:
        raise Forbidden(f"{len(apps)} apps at {origin}" + ("" if app_id else ": the proxy must say which"))
    ((found, allowed),) = apps.items()
    if not _lets_in(allowed, groups):
        raise Forbidden(f"not in a group of app {found}")
    return Visitor(ticket.account_id, rows[0][0], rows[0][1], groups)


def new_nonce() -> str:
    """The secret that binds a round trip to one browser."""
    return secrets.token_urlsafe(16)


def begin(house: Site, origin: str, path: str, nonce: str) -> str:
    """The statement by which a trip is carried through signing in: where it began, and in which browser."""
    trip = house.signer.sign(TRIP, VERSION, [origin, _path(path), _binding(nonce)])
    # It has to fit into a return target, beside what carries it.
    return trip if len(trip) <= TRIP_CHARACTERS else begin(house, origin, "/", nonce)


def let_through(uow: UnitOfWork, who: CurrentAccount, trip: str) -> tuple[str, str, str]:
    """Origin and path to lead somebody back to, and the pass that lets them in there.

    :raises NotFound: no trip of ours, or no app stands at its origin: nobody is led there.
    :raises Forbidden: none of the apps there is for their groups.
    """
    try:
        stated = uow.site.signer.verify(TRIP, VERSION, trip)
        origin, path, bound_to = (str(each) for each in stated.payload)
    except (BadToken, TypeError, ValueError) as why:
        raise NotFound(f"no trip: {why}") from None
    if now() > stated.issued_at + TRIP_LIVES:
        raise NotFound("the trip began too long ago")
    allowed = uow.fetch_all(
        select(App.allowed_groups)
        .join(AppOrigin, AppOrigin.app_id == App.id)
        .where(AppOrigin.origin == origin, App.disabled_at.is_(None))
    )
    if not allowed:
        raise NotFound("no app stands at that origin")
    if not any(_lets_in(row[0], who.groups) for row in allowed):
        raise Forbidden(f"not in a group of any app at {origin}")
    says = [new_id(), _listed(Ticket.of(who.session)), origin, path, bound_to]
    return origin, path, uow.site.signer.sign(PASS, VERSION, says)


def enter(uow: UnitOfWork, token: str, origin: str, nonce: str) -> tuple[Ticket, str]:
    """What a pass states, and the path to go on to; it is used up.

    :raises LinkInvalid: it is none, too old, used, for another origin, or was made for another browser.
    """
    try:
        stated = uow.site.signer.verify(PASS, VERSION, token)
        pass_id, ticket, for_origin, path, bound_to = stated.payload
        ticket = Ticket(*ticket)
    except (BadToken, TypeError, ValueError) as why:
        raise LinkInvalid(f"no pass: {why}") from None
    if now() > stated.issued_at + PASS_LIVES:
        raise LinkInvalid("the pass is too old")
    if for_origin != origin:
        raise LinkInvalid("a pass for another origin")
    if not nonce or not hmac.compare_digest(_binding(nonce).encode(), bound_to.encode()):
        raise LinkInvalid("the trip was not begun in this browser")
    with uow:
        if not uow.spend(f"forward:{pass_id}", now() + PASS_LIVES + 2 * LEEWAY):
            raise LinkInvalid("the pass was used")
        uow.record_event(
            "app.entered", account_id=ticket.account_id, facts={"origin": origin, "session": ticket.session_id}
        )
    return ticket, path


def seal_visit(house: Site, ticket: Ticket, origin: str) -> str:
    """The cookie at an app's host: worth something at that origin alone, and while the session lives."""
    return house.signer.sign(VISIT, VERSION, [_listed(ticket), origin])


def read_visit(house: Site, cookie: str, origin: str) -> Ticket | None:
    """What such a cookie states, if it is genuine, of this origin and young enough."""
    try:
        stated = house.signer.verify(VISIT, VERSION, cookie)
        ticket, for_origin = stated.payload
        found = Ticket(*ticket)
    except (BadToken, TypeError, ValueError):
        return None
    return found if for_origin == origin and now() < stated.issued_at + VISIT_LIVES else None


def visit_seconds(ticket: Ticket) -> int:
    """How long the cookie of a visit is kept."""
    left = datetime.fromtimestamp(ticket.ends, UTC) - now()
    return max(0, int(min(left, VISIT_LIVES).total_seconds()))


def _path(text: str) -> str:
    return text if _PATH.fullmatch(text) else "/"


def _binding(nonce: str) -> str:
    # Stands in addresses, and so in logs: who reads it there does not have the secret.
    return hashlib.sha256(nonce.encode()).hexdigest()[:32]


def _listed(ticket: Ticket) -> list[str | int]:
    return [ticket.account_id, ticket.epoch, ticket.session_id, ticket.ends]


def _lets_in(allowed: Sequence[str], groups: Sequence[str]) -> bool:
    return not allowed or not set(allowed).isdisjoint(groups)
