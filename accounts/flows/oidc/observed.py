"""Note what a client really sends, so that its page can tell whoever looks after it what to turn on.

Told at the token endpoint, where the client has shown who it is: an authorization request anybody can make up.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, update

from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement
from accounts.core.models.apps import App
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc.clients import Client
from accounts.flows.oidc.tokens import AuthorizationCode

NOTE_INTERVAL = timedelta(minutes=1)
"""No more is written than once in this time, for a client that sends now this and now that."""
_NOTE_SIGN_IN = CompiledStatement(
    update(App)
    .where(App.id == bindparam("app"))
    .values(sends_pkce=bindparam("pkce"), sends_nonce=bindparam("nonce"), observed_at=bindparam("moment"))
)


def note_sign_in(uow: UnitOfWork, client: Client, code: AuthorizationCode) -> None:
    """Note whether the request that a code was given for had a code challenge and a nonce, where that is news."""
    sends_pkce, sends_nonce, moment = bool(code.challenge), bool(code.nonce), now()
    if (client.sends_pkce, client.sends_nonce) == (sends_pkce, sends_nonce):
        return
    if client.observed_at is not None and moment - client.observed_at < NOTE_INTERVAL:
        return
    with uow:
        params = {"app": client.id, "pkce": sends_pkce, "nonce": sends_nonce, "moment": moment}
        uow.execute(_NOTE_SIGN_IN, params)
