"""Grants: made when a code is redeemed, looked at when a token is shown, revoked with all that hangs on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError
from sqlalchemy import bindparam, exists, or_, select, update
from sqlalchemy.exc import IntegrityError

from accounts.core import uses
from accounts.core.clock import now
from accounts.core.models import Account, Membership, Spent
from accounts.core.models_apps import App, Consent, Grant
from accounts.core.uow import UnitOfWork
from accounts.flows import granted, sessions
from accounts.flows.oidc import tokens
from accounts.flows.oidc.claims import OFFLINE, OPENID
from accounts.flows.oidc.tokens import Code, Refresh

GONE = "The person is not signed in any more, or may not use this client."
GRACE = timedelta(seconds=10)
"""How long the previous refresh token is good, too: for an app that asks twice at once, or whose answer was lost."""


LIVE = (
    select(Grant, Account, App, Membership.group, exists().where(Spent.id == sessions.mark("") + Grant.session_id))
    .join(Account, Account.id == Grant.account_id)
    .join(App, App.id == Grant.app_id)
    .outerjoin(Membership, Membership.account_id == Account.id)
    .where(Grant.id == bindparam("grant"), Grant.revoked_at.is_(None), Grant.expires_at > bindparam("moment"))
    .where(App.disabled_at.is_(None), Account.status == "active", Account.auth_epoch == Grant.auth_epoch)
)
"""Asked with every token that is shown; put together once."""


@dataclass(frozen=True, slots=True)
class Live:
    """A grant that is worth something, whose it is, and for which app."""

    grant: Grant
    account: Account
    app: App
    groups: tuple[str, ...]

    @property
    def scope(self) -> tuple[str, ...]:
        """What was granted and the app may have still: an admin may have taken some of it away since."""
        return tuple(word for word in self.grant.scope.split() if self.may_have(word))

    def may_have(self, scope: str) -> bool:
        """Whether the registration lets the app have a scope now."""
        return scope == OPENID or scope in self.app.scopes


def live(uow: UnitOfWork, grant_id: str) -> Live | None:
    """The grant, in one statement, if nothing has ended it: neither the person, the app, an admin nor its session."""
    rows = uow.session.execute(LIVE, {"grant": grant_id, "moment": now()}).all()
    if not rows:
        return None
    grant, account, app, _, session_ended = rows[0]
    found = Live(grant, account, app, _names(row[3] for row in rows))
    if session_ended and OFFLINE not in found.scope:
        return None
    return found if lets_in(app, found.groups) else None


def lets_in(app: App, groups: Sequence[str]) -> bool:
    """Whether somebody in these groups may use the app."""
    return not app.allowed_groups or not set(app.allowed_groups).isdisjoint(groups)


def redeem(uow: UnitOfWork, app: App, code: Code) -> Live:
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


def _redeemed(uow: UnitOfWork, app: App, code: Code) -> Live | None:
    if not uow.spend(f"code:{code.id}", tokens.code_kept_until()):
        granted.end(uow, Grant.id == code.id)
        uow.note("app.code-replayed", account_id=code.account_id, app_id=app.id, facts={"grant": code.id})
        return None
    account, groups = _person(uow, app, code)
    if account is None or not lets_in(app, groups):
        raise InvalidGrantError(GONE)
    grant = _new(app, code)
    uow.session.add(grant)
    if OFFLINE in code.scope:
        _count(uow, grant)
    facts = {"grant": code.id, "session": code.session_id, "scope": grant.scope}
    uow.note("app.sign-in", account_id=code.account_id, app_id=app.id, facts=facts)
    return Live(grant, account, app, groups)


def refresh(uow: UnitOfWork, app: App, shown: Refresh, asked: str) -> tuple[Live, int, tuple[str, ...]]:
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
        granted.end(uow, Grant.id == found.grant.id)
        facts = {"grant": found.grant.id, "shown": shown.counter, "good": counter}
        uow.note("app.refresh-replayed", account_id=found.account.id, app_id=app.id, facts=facts)
    raise InvalidGrantError("The refresh token was used before. Everything it gave is revoked.")


def _refreshable(uow: UnitOfWork, app: App, shown: Refresh) -> Live:
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


def revoke(uow: UnitOfWork, grant: Grant, *, because: str) -> None:
    """End a grant: every token of it is dead."""
    with uow:
        if granted.end(uow, Grant.id == grant.id):
            facts = {"grant": grant.id, "because": because}
            uow.note("app.revoked", account_id=grant.account_id, app_id=grant.app_id, facts=facts)


def _new(app: App, code: Code) -> Grant:
    moment = now()
    ends = [moment + timedelta(seconds=app.access_token_seconds), datetime.fromtimestamp(code.session_ends, UTC)]
    if OFFLINE in code.scope:
        ends.append(moment + timedelta(seconds=app.refresh_token_seconds))
    return Grant(
        id=code.id,
        account_id=code.account_id,
        app_id=app.id,
        session_id=code.session_id,
        sid=code.session_id,
        scope=" ".join(code.scope),
        claims=code.claims,
        auth_epoch=code.epoch,
        auth_time=datetime.fromtimestamp(code.auth_time, UTC),
        amr=list(code.amr),
        expires_at=max(ends),
    )


def _person(uow: UnitOfWork, app: App, code: Code) -> tuple[Account | None, tuple[str, ...]]:
    """Whose code it is, and their groups, if they are signed in still: in the session that agreed, offline or not.

    And if neither they nor an admin has done with the app since. Locked against whoever does (:mod:`granted`).
    """
    agreed = exists().where(Consent.account_id == code.account_id, Consent.app_id == app.id)
    rows = uow.session.execute(
        select(Account, Membership.group)
        .select_from(Account)
        .join(App, App.id == app.id)
        .outerjoin(Membership, Membership.account_id == Account.id)
        .where(Account.id == code.account_id, Account.status == "active", Account.auth_epoch == code.epoch)
        .where(~exists().where(Spent.id == sessions.mark(code.session_id)))
        .where(App.disabled_at.is_(None), or_(App.trusted, agreed))
        .with_for_update(read=True, of=(Account, App))
    ).all()
    return (rows[0][0] if rows else None), _names(row[1] for row in rows)


def _names(groups: Iterable[str | None]) -> tuple[str, ...]:
    # Of an outer join: whoever is in no group has one row without any.
    return tuple(sorted(group for group in groups if group is not None))


def _rotate(uow: UnitOfWork, grant: Grant) -> bool:
    # Decided by the database: of two that show the same token at once, one raises the number.
    good = (Grant.id == grant.id, Grant.counter == grant.counter, Grant.revoked_at.is_(None))
    with uow:
        raised = update(Grant).where(*good).values(counter=Grant.counter + 1, rotated_at=now()).returning(Grant.id)
        won = uow.session.execute(raised.execution_options(synchronize_session=False)).first() is not None
        if won:
            _count(uow, grant)
    return won


def _count(uow: UnitOfWork, grant: Grant) -> None:
    # What a key of the ring has signed keeps it from being called safe to drop.
    uses.count_signed(uow.session, uow.house.ring.signing, tokens.REFRESH, grant.expires_at)
