"""What other apps ask without a person: tokens, claims, keys. They speak OAuth's own JSON and hold no session."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, request

from accounts.flows.oidc import clients, issue
from accounts.flows.oidc import discovery as oidc_discovery
from accounts.flows.oidc.server import ClientRequest, EndpointResponse, OAuthServer
from accounts.flows.oidc.signing_keys import JWKS_CACHE_TIME, SigningKeys
from accounts.web.kit import context, headers
from accounts.web.kit.context import site, uow

FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
FORWARDED_HEADERS = ("Authorization",)
"""What is looked at of the headers of a client."""
BAD_FORM_MESSAGE = "Send application/x-www-form-urlencoded, and each parameter once."
ResponseView = Callable[[], Response]


def preflight() -> Response:
    """Answer which pages of other origins may ask here: those of public clients, letter by letter."""
    response = Response(status=204)
    response.vary.add("Origin")
    origin = request.headers.get("Origin", "")
    if _is_client_origin(origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = "600"
    return response


def _client_endpoint(view: ResponseView) -> ResponseView:
    """For a program: what goes wrong is told as JSON, and pages of public apps may read the answer."""

    @functools.wraps(view)
    def wrapped() -> Response:
        context.state().format = "json"
        response = view()
        origin = request.headers.get("Origin", "")
        if origin and _is_client_origin(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate"
        response.vary.add("Origin")
        return response

    return wrapped


@headers.cache_publicly(JWKS_CACHE_TIME)
def discovery() -> Response:
    """Return the provider's metadata (OpenID Connect Discovery 1.0, section 3)."""
    return _public_json(oidc_discovery.build_metadata(site()))


@headers.cache_publicly(JWKS_CACHE_TIME)
def jwks() -> Response:
    """Return the public keys (RFC 7517): those that sign, those that will, and those that did."""
    return _public_json({"keys": site().get(SigningKeys).public_jwks()})


@_client_endpoint
def token() -> Response:
    """Tokens for a code or a refresh token."""
    return _run_oauth_request(lambda server, client_request: server.handle_token_request(client_request))


@_client_endpoint
def revoke() -> Response:
    """End a token and everything that came with it."""
    return _run_oauth_request(
        lambda server, client_request: server.handle_endpoint_request("revocation", client_request)
    )


@_client_endpoint
def introspect() -> Response:
    """Whether a token of the app is good, and for what."""
    return _run_oauth_request(
        lambda server, client_request: server.handle_endpoint_request("introspection", client_request)
    )


@_client_endpoint
def userinfo() -> Response:
    """Return the claims that an access token gives access to (OpenID Connect Core, section 5.3)."""
    return _userinfo_response()


@_client_endpoint
def userinfo_by_post() -> Response:
    """Return the same, with the token in the header or in the body (RFC 6750, section 2)."""
    return _userinfo_response()


def _run_oauth_request(handle: Callable[[OAuthServer, ClientRequest], EndpointResponse]) -> Response:
    form = _read_form()
    if form is None:
        return _oauth_response(
            EndpointResponse(400, {"error": "invalid_request", "error_description": BAD_FORM_MESSAGE}, {})
        )
    forwarded = {name: value for name in FORWARDED_HEADERS if (value := request.headers.get(name)) is not None}
    return _oauth_response(handle(site().get(OAuthServer), ClientRequest(uow(), form, forwarded)))


def _read_form() -> dict[str, str] | None:
    """Return the form body; None where it is of another type, or repeats a parameter."""
    if request.mimetype != FORM_MEDIA_TYPE or any(len(values) > 1 for _, values in request.form.lists()):
        return None
    return dict(request.form.items())


def _userinfo_response() -> Response:
    scheme, _, header_token = request.headers.get("Authorization", "").partition(" ")
    form = _read_form() if request.method == "POST" and request.get_data(cache=True) else {}
    body_token = (form or {}).get("access_token", "")
    if form is None or (scheme and body_token):
        return _bearer_error(400, "invalid_request")
    if not body_token and scheme.lower() != "bearer":
        return _bearer_error(401, "")
    claims = issue.build_userinfo(uow(), body_token or header_token.strip())
    return _json_response(200, claims, {}) if claims is not None else _bearer_error(401, "invalid_token")


def _bearer_error(status: int, error: str) -> Response:
    """Return an error as RFC 6750, section 3 has it."""
    error_part = f', error="{error}"' if error else ""
    return _json_response(
        status, {"error": error} if error else {}, {"WWW-Authenticate": f'Bearer realm="accounts"{error_part}'}
    )


def _oauth_response(answer: EndpointResponse) -> Response:
    return _json_response(answer.status, answer.body, answer.headers)


def _json_response(status: int, body: Mapping[str, Any], extra_headers: Mapping[str, str]) -> Response:
    response = Response(json.dumps(body), status, content_type="application/json")
    response.headers.extend(extra_headers)
    # RFC 6749 5.1 wants both.
    response.headers["Pragma"] = "no-cache"
    return headers.no_store(response)


def _public_json(body: Mapping[str, Any]) -> Response:
    """Return what everybody may read, from a page of any origin."""
    context.state().format = "json"
    response = Response(json.dumps(body), content_type="application/json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _is_client_origin(origin: str) -> bool:
    """Whether pages of this origin may ask here, and read what is answered."""
    return clients.is_public_client_origin(uow(), origin)
