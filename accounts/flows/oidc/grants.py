"""Grants: made when a code is redeemed, looked at when a token is shown, revoked with all that hangs on them.

A grant has the id of its code, and its row remembers that the code was used. It outlives the code: it is deleted with
its account and client, without whom the code is worth nothing, or with its last token, which lives a minute at least.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError
from sqlalchemy import bindparam, exists, or_, select, update

from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement
from accounts.core.models.account import Account, Membership
from accounts.core.models.apps import App, Consent, Grant
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import clients, tokens
from accounts.flows.oidc.claims import OFFLINE_ACCESS, OPENID, split_scope
from accounts.flows.oidc.clients import Client, TokenClient
from accounts.flows.oidc.tokens import AuthorizationCode, RefreshToken
from accounts.flows.sessions.live import account_allows_epoch, session_is_ended, session_is_live
from accounts.flows.shared import grants
from accounts.flows.shared.admission import Standing, may_use_app

GRANT_REFUSED_MESSAGE = "The person is not signed in any more, or may not use this client."
REFRESH_GRACE_PERIOD = timedelta(seconds=10)
"""How long the previous refresh token is good, too: for an app that asks twice at once, or whose answer was lost."""


@dataclass(frozen=True, slots=True)
class GrantRow:
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
class ResourceOwner:
    """As much of an account as claims are made of."""

    id: str
    name: str
    email: str
    locale: str
    zone: str
    email_unproven: bool
    invited: bool


@dataclass(frozen=True, slots=True)
class LiveGrant:
    """A grant that is worth something, whose it is, and for which app."""

    grant: GrantRow
    account: ResourceOwner
    app: App | TokenClient
    groups: tuple[str, ...]

    @property
    def scope(self) -> tuple[str, ...]:
        """What was granted and the app may have still: an admin may have taken some of it away since."""
        return tuple(word for word in self.grant.scope.split() if self.allows_scope(word))

    def allows_scope(self, scope: str) -> bool:
        """Whether the registration lets the app have a scope now."""
        return scope == OPENID or scope in self.app.scopes


_GRANT_COLUMNS = [getattr(Grant, each.name) for each in fields(GrantRow)]
_OWNER_COLUMNS = [getattr(Account, each.name) for each in fields(ResourceOwner)]


def _select_live_grant(client_class: type[TokenClient]) -> CompiledStatement:
    return CompiledStatement(
        select(*_GRANT_COLUMNS, *_OWNER_COLUMNS, *clients.client_columns(client_class))
        .add_columns(Membership.group, session_is_ended(Grant.session_id).label("session_ended"))
        .join(Account, Account.id == Grant.account_id)
        .join(App, App.id == Grant.app_id)
        .outerjoin(Membership, Membership.account_id == Account.id)
        .where(Grant.id == bindparam("grant"), Grant.revoked_at.is_(None), Grant.expires_at > bindparam("moment"))
        .where(App.disabled_at.is_(None), account_allows_epoch(Grant.auth_epoch))
    )


def _build_grant_insert(insert: Any) -> Any:
    """Return the INSERT of a grant, unless there is one of that id.

    It holds account and client against whoever ends sessions or connections until the grant is there, and does so in
    a statement before the one that asks whether they are live: what was read while waiting for a lock is old.
    """
    columns = list(Grant.__table__.columns)
    values = (
        select(*(bindparam(column.name, type_=column.type) for column in columns))
        .select_from(Account)
        .join(App, App.id == bindparam("app"))
        .where(Account.id == bindparam("account"))
        .with_for_update(read=True, of=(Account, App))
    )
    names = [column.name for column in columns]
    return insert(Grant).from_select(names, values).on_conflict_do_nothing().returning(Grant.id)


_SELECT_LIVE_GRANT = {each: _select_live_grant(each) for each in (TokenClient, Client)}
_HAS_CONSENT = exists().where(Consent.account_id == bindparam("account"), Consent.app_id == bindparam("app"))
_SELECT_SIGNED_IN_OWNER = CompiledStatement(
    select(*_OWNER_COLUMNS, Membership.group)
    .select_from(Account)
    .join(App, App.id == bindparam("app"))
    .outerjoin(Membership, Membership.account_id == Account.id)
    .where(Account.id == bindparam("account"), session_is_live(bindparam("epoch"), bindparam("session")))
    .where(App.disabled_at.is_(None), or_(App.trusted, _HAS_CONSENT))
)
_INSERT_GRANT = CompiledStatement(_build_grant_insert)
_GRANT_EXISTS = CompiledStatement(select(Grant.id).where(Grant.id == bindparam("grant")))
_COLUMN_OF_FIELD = {column.key: column.name for column in _GRANT_COLUMNS}
"""Of the parts of a grant, as the table names them."""
_ADVANCE_COUNTER = CompiledStatement(
    update(Grant)
    .where(Grant.id == bindparam("grant"), Grant.counter == bindparam("shown"), Grant.revoked_at.is_(None))
    .values(counter=Grant.counter + 1, rotated_at=bindparam("moment"))
    .returning(Grant.id)
)


def find_live_grant(
    uow: UnitOfWork, grant_id: str, client_class: type[TokenClient] = TokenClient
) -> LiveGrant | None:
    """Return the grant, in one SQL statement, if it is not revoked and account, client and session allow it.

    :param client_class: how much of the client is read.
    """
    rows = uow.fetch_all(_SELECT_LIVE_GRANT[client_class], {"grant": grant_id, "moment": now()})
    if not rows:
        return None
    values = iter(rows[0])
    live_grant = LiveGrant(
        GrantRow(*islice(values, len(_GRANT_COLUMNS))),
        ResourceOwner(*islice(values, len(_OWNER_COLUMNS))),
        client_class(*islice(values, len(fields(client_class)))),
        _group_names(row[-2] for row in rows),
    )
    is_session_ended = rows[0][-1]
    if is_session_ended and OFFLINE_ACCESS not in live_grant.scope:
        return None
    return live_grant if may_use_app(live_grant.app, _standing(live_grant.account, live_grant.groups)) else None


def redeem_code(uow: UnitOfWork, app: App | TokenClient, code: AuthorizationCode) -> LiveGrant:
    """Redeem a code once, and return its grant. Of any number at once one gets it; whoever is later has it revoked.

    Only for a request that is right in everything else: what is wrong must neither use a code up nor revoke.

    :raises InvalidGrantError: used before, or the user was signed out or changed since.
    """
    with uow:
        live_grant = _redeem_once(uow, app, code)
    if live_grant is None:
        raise InvalidGrantError("The code was used before. Everything it gave is revoked.")
    return live_grant


def _redeem_once(uow: UnitOfWork, app: App | TokenClient, code: AuthorizationCode) -> LiveGrant | None:
    grant = _build_grant_row(app, code)
    if not _insert_grant(uow, grant, code):
        if not uow.execute(_GRANT_EXISTS, {"grant": code.id}):
            raise InvalidGrantError(GRANT_REFUSED_MESSAGE)  # its account or client is gone
        grants.revoke_grants(uow, Grant.id == code.id)
        uow.record_event("app.code-replayed", account_id=code.account_id, app_id=app.id, facts={"grant": code.id})
        return None
    owner, groups = _find_signed_in_owner(uow, app, code)
    if owner is None or not may_use_app(app, _standing(owner, groups)):
        raise InvalidGrantError(GRANT_REFUSED_MESSAGE)
    if OFFLINE_ACCESS in code.scope:
        _count_key_use(uow, grant)
    facts = {"grant": code.id, "session": code.session_id, "scope": grant.scope}
    uow.record_event("app.sign-in", account_id=code.account_id, app_id=app.id, facts=facts)
    return LiveGrant(grant, owner, app, groups)


def refresh_grant(
    uow: UnitOfWork, app: TokenClient, token: RefreshToken, live_grant: LiveGrant | None, requested_scope: str
) -> tuple[LiveGrant, int, tuple[str, ...]]:
    """Return the grant of a refresh token, the number of the next one, and the scope that was asked for.

    The token before the valid one is accepted for a few seconds more. Whatever is older was stolen from the
    client, or is shown by whoever stole it: the whole grant is revoked.

    :param live_grant: of the token, as it was a moment ago; None where it was not live.
    :raises InvalidGrantError: not a live grant of this client, or the token was used before.
    :raises InvalidScopeError: more is asked for than was granted. That uses nothing up.
    """
    live_grant = _check_refreshable(live_grant, app)
    scope = narrow_scope(live_grant.scope, requested_scope)
    if token.counter == live_grant.grant.counter:
        if _advance_counter(uow, live_grant.grant):
            return live_grant, token.counter + 1, scope
        live_grant = _check_refreshable(find_live_grant(uow, token.grant_id), app)
    counter, rotated_at = live_grant.grant.counter, live_grant.grant.rotated_at
    if token.counter == counter - 1 and rotated_at is not None and now() - rotated_at <= REFRESH_GRACE_PERIOD:
        return live_grant, counter, scope
    with uow:
        grants.revoke_grants(uow, Grant.id == live_grant.grant.id)
        facts = {"grant": live_grant.grant.id, "shown": token.counter, "good": counter}
        uow.record_event("app.refresh-replayed", account_id=live_grant.account.id, app_id=app.id, facts=facts)
    raise InvalidGrantError("The refresh token was used before. Everything it gave is revoked.")


def _check_refreshable(live_grant: LiveGrant | None, app: TokenClient) -> LiveGrant:
    if live_grant is None or live_grant.app.id != app.id or OFFLINE_ACCESS not in live_grant.scope:
        raise InvalidGrantError("The refresh token is not good, or not any more.")
    return live_grant


def narrow_scope(scope: Sequence[str], requested_scope: str) -> tuple[str, ...]:
    """Return the part of a granted scope that a refresh asks for; all of it when it asks for none.

    :raises InvalidScopeError: it asks for more.
    """
    words = split_scope(requested_scope)
    if not set(words) <= set(scope):
        raise InvalidScopeError("scope may shrink, never grow.")
    return tuple(word for word in scope if word in words) if words else tuple(scope)


def revoke_grant(uow: UnitOfWork, grant: GrantRow, *, reason: str) -> None:
    """Revoke a grant with every token of it."""
    with uow:
        if grants.revoke_grants(uow, Grant.id == grant.id):
            facts = {"grant": grant.id, "because": reason}
            uow.record_event("app.revoked", account_id=grant.account_id, app_id=grant.app_id, facts=facts)


def _build_grant_row(app: App | TokenClient, code: AuthorizationCode) -> GrantRow:
    moment = now()
    expiries = [moment + timedelta(seconds=app.access_token_seconds), datetime.fromtimestamp(code.session_ends, UTC)]
    if OFFLINE_ACCESS in code.scope:
        expiries.append(moment + timedelta(seconds=app.refresh_token_seconds))
    return GrantRow(
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
        expires_at=max(expiries),
    )


def _insert_grant(uow: UnitOfWork, grant: GrantRow, code: AuthorizationCode) -> bool:
    row = {column: getattr(grant, name) for name, column in _COLUMN_OF_FIELD.items()}
    more = {"session_id": code.session_id, "auth_epoch": code.epoch, "revoked_at": None, "logged_out_at": None}
    return bool(uow.execute(_INSERT_GRANT, row | more))


def _find_signed_in_owner(
    uow: UnitOfWork, app: App | TokenClient, code: AuthorizationCode
) -> tuple[ResourceOwner | None, tuple[str, ...]]:
    """Whose code it is, and their groups, if they are signed in still: in the session that agreed, offline or not.

    And if neither they nor an admin has done with the app since; the INSERT before keeps off whoever does.
    """
    params = {"account": code.account_id, "epoch": code.epoch, "session": code.session_id, "app": app.id}
    rows = uow.execute(_SELECT_SIGNED_IN_OWNER, params)
    owner = ResourceOwner(*rows[0][: len(_OWNER_COLUMNS)]) if rows else None
    return owner, _group_names(row[-1] for row in rows)


def _standing(owner: ResourceOwner, groups: tuple[str, ...]) -> Standing:
    return Standing(groups, owner.email, not owner.email_unproven, owner.invited)


def _group_names(groups: Iterable[str | None]) -> tuple[str, ...]:
    # Of an outer join: whoever is in no group has one row without any.
    return tuple(sorted(group for group in groups if group is not None))


def _advance_counter(uow: UnitOfWork, grant: GrantRow) -> bool:
    # Decided by the database: of two that show the same token at once, one raises the number.
    with uow:
        params = {"grant": grant.id, "shown": grant.counter, "moment": now()}
        advanced = bool(uow.execute(_ADVANCE_COUNTER, params))
        if advanced:
            _count_key_use(uow, grant)
    return advanced


def _count_key_use(uow: UnitOfWork, grant: GrantRow) -> None:
    # What a key of the ring has signed keeps it from being called safe to drop.
    uow.count_signed(uow.site.ring.signing, tokens.REFRESH_TOKEN.purpose, grant.expires_at)
