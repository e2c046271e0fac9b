"""Another app sends somebody here to sign out (OpenID Connect RP-Initiated Logout 1.0).

Nobody is signed out by an address that somebody else made: without an ID token of this very sign-in, the person is
asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import exists, select

from accounts.core.errors import BadAppRequest
from accounts.core.models.apps import Grant
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import clients, id_token_hint
from accounts.flows.oidc.clients import Client
from accounts.flows.oidc.id_token_hint import Hint
from accounts.flows.oidc.responses import with_query
from accounts.flows.sessions.session import CurrentAccount

CARRIED = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint", "ui_locales")


@dataclass(frozen=True, slots=True)
class Wish:
    """Which app wants somebody signed out, and where they go then: "" for a page of ours."""

    app: Client | None
    hint: Hint | None
    back: str
    said: Mapping[str, str] = field(repr=False)


def read(uow: UnitOfWork, pairs: Iterable[tuple[str, str]]) -> Wish:
    """The wish that these parameters make.

    :raises BadAppRequest: it cannot be what an app of ours wants: nobody is signed out or sent anywhere.
    """
    many: dict[str, list[str]] = {}
    for name, value in pairs:
        many.setdefault(name, []).append(value)
    if any(len(values) > 1 for values in many.values()):
        raise BadAppRequest("a parameter stands there twice")
    said = {name: many[name][0] for name in CARRIED if many.get(name, [""])[0]}
    hint = id_token_hint.read(uow, said["id_token_hint"]) if "id_token_hint" in said else None
    if hint is None and "id_token_hint" in said:
        raise BadAppRequest("id_token_hint is no ID token of ours")
    app = _app(uow, hint, said)
    return Wish(app, hint, _back(app, said), said)


def must_ask(uow: UnitOfWork, wish: Wish, who: CurrentAccount | None) -> bool:
    """Whether the person has to say so themselves: unless the ID token is of this very sign-in."""
    if who is None:
        return False
    if wish.hint is None or wish.hint.account_id != who.id:
        return True
    if wish.hint.sid == who.session.id:
        return False
    # The id of the session has changed since the app was told.
    own = exists().where(Grant.sid == wish.hint.sid, Grant.session_id == who.session.id, Grant.account_id == who.id)
    return not uow.fetch_all(select(own))[0][0]


def _app(uow: UnitOfWork, hint: Hint | None, said: Mapping[str, str]) -> Client | None:
    id = said.get("client_id", hint.app_id if hint else "")
    if not id:
        return None
    app = clients.find(uow, id)
    if app is None or (hint is not None and hint.app_id != id):
        raise BadAppRequest("client_id is not known, or not the one of id_token_hint")
    return app


def _back(app: Client | None, said: Mapping[str, str]) -> str:
    uri = said.get("post_logout_redirect_uri", "")
    # Without a word on which app it is, the address is nobody's: the person is asked, and stays here.
    if not uri or app is None:
        return ""
    if uri not in app.post_logout_redirect_uris:
        raise BadAppRequest(f"post_logout_redirect_uri is not registered for {app.id}")
    return with_query(uri, {"state": said["state"]} if "state" in said else {})
