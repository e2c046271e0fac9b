"""Deliver back-channel logouts (OpenID Connect Back-Channel Logout 1.0), and record their results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update

from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.ids import new_id
from accounts.core.logout_events import LOGOUT_PURPOSE
from accounts.core.models.apps import RS256, App
from accounts.core.models.logout import CONFIRMED, GIVEN_UP, SILENT, WAITING, AppLogout
from accounts.core.models.outbox import OutboxRow
from accounts.core.outbox import Callback, CallResult, OutboxItem
from accounts.core.signing.token_kind import BadToken, SignedToken, TokenKind
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc.signing_keys import SigningKeys
from accounts.flows.shared.fields import Form

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TOKEN_TTL = timedelta(minutes=2)
LOGOUT_TOKEN_TYPE = "logout+jwt"  # noqa: S105 - a media type
STATUS_TTL = timedelta(hours=24)
"""How long somebody may look, without a session, at what became of signing out."""
OTHER_LOGOUTS_DELAY = timedelta(seconds=30)
"""How long an app that has not answered is left alone about everybody else."""

LOGOUTS_PER_APP = 50
STATE_ORDER = (CONFIRMED, SILENT, WAITING, GIVEN_UP)


class LogoutStatusForm(Form):
    """Which sign-out: the signed statement that its browser has got."""

    about: str = ""


@dataclass(frozen=True, slots=True)
class ClientLogout:
    """What one client was told, and whether it has confirmed.

    :ivar state: ``waiting``, ``confirmed``, ``given-up``, or ``silent`` for a client that cannot be told.
    """

    app: str
    name: str
    state: str
    at: datetime
    answered_at: datetime | None
    answer: str


@dataclass(frozen=True, slots=True)
class LogoutStatus:
    """Lets its bearer see what became of one sign-out. Holds no name and no address."""

    logout_id: str


def _decode_logout_status(token: SignedToken) -> LogoutStatus:
    if not isinstance(token.payload, str):
        raise TypeError("not a text")
    return LogoutStatus(token.payload)


LOGOUT_STATUS = TokenKind(
    purpose="signed-out",
    payload=LogoutStatus,
    lifetime=STATUS_TTL,
    encode=lambda status: status.logout_id,
    decode=_decode_logout_status,
)
"""Stands in the address of the page that says which apps have confirmed a sign-out."""


def make_logout_callback(uow: UnitOfWork, item: OutboxItem) -> Callback | None:
    """Return the callback for one logout. Its token is signed now: it is valid for two minutes only.

    None where the client is gone, or has no address any more: it cannot be told then.
    """
    row = uow.session.get(AppLogout, item.about.id)
    if row is None:
        return None
    logout_uri, alg = _find_logout_uri(uow, row.app_id, item)
    if logout_uri is None:
        row.state = SILENT
        return None
    moment = int(now().timestamp())
    claims = {
        "iss": uow.site.link_signer.page_url(""),
        "aud": row.app_id,
        "sub": row.account_id,
        "iat": moment,
        "exp": moment + int(LOGOUT_TOKEN_TTL.total_seconds()),
        # A new one each time: an app that refuses what it has seen before would never confirm a second try.
        "jti": new_id(),
        "events": {LOGOUT_EVENT: {}},
        **({"sid": row.sid} if row.sid is not None else {}),
    }
    token = uow.site.get(SigningKeys).sign(alg, claims, typ=LOGOUT_TOKEN_TYPE)
    return Callback(logout_uri, {"logout_token": token})


def _find_logout_uri(uow: UnitOfWork, app_id: str, item: OutboxItem) -> tuple[str | None, str]:
    app = uow.session.get(App, app_id)
    if app is not None:
        return app.backchannel_logout_uri, app.id_token_signed_response_alg
    app_facts = item.facts.get("app", {})
    return app_facts.get("to"), app_facts.get("alg", RS256)


def settle_logout_callback(uow: UnitOfWork, item: OutboxItem, result: CallResult) -> None:
    """Note whether an app has confirmed, in the transaction that settles the outbox item."""
    row = uow.session.get(AppLogout, item.subject)
    if row is None:
        return
    row.state = CONFIRMED if result.confirmed else GIVEN_UP if result.permanent else WAITING
    row.answer = result.answer[:200]
    row.answered_at = now()
    if row.state == WAITING:
        _delay_other_logouts(uow, row)
    kind = {CONFIRMED: "app.logout-confirmed", GIVEN_UP: "app.logout-given-up", WAITING: "app.logout-delayed"}
    facts = {"logout": row.logout, "answer": row.answer}
    uow.record_event(kind[row.state], account_id=row.account_id, app_id=row.app_id, facts=facts)


def _delay_other_logouts(uow: UnitOfWork, row: AppLogout) -> None:
    """Delay the other logouts of a client that does not answer, so that it delays no other client."""
    retry_at = now() + OTHER_LOGOUTS_DELAY
    other_logouts = select(AppLogout.id).where(
        AppLogout.app_id == row.app_id, AppLogout.state == WAITING, AppLogout.id != row.id
    )
    delay = update(OutboxRow).where(
        OutboxRow.purpose == LOGOUT_PURPOSE,
        OutboxRow.subject.in_(other_logouts),
        OutboxRow.lease_until.is_(None),
        OutboxRow.not_before < retry_at,
    )
    uow.session.execute(delay.values(not_before=retry_at).execution_options(synchronize_session=False))


def sign_logout_status(uow: UnitOfWork) -> str:
    """Return the token by which a user who has just signed out sees the results; "" when no app is concerned."""
    logout_id = uow.logout_events.id
    return uow.site.signer.sign(LOGOUT_STATUS, LogoutStatus(logout_id)) if logout_id else ""


def list_logouts_by_token(uow: UnitOfWork, token: str) -> list[ClientLogout]:
    """Return the results of the sign-out that a status token names: one line a client, by name.

    :raises NotFound: no token of ours, or an old one.
    """
    try:
        status = uow.site.signer.verify(LOGOUT_STATUS, token)
    except BadToken as error:
        raise NotFound(f"no sign-out to look at: {error}") from None
    rows = _select_logouts(uow, AppLogout.logout == status.logout_id)
    # An app may have known several sessions: it has confirmed when it has confirmed the end of them all.
    worst_of_app = {row.app: row for row in sorted(rows, key=lambda row: STATE_ORDER.index(row.state))}
    return sorted(worst_of_app.values(), key=lambda row: row.name.casefold())


def list_logouts_of_app(uow: UnitOfWork, app_id: str) -> list[ClientLogout]:
    """Return the last logouts of one client, newest first, for its admins."""
    return _select_logouts(uow, AppLogout.app_id == app_id, limit=LOGOUTS_PER_APP)


def _select_logouts(uow: UnitOfWork, condition: ColumnElement[bool], limit: int | None = None) -> list[ClientLogout]:
    columns = (
        AppLogout.app_id,
        AppLogout.app_name,
        AppLogout.state,
        AppLogout.at,
        AppLogout.answered_at,
        AppLogout.answer,
    )
    statement = select(*columns).where(condition).order_by(AppLogout.at.desc(), AppLogout.id).limit(limit)
    return [ClientLogout(*row) for row in uow.fetch_all(statement)]
