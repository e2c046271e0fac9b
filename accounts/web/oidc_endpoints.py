"""What other apps ask without a person: tokens, claims, keys. They speak OAuth's own JSON and hold no session.

All of it is asked of the :class:`RequestState` alone, so that Flask is not needed to answer (``kit.front``).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Response

from accounts.core.site import Site
from accounts.flows.oidc import clients, issue
from accounts.flows.oidc import discovery as oidc_discovery
from accounts.flows.oidc.server import ClientRequest, EndpointResponse, OAuthServer
from accounts.flows.oidc.signing_keys import JWKS_CACHE_TIME, SigningKeys
from accounts.web.kit import context
from accounts.web.kit.plain_response import PlainResponse, add_vary
from accounts.web.kit.request_state import RequestState

FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
FORWARDED_HEADERS = ("Authorization",)
"""What is looked at of the headers of a client."""
BAD_FORM_MESSAGE = "Send application/x-www-form-urlencoded, and each parameter once."
PUBLISHED_HEADERS = (
    ("Content-Type", "application/json"),
    ("Access-Control-Allow-Origin", "*"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("Cache-Control", f"public, max-age={int(JWKS_CACHE_TIME.total_seconds())}"),
)
"""Of what everybody may read and keep, from a page of any origin."""
UNCACHED_HEADERS = (("Pragma", "no-cache"), ("Cache-Control", "no-store"))
"""RFC 6749, section 5.1."""
ResponseView = Callable[[RequestState], PlainResponse]


def preflight() -> Response:
    """Answer which pages of other origins may ask here: those of public clients, letter by letter."""
    response = Response(status=204)
    response.vary.add("Origin")
    state = context.state()
    origin = state.header("ORIGIN")
    if _is_client_origin(state, origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = "600"
    return response


def _client_endpoint(view: ResponseView) -> ResponseView:
    """For a program: what goes wrong is told as JSON, and pages of public apps may read the answer."""

    @functools.wraps(view)
    def wrapped(state: RequestState) -> PlainResponse:
        state.format = "json"
        response = view(state)
        origin = state.header("ORIGIN")
        if origin and _is_client_origin(state, origin):
            response.headers += [
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Expose-Headers", "WWW-Authenticate"),
            ]
        add_vary(response.headers, "Origin")
        return response

    return wrapped


def discovery(state: RequestState) -> PlainResponse:
    """Return the provider's metadata (OpenID Connect Discovery 1.0, section 3)."""
    state.format = "json"
    return PlainResponse(state.site.get(_metadata_body), 200, [*PUBLISHED_HEADERS])


def _metadata_body(site: Site) -> bytes:
    return json.dumps(oidc_discovery.build_metadata(site)).encode()


def jwks(state: RequestState) -> PlainResponse:
    """Return the public keys (RFC 7517): those that sign, those that will, and those that did."""
    state.format = "json"
    return PlainResponse(state.site.get(SigningKeys).jwk_set(), 200, [*PUBLISHED_HEADERS])


@_client_endpoint
def token(state: RequestState) -> PlainResponse:
    """Tokens for a code or a refresh token."""
    return _run_oauth_request(state, lambda server, client_request: server.handle_token_request(client_request))


@_client_endpoint
def revoke(state: RequestState) -> PlainResponse:
    """End a token and everything that came with it."""
    return _run_oauth_request(
        state, lambda server, client_request: server.handle_endpoint_request("revocation", client_request)
    )


@_client_endpoint
def introspect(state: RequestState) -> PlainResponse:
    """Whether a token of the app is good, and for what."""
    return _run_oauth_request(
        state, lambda server, client_request: server.handle_endpoint_request("introspection", client_request)
    )


@_client_endpoint
def userinfo(state: RequestState) -> PlainResponse:
    """Return the claims that an access token gives access to (OpenID Connect Core, section 5.3)."""
    return _userinfo_response(state, {})


@_client_endpoint
def userinfo_by_post(state: RequestState) -> PlainResponse:
    """Return the same, with the token in the header or in the body (RFC 6750, section 2)."""
    return _userinfo_response(state, _read_form(state) if state.request.get_data(cache=True) else {})


def _run_oauth_request(
    state: RequestState, handle: Callable[[OAuthServer, ClientRequest], EndpointResponse]
) -> PlainResponse:
    form = _read_form(state)
    if form is None:
        return _json_response(400, {"error": "invalid_request", "error_description": BAD_FORM_MESSAGE}, ())
    request_headers = state.request.headers
    forwarded = {name: value for name in FORWARDED_HEADERS if (value := request_headers.get(name)) is not None}
    answer = handle(state.site.get(OAuthServer), ClientRequest(state.uow, form, forwarded))
    return _json_response(answer.status, answer.body, answer.headers.items())


def _read_form(state: RequestState) -> dict[str, str] | None:
    """Return the form body; None where it is of another type, or repeats a parameter."""
    request = state.request
    if request.mimetype != FORM_MEDIA_TYPE or any(len(values) > 1 for _, values in request.form.lists()):
        return None
    return dict(request.form.items())


def _userinfo_response(state: RequestState, form: Mapping[str, str] | None) -> PlainResponse:
    scheme, _, header_token = state.header("AUTHORIZATION").partition(" ")
    body_token = (form or {}).get("access_token", "")
    if form is None or (scheme and body_token):
        return _bearer_error(400, "invalid_request")
    if not body_token and scheme.lower() != "bearer":
        return _bearer_error(401, "")
    claims = issue.build_userinfo(state.uow, body_token or header_token.strip())
    return _json_response(200, claims, ()) if claims is not None else _bearer_error(401, "invalid_token")


def _bearer_error(status: int, error: str) -> PlainResponse:
    """Return an error as RFC 6750, section 3 has it."""
    error_part = f', error="{error}"' if error else ""
    return _json_response(
        status, {"error": error} if error else {}, [("WWW-Authenticate", f'Bearer realm="accounts"{error_part}')]
    )


def _json_response(status: int, body: Mapping[str, Any], extra_headers: Iterable[tuple[str, str]]) -> PlainResponse:
    headers = [("Content-Type", "application/json"), *extra_headers, *UNCACHED_HEADERS]
    return PlainResponse(json.dumps(body).encode(), status, headers)


def _is_client_origin(state: RequestState, origin: str) -> bool:
    """Whether pages of this origin may ask here, and read what is answered."""
    return clients.is_public_client_origin(state.uow, origin)
