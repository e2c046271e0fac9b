"""Goodbyes to other apps (OpenID Connect Back-Channel Logout 1.0): written at delivery, and what became of them."""

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
from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc.signing_keys import Keys

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_LIVES = timedelta(minutes=2)
TYPE = "logout+jwt"
STATEMENT, VERSION = "signed-out", 1
SHOWN_FOR = timedelta(hours=24)
"""How long somebody may look, without a session, at what became of signing out."""
HELD_UP = timedelta(seconds=30)
"""How long an app that has not answered is left alone about everybody else."""

LISTED = 50
ORDER = (CONFIRMED, SILENT, WAITING, GIVEN_UP)


@dataclass(frozen=True, slots=True)
class Goodbye:
    """What one app was told, and whether it has confirmed.

    :ivar state: ``waiting``, ``confirmed``, ``given-up``, or ``silent`` for an app that cannot be told.
    """

    app: str
    name: str
    state: str
    at: datetime
    answered_at: datetime | None
    answer: str


def call(uow: UnitOfWork, intent: OutboxItem) -> Callback | None:
    """The call for one goodbye. Its token is signed now: it lives for two minutes, and the outbox may hold it longer.

    None where the app is gone, or has no address any more: it cannot be told then.
    """
    row = uow.session.get(AppLogout, intent.subject)
    if row is None:
        return None
    to, alg = _address(uow, row.app_id, intent)
    if to is None:
        row.state = SILENT
        return None
    moment = int(now().timestamp())
    claims = {
        "iss": uow.site.link_signer.page_url(""),
        "aud": row.app_id,
        "sub": row.account_id,
        "iat": moment,
        "exp": moment + int(TOKEN_LIVES.total_seconds()),
        # A new one each time: an app that refuses what it has seen before would never confirm a second try.
        "jti": new_id(),
        "events": {EVENT: {}},
        **({"sid": row.sid} if row.sid is not None else {}),
    }
    token = uow.site.get(Keys).sign(alg, claims, typ=TYPE)
    logout_id = row.id

    def fate(settling: UnitOfWork, became: CallResult) -> None:
        _note(settling, logout_id, became)

    return Callback(to, {"logout_token": token}, fate)


def _address(uow: UnitOfWork, app_id: str, intent: OutboxItem) -> tuple[str | None, str]:
    app = uow.session.get(App, app_id)
    if app is not None:
        return app.backchannel_logout_uri, app.id_token_signed_response_alg
    kept = intent.facts.get("app", {})
    return kept.get("to"), kept.get("alg", RS256)


def _note(uow: UnitOfWork, logout_id: str, fate: CallResult) -> None:
    row = uow.session.get(AppLogout, logout_id)
    if row is None:
        return
    row.state = CONFIRMED if fate.confirmed else GIVEN_UP if fate.permanent else WAITING
    row.answer = fate.answer[:200]
    row.answered_at = now()
    if row.state == WAITING:
        _hold_up_others(uow, row)
    kind = {CONFIRMED: "app.logout-confirmed", GIVEN_UP: "app.logout-given-up", WAITING: "app.logout-delayed"}
    facts = {"logout": row.logout, "answer": row.answer}
    uow.record_event(kind[row.state], account_id=row.account_id, app_id=row.app_id, facts=facts)


def _hold_up_others(uow: UnitOfWork, row: AppLogout) -> None:
    """An app that does not answer is asked about one person at a time, so that it keeps no other app waiting."""
    later = now() + HELD_UP
    same = select(AppLogout.id).where(
        AppLogout.app_id == row.app_id, AppLogout.state == WAITING, AppLogout.id != row.id
    )
    others = update(OutboxRow).where(
        OutboxRow.purpose == LOGOUT_PURPOSE,
        OutboxRow.subject.in_(same),
        OutboxRow.lease_until.is_(None),
        OutboxRow.not_before < later,
    )
    uow.session.execute(others.values(not_before=later).execution_options(synchronize_session=False))


def statement(house: Site, logout: str) -> str:
    """Says that its bearer may see what became of one sign-out. Holds no name and no address."""
    return house.signer.sign(STATEMENT, VERSION, logout)


def about(uow: UnitOfWork, token: str) -> list[Goodbye]:
    """What became of the sign-out that a statement speaks of: one line an app, by name.

    :raises NotFound: no statement of ours, or an old one.
    """
    try:
        stated = uow.site.signer.verify(STATEMENT, VERSION, token)
    except BadToken as why:
        raise NotFound(str(why)) from None
    if now() > stated.issued_at + SHOWN_FOR:
        raise NotFound("signed out long ago")
    rows = _read(uow, AppLogout.logout == str(stated.payload))
    # An app may have known one browser under several sids: it has confirmed when it has confirmed them all.
    worst = {row.app: row for row in sorted(rows, key=lambda row: ORDER.index(row.state))}
    return sorted(worst.values(), key=lambda row: row.name.casefold())


def of_app(uow: UnitOfWork, app_id: str) -> list[Goodbye]:
    """The last goodbyes to one app, newest first, for its admins."""
    return _read(uow, AppLogout.app_id == app_id)[:LISTED]


def _read(uow: UnitOfWork, condition: ColumnElement[bool]) -> list[Goodbye]:
    columns = (
        AppLogout.app_id,
        AppLogout.app_name,
        AppLogout.state,
        AppLogout.at,
        AppLogout.answered_at,
        AppLogout.answer,
    )
    statement = select(*columns).where(condition).order_by(AppLogout.at.desc(), AppLogout.id).limit(10 * LISTED)
    return [Goodbye(*row) for row in uow.fetch_all(statement)]
