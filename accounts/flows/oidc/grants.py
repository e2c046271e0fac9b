"""Grants: made when a code is redeemed, looked at when a token is shown, revoked with all that hangs on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError
from sqlalchemy import bindparam, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from accounts.core.clock import now
from accounts.core.models.account import Account, Membership
from accounts.core.models.apps import App, Consent, Grant
from accounts.core.models.counters import Spent
from accounts.core.signing import key_usage
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import clients, tokens
from accounts.flows.oidc.claims import OFFLINE, OPENID
from accounts.flows.oidc.clients import Registration
from accounts.flows.oidc.tokens import Code, Refresh
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import grants

GONE = "The person is not signed in any more, or may not use this client."
GRACE = timedelta(seconds=10)
"""How long the previous refresh token is good, too: for an app that asks twice at once, or whose answer was lost."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A grant as it was a moment ago. As the columns of the same name say."""

    id: str
    account_id: str
    app_id: str
    sid: str
    scope: str
    claims: dict[str, Any]
    auth_time: datetime
    amr: list[str]
    counter: int
    created_at: datetime
    rotated_at: datetime | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """As much of an account as claims are made of."""

    id: str
    name: str
    email: str
    locale: str


@dataclass(frozen=True, slots=True)
class Live:
    """A grant that is worth something, whose it is, and for which app."""

    grant: Granted
    account: Person
    app: App | Registration
    groups: tuple[str, ...]

    @property
    def scope(self) -> tuple[str, ...]:
        """What was granted and the app may have still: an admin may have taken some of it away since."""
        return tuple(word for word in self.grant.scope.split() if self.may_have(word))

    def may_have(self, scope: str) -> bool:
        """Whether the registration lets the app have a scope now."""
        return scope == OPENID or scope in self.app.scopes


_GRANT = [getattr(Grant, each.name) for each in fields(Granted)]
_PERSON = [getattr(Account, each.name) for each in fields(Person)]
_APP = clients.columns(Registration)
_LIVE = (
    select(*_GRANT, *_PERSON, *_APP)
    .add_columns(
        Membership.group, exists().where(Spent.id == sessions.mark("") + Grant.session_id).label("session_ended")
    )
    .join(Account, Account.id == Grant.account_id)
    .join(App, App.id == Grant.app_id)
    .outerjoin(Membership, Membership.account_id == Account.id)
    .where(Grant.id == bindparam("grant"), Grant.revoked_at.is_(None), Grant.expires_at > bindparam("moment"))
    .where(App.disabled_at.is_(None), Account.status == "active", Account.auth_epoch == Grant.auth_epoch)
)
_AGREED = exists().where(Consent.account_id == bindparam("account"), Consent.app_id == bindparam("app"))
_SIGNED_IN = (
    select(*_PERSON, Membership.group)
    .select_from(Account)
    .join(App, App.id == bindparam("app"))
    .outerjoin(Membership, Membership.account_id == Account.id)
    .where(Account.id == bindparam("account"), Account.status == "active", Account.auth_epoch == bindparam("epoch"))
    .where(~exists().where(Spent.id == bindparam("mark")))
    .where(App.disabled_at.is_(None), or_(App.trusted, _AGREED))
    .with_for_update(read=True, of=(Account, App))
)
_NEW = insert(Grant)
_NAMES = {column.key: column.name for column in _GRANT}
"""Of the parts of a grant, as the table names them."""
_ROTATE = (
    update(Grant)
    .where(Grant.id == bindparam("grant"), Grant.counter == bindparam("shown"), Grant.revoked_at.is_(None))
    .values(counter=Grant.counter + 1, rotated_at=bindparam("moment"))
    .returning(Grant.id)
)


def live(uow: UnitOfWork, grant_id: str) -> Live | None:
    """The grant, in one statement, if nothing has ended it: neither the person, the app, an admin nor its session."""
    rows = uow.execute(_LIVE, {"grant": grant_id, "moment": now()}).all()
    if not rows:
        return None
    said = iter(rows[0])
    found = Live(
        Granted(*islice(said, len(_GRANT))),
        Person(*islice(said, len(_PERSON))),
        Registration(*islice(said, len(_APP))),
        _names(row.group for row in rows),
    )
    if rows[0].session_ended and OFFLINE not in found.scope:
        return None
    return found if lets_in(found.app, found.groups) else None


def lets_in(app: App | Registration, groups: Sequence[str]) -> bool:
    """Whether somebody in these groups may use the app."""
    return not app.allowed_groups or not set(app.allowed_groups).isdisjoint(groups)


def redeem(uow: UnitOfWork, app: App | Registration, code: Code) -> Live:
    """The grant that a code stands for. Of any number at once one gets it; whoever is later has it revoked.

    Only for a request that is right in everything else: what is wrong must neither use a code up nor revoke.

    :raises InvalidGrantError: used before, or the person was signed out or changed since.
    """
    try:
        with uow:
            found = _redeemed(uow, app, code)
    except IntegrityError:
        raise InvalidGrantError(GONE) from None
    if found is None:
        raise InvalidGrantError("The code was used before. Everything it gave is revoked.")
    return found


