"""Sign a user out on behalf of a client (OpenID Connect RP-Initiated Logout 1.0).

Nobody is signed out by an address that somebody else made: without an ID token of this very sign-in, the user is
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
from accounts.flows.oidc.id_token_hint import IdTokenHint
from accounts.flows.oidc.parameters import group_parameters, has_repeated_parameter, pick_parameters
from accounts.flows.oidc.responses import add_query
from accounts.flows.sessions.session import CurrentAccount

LOGOUT_PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint", "ui_locales")


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """Which app wants somebody signed out, and where they go then: "" for a page of ours.

    :ivar is_uri_refused: the app wants them sent to an address that it is not registered with.
    """

    app: Client | None
    hint: IdTokenHint | None
    post_logout_uri: str
    is_uri_refused: bool
    params: Mapping[str, str] = field(repr=False)


def parse_logout_request(uow: UnitOfWork, pairs: Iterable[tuple[str, str]]) -> LogoutRequest:
    """Parse the logout request that these parameters make.

    :raises BadAppRequest: it cannot be from a client of ours: nobody is signed out or sent anywhere.
    """
    values_by_name = group_parameters(pairs)
    if has_repeated_parameter(values_by_name):
        raise BadAppRequest("a parameter stands there twice")
    params = pick_parameters(values_by_name, LOGOUT_PARAMETERS)
    hint = id_token_hint.read_id_token_hint(uow, params["id_token_hint"]) if "id_token_hint" in params else None
    if hint is None and "id_token_hint" in params:
        raise BadAppRequest("id_token_hint is no ID token of ours")
    app = _find_client(uow, hint, params)
    uri = params.get("post_logout_redirect_uri", "")
    # Without a word on which app it is, the address is nobody's: the person is asked, and stays here.
    if not uri or app is None:
        return LogoutRequest(app, hint, "", False, params)
    if uri not in app.post_logout_redirect_uris:
        return LogoutRequest(app, hint, "", True, params)
    location = add_query(uri, {"state": params["state"]} if "state" in params else {})
    return LogoutRequest(app, hint, location, False, params)


def must_confirm_logout(uow: UnitOfWork, request: LogoutRequest, who: CurrentAccount | None) -> bool:
    """Return whether the user has to confirm: unless the ID token is of this very sign-in.

    :raises BadAppRequest: nobody is signed in, and the address to send them to is not registered.
    """
    if who is None:
        if request.is_uri_refused:
            raise BadAppRequest("post_logout_redirect_uri is not registered")
        return False
    if request.is_uri_refused:
        return True
    if request.hint is None or request.hint.account_id != who.id:
        return True
    if request.hint.sid == who.session.id:
        return False
    # The id of the session has changed since the app was told.
    is_own_session = exists().where(
        Grant.sid == request.hint.sid, Grant.session_id == who.session.id, Grant.account_id == who.id
    )
    return not uow.fetch_all(select(is_own_session))[0][0]


def _find_client(uow: UnitOfWork, hint: IdTokenHint | None, params: Mapping[str, str]) -> Client | None:
    id = params.get("client_id", hint.app_id if hint else "")
    if not id:
        return None
    app = clients.find_client(uow, id)
    if app is None or (hint is not None and hint.app_id != id):
        raise BadAppRequest("client_id is not known, or not the one of id_token_hint")
    return app
