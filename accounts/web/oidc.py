"""What other apps ask without a person: tokens, claims, keys. They speak OAuth's own JSON and hold no session."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Response, request

from accounts.web.kit import context
from accounts.web.kit.context import house, uow
from accounts.web.kit.routes import PAGE, Room

if TYPE_CHECKING:
    from accounts.flows.oidc.server import ClientRequest, EndpointResponse, OAuthServer

room: Room = Room()
FORM = "application/x-www-form-urlencoded"
MAX_AGE = 3600
"""Seconds for which discovery and keys may be kept: ``oidc_keys.CACHED``."""
View = Callable[[], Response]


def _preflight() -> Response:
    """Which pages of other origins may ask here: those of public apps, letter by letter."""
    answer = Response(status=204)
    answer.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if _let_in(origin):
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Allow-Methods"] = "GET, POST"
        answer.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        answer.headers["Access-Control-Max-Age"] = "600"
    return answer


PUBLISHED: dict[str, Any] = {"speaks": PAGE, "foreign": True, "one_address": True}
FOR_APPS: dict[str, Any] = {**PUBLISHED, "preflight": _preflight}


def _program(view: View) -> View:
    """For a program: what goes wrong is told as JSON, and pages of public apps may read the answer."""

    @functools.wraps(view)
    def answered() -> Response:
        context.bound().speaks = "json"
        answer = view()
        origin = request.headers.get("Origin", "")
        if origin and _let_in(origin):
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate"
        answer.vary.add("Origin")
        return answer

    return answered


@room.get("/.well-known/openid-configuration", **PUBLISHED)
def discovery() -> Response:
    """What this provider can do, and where."""
    from accounts.flows.oidc import discovery as published

    return _public(published.build_metadata(house()))


@room.get("/oauth/jwks", **PUBLISHED)
def jwks() -> Response:
    """The keys that vouch: those that sign, those that will, and those that did."""
    from accounts.flows.oidc.signing_keys import SigningKeys

    return _public({"keys": house().get(SigningKeys).public_jwks()})


@room.post("/oauth/token", **FOR_APPS)
@_program
def token() -> Response:
    """Tokens for a code or a refresh token."""
    return _asked(lambda server, asked: server.handle_token_request(asked))


@room.post("/oauth/revoke", **FOR_APPS)
@_program
def revoke() -> Response:
    """End a token and everything that came with it."""
    return _asked(lambda server, asked: server.handle_endpoint_request("revocation", asked))


@room.post("/oauth/introspect", **FOR_APPS)
@_program
def introspect() -> Response:
    """Whether a token of the app is good, and for what."""
    return _asked(lambda server, asked: server.handle_endpoint_request("introspection", asked))


@room.get("/oauth/userinfo", **FOR_APPS)
@_program
def userinfo() -> Response:
    """What an access token lets its app know about the person."""
    return _userinfo()


@room.post("/oauth/userinfo", **FOR_APPS)
@_program
def userinfo_by_post() -> Response:
    """The same, with the token in the header or in the body."""
    return _userinfo()


def _asked(ask: Callable[[OAuthServer, ClientRequest], EndpointResponse]) -> Response:
    from accounts.flows.oidc.server import ClientRequest, EndpointResponse, OAuthServer

    form = _form()
    if form is None:
        return _spoken(EndpointResponse(400, {"error": "invalid_request", "error_description": UNREADABLE}, {}))
    shown = {name: value for name in SHOWN if (value := request.headers.get(name)) is not None}
    return _spoken(ask(house().get(OAuthServer), ClientRequest(uow(), form, shown)))


SHOWN = ("Authorization",)
"""What is looked at of the headers of an app that asks."""
UNREADABLE = "Send application/x-www-form-urlencoded, and each parameter once."


def _form() -> dict[str, str] | None:
    """What the body says; None where it is of another type, or says something twice."""
    if request.mimetype != FORM or any(len(values) > 1 for _, values in request.form.lists()):
        return None
    return dict(request.form.items())


def _userinfo() -> Response:
    from accounts.flows.oidc import issue

    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    form = _form() if request.method == "POST" and request.get_data(cache=True) else {}
    in_body = (form or {}).get("access_token", "")
    if form is None or (scheme and in_body):
        return _bearer(400, "invalid_request")
    if not in_body and scheme.lower() != "bearer":
        return _bearer(401, "")
    said = issue.build_userinfo(uow(), in_body or shown.strip())
    return _json(200, said, {}) if said is not None else _bearer(401, "invalid_token")


def _bearer(status: int, error: str) -> Response:
    """A refusal in the words of RFC 6750."""
    more = f', error="{error}"' if error else ""
    return _json(status, {"error": error} if error else {}, {"WWW-Authenticate": f'Bearer realm="accounts"{more}'})


def _spoken(said: EndpointResponse) -> Response:
    return _json(said.status, said.body, said.headers)


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    answer = Response(json.dumps(body), status, content_type="application/json")
    answer.headers.extend(headers)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Pragma"] = "no-cache"
    return answer


def _public(body: Mapping[str, Any]) -> Response:
    """What everybody may read, from a page of any origin, and keep for a while."""
    context.bound().speaks = "json"
    answer = Response(json.dumps(body), content_type="application/json")
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return answer


def _let_in(origin: str) -> bool:
    """Whether pages of this origin may ask here, and read what is answered."""
    from accounts.flows.oidc import clients

    return clients.is_public_client_origin(uow(), origin)