def _redeemed(uow: UnitOfWork, app: App | Registration, code: Code) -> Live | None:
    if not uow.spend(f"code:{code.id}", tokens.code_kept_until()):
        grants.end(uow, Grant.id == code.id)
        uow.record_event("app.code-replayed", account_id=code.account_id, app_id=app.id, facts={"grant": code.id})
        return None
    person, groups = _person(uow, app, code)
    if person is None or not lets_in(app, groups):
        raise InvalidGrantError(GONE)
    grant = _made(uow, app, code)
    if OFFLINE in code.scope:
        _count(uow, grant)
    facts = {"grant": code.id, "session": code.session_id, "scope": grant.scope}
    uow.record_event("app.sign-in", account_id=code.account_id, app_id=app.id, facts=facts)
    return Live(grant, person, app, groups)


def refresh(uow: UnitOfWork, app: Registration, shown: Refresh, asked: str) -> tuple[Live, int, tuple[str, ...]]:
    """The grant of a refresh token, the number of the next one, and the scope: all of it or the part asked for.

    The token before the one that is good now is taken for a few seconds more. Whatever is older was stolen from the
    app, or is shown by whoever stole it: the whole grant is revoked.

    :raises InvalidGrantError: not a live grant of this app, or the token was used before.
    :raises InvalidScopeError: more is asked for than was granted. That uses nothing up.
    """
    found = _refreshable(uow, app, shown)
    scope = narrowed(found.scope, asked)
    if shown.counter == found.grant.counter:
        if _rotate(uow, found.grant):
            return found, shown.counter + 1, scope
        found = _refreshable(uow, app, shown)
    counter, rotated_at = found.grant.counter, found.grant.rotated_at
    if shown.counter == counter - 1 and rotated_at is not None and now() - rotated_at <= GRACE:
        return found, counter, scope
    with uow:
        grants.end(uow, Grant.id == found.grant.id)
        facts = {"grant": found.grant.id, "shown": shown.counter, "good": counter}
        uow.record_event("app.refresh-replayed", account_id=found.account.id, app_id=app.id, facts=facts)
    raise InvalidGrantError("The refresh token was used before. Everything it gave is revoked.")


def _refreshable(uow: UnitOfWork, app: Registration, shown: Refresh) -> Live:
    found = live(uow, shown.grant_id)
    if found is None or found.app.id != app.id or OFFLINE not in found.scope:
        raise InvalidGrantError("The refresh token is not good, or not any more.")
    return found


def narrowed(scope: Sequence[str], asked: str) -> tuple[str, ...]:
    """The part of a granted scope that a refresh asks for; all of it when it asks for none.

    :raises InvalidScopeError: it asks for more.
    """
    words = asked.split()
    if not set(words) <= set(scope):
        raise InvalidScopeError("scope may shrink, never grow.")
    return tuple(word for word in scope if word in words) if words else tuple(scope)


def revoke(uow: UnitOfWork, grant: Granted, *, because: str) -> None:
    """End a grant: every token of it is dead."""
    with uow:
        if grants.end(uow, Grant.id == grant.id):
            facts = {"grant": grant.id, "because": because}
            uow.record_event("app.revoked", account_id=grant.account_id, app_id=grant.app_id, facts=facts)


def _made(uow: UnitOfWork, app: App | Registration, code: Code) -> Granted:
    moment = now()
    ends = [moment + timedelta(seconds=app.access_token_seconds), datetime.fromtimestamp(code.session_ends, UTC)]
    if OFFLINE in code.scope:
        ends.append(moment + timedelta(seconds=app.refresh_token_seconds))
    grant = Granted(
        id=code.id,
        account_id=code.account_id,
        app_id=app.id,
        sid=code.session_id,
        scope=" ".join(code.scope),
        claims=code.claims,
        auth_time=datetime.fromtimestamp(code.auth_time, UTC),
        amr=list(code.amr),
        counter=0,
        created_at=moment,
        rotated_at=None,
        expires_at=max(ends),
    )
    row = {column: getattr(grant, name) for name, column in _NAMES.items()}
    uow.execute(_NEW, row | {"session_id": code.session_id, "auth_epoch": code.epoch})
    return grant


def _person(uow: UnitOfWork, app: App | Registration, code: Code) -> tuple[Person | None, tuple[str, ...]]:
    """Whose code it is, and their groups, if they are signed in still: in the session that agreed, offline or not.

    And if neither they nor an admin has done with the app since. Locked against whoever does (:mod:`granted`).
    """
    said = {"account": code.account_id, "epoch": code.epoch, "mark": sessions.mark(code.session_id), "app": app.id}
    rows = uow.execute(_SIGNED_IN, said).all()
    return (Person(*islice(rows[0], len(_PERSON))) if rows else None), _names(row.group for row in rows)


def _names(groups: Iterable[str | None]) -> tuple[str, ...]:
    # Of an outer join: whoever is in no group has one row without any.
    return tuple(sorted(group for group in groups if group is not None))


def _rotate(uow: UnitOfWork, grant: Granted) -> bool:
    # Decided by the database: of two that show the same token at once, one raises the number.
    with uow:
        shown = {"grant": grant.id, "shown": grant.counter, "moment": now()}
        won = uow.execute(_ROTATE, shown).first() is not None
        if won:
            _count(uow, grant)
    return won


def _count(uow: UnitOfWork, grant: Granted) -> None:
    # What a key of the ring has signed keeps it from being called safe to drop.
    key_usage.count_signed(uow.executor, uow.site.ring.signing, tokens.REFRESH, grant.expires_at)
