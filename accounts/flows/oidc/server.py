"""Answer the endpoints that clients ask without a user: token, userinfo, introspection, revocation.

Authlib's server and grants judge the requests; what they ask for is signed or one SQL statement away. There is one
server for each installation, and it keeps nothing: the unit of work is part of the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidGrantError,
    InvalidRequestError,
)
from authlib.oauth2.rfc6749 import (
    grants as authlib_grants,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from accounts.core.signing.token_kind import TokenKind
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import clients, grants, issue, observed, tokens
from accounts.flows.oidc.grants import LiveGrant
from accounts.flows.oidc.responses import error_parameters
from accounts.flows.oidc.tokens import AccessToken, AuthorizationCode, RefreshToken

REVOCATION, INTROSPECTION = "revocation", "introspection"


@dataclass(frozen=True, slots=True)
class EndpointResponse:
    """An answer to an app: JSON, or nothing."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """A token that was signed here, and its grant, where that is live."""

    token: AccessToken | RefreshToken
    live_grant: LiveGrant | None

    @property
    def client(self) -> clients.Client | None:
        """The client that has the token, where the grant is live."""
        client = self.live_grant.app if self.live_grant is not None else None
        return client if isinstance(client, clients.Client) else None

    def check_client(self, client: AuthlibClient) -> bool:
        """Do nothing: a refresh is judged where it is known why it is refused."""
        return True


class ClientRequest(OAuth2Request):
    """A request of an app: its form, its headers, and the unit of work that it is answered in.

    :ivar presented: the token that the request is about, where it is one of ours.
    """

    def __init__(self, uow: UnitOfWork, form: Mapping[str, str], headers: Mapping[str, str]) -> None:
        # Not the address that was asked: whether transport is safe is judged by the settings, at start.
        super().__init__("POST", "https://localhost/", headers=headers)
        self.uow = uow
        self.client_headers = headers
        self.form_data = dict(form)
        self.payload = BasicOAuth2Payload(self.form_data)
        self.presented: PresentedToken | None = None

    @property
    def form(self) -> dict[str, str]:
        """The fields of the body."""
        return self.form_data

    @property
    def app(self) -> clients.Client:
        """The app that was shown to ask."""
        return cast(AuthlibClient, self.client).app


@dataclass(frozen=True, slots=True)
class AuthlibClient(ClientMixin):
    """An app, as Authlib asks about it."""

    app: clients.Client

    def check_grant_type(self, grant_type: str) -> bool:
        """Return whether the client may use a grant type."""
        return grant_type in (CodeGrant.GRANT_TYPE, RefreshGrant.GRANT_TYPE)


class OAuthServer(AuthorizationServer):
    """The server of one installation: ``site.get(OAuthServer)``."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site
        self.register_grant(CodeGrant, [S256CodeChallenge(required=True)])
        self.register_grant(RefreshGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)

    def handle_token_request(self, request: ClientRequest) -> EndpointResponse:
        """Return the answer of the token endpoint."""
        return cast(EndpointResponse, self.create_token_response(request))

    def handle_endpoint_request(self, endpoint: str, request: ClientRequest) -> EndpointResponse:
        """Return the answer of the revocation or the introspection endpoint."""
        return cast(EndpointResponse, self.create_endpoint_response(endpoint, request))

    def create_oauth2_request(self, request: ClientRequest) -> ClientRequest:
        """Return the request as it is."""
        return request

    def authenticate_client(self, request: ClientRequest, methods: object, endpoint: str = "token") -> AuthlibClient:
        """Return the client that makes the request.

        A token that it presents is looked at first: one statement reads its grant and, nearly always, the client.
        """
        presented = request.presented = _read_presented_token(request, endpoint)
        app = clients.authenticate_client(
            request.uow,
            request.client_headers,
            request.form_data,
            known=presented.client if presented is not None else None,
            public=endpoint != INTROSPECTION,
        )
        request.auth_method = app.token_endpoint_auth_method
        return AuthlibClient(app)

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens: what happened stands in the audit log."""

    def handle_response(self, status: int, body: Any, headers: Any) -> EndpointResponse:
        """Return Authlib's answer as ours."""
        return EndpointResponse(status, body, dict(headers))

    def handle_error_response(self, request: ClientRequest, error: OAuth2Error) -> EndpointResponse:
        """Return Authlib's error as our answer (RFC 6749 5.2)."""
        is_basic = error.status_code == 401 and "Authorization" in request.client_headers
        headers = {"WWW-Authenticate": 'Basic realm="accounts"'} if is_basic else {}
        return EndpointResponse(error.status_code, error_parameters(error), headers)


class S256CodeChallenge(CodeChallenge):
    """PKCE as it is safe: by SHA-256 only."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]


class CodeGrant(authlib_grants.AuthorizationCodeGrant):
    """A code for tokens. It is spent last, when nothing else is wrong with the request."""

    request: ClientRequest

    def query_authorization_code(self, code: str, client: AuthlibClient) -> AuthorizationCode | None:
        """Return the code, if it was signed here for this client."""
        authorization_code = self.request.uow.site.signer.read(tokens.AUTHORIZATION_CODE, code)
        return (
            authorization_code
            if authorization_code is not None and authorization_code.app_id == client.app.id
            else None
        )

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Return the answer with the tokens for the code."""
        code: Any = self.request.authorization_code
        # Before the code is used up: it is good still if this fails.
        observed.note_sign_in(self.request.uow, self.request.app, code)
        return 200, issue.issue_for_code(self.request.uow, self.request.app, code), []


class RefreshGrant(authlib_grants.RefreshTokenGrant):
    """A refresh token for the next one. It is replaced with every use."""

    request: ClientRequest

    def authenticate_refresh_token(self, refresh_token: str) -> PresentedToken | None:
        """Return the refresh token, if it was signed here."""
        return self.request.presented

    def _validate_token_scope(self, token: PresentedToken) -> None:
        """Do nothing: the scope is judged where the grant is known."""

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Return the answer with the tokens for the refresh token."""
        presented: Any = self.request.refresh_token
        request, requested_scope = self.request, self.request.form.get("scope", "")
        response = issue.issue_for_refresh(
            request.uow, request.app, presented.token, presented.live_grant, requested_scope
        )
        return 200, response, []


@dataclass(frozen=True, slots=True)
class _LiveToken:
    """A live token, as Authlib's endpoints ask about it."""

    live_grant: LiveGrant
    access_token: AccessToken | None

    def check_client(self, client: AuthlibClient) -> bool:
        return self.live_grant.app.id == client.app.id

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False


def _read_presented_token(request: ClientRequest, endpoint: str) -> PresentedToken | None:
    """Return the token that a request is about, of either kind: a hint which one is not needed and not believed."""
    form = request.form_data
    kinds: list[TokenKind[Any]] = [tokens.REFRESH_TOKEN]
    if endpoint in (REVOCATION, INTROSPECTION):
        text = form.get("token", "")
        kinds.insert(0, tokens.ACCESS_TOKEN)
    else:
        text = form.get("refresh_token", "") if form.get("grant_type") == RefreshGrant.GRANT_TYPE else ""
    for kind in kinds:
        token = request.uow.site.signer.read(kind, text)
        if token is not None:
            return PresentedToken(token, grants.find_live_grant(request.uow, token.grant_id, clients.Client))
    return None


def _find_live_token(request: ClientRequest, *, accept_replaced: bool = False) -> _LiveToken | None:
    """Return the live token that a request is about.

    :param accept_replaced: whether a refresh token is accepted that a later one has replaced.
    """
    presented = request.presented
    if presented is None or presented.live_grant is None:
        return None
    token, live_grant = presented.token, presented.live_grant
    if isinstance(token, AccessToken):
        return _LiveToken(live_grant, token)
    is_accepted = accept_replaced or token.counter == live_grant.grant.counter
    return _LiveToken(live_grant, None) if is_accepted else None


class _IgnoresTokenTypeHint:
    """Accepts any ``token_type_hint``, as RFC 7009 and 7662 ask; Authlib refuses one that it does not know."""

    def check_params(self, request: ClientRequest, client: AuthlibClient) -> None:
        if not request.form.get("token"):
            raise InvalidRequestError("token is missing.")


class Revocation(_IgnoresTokenTypeHint, RevocationEndpoint):
    """Ends the whole grant, whichever of its tokens is shown."""

    ENDPOINT_NAME = REVOCATION

    def authenticate_token(self, request: ClientRequest, client: AuthlibClient) -> _LiveToken | None:
        """Return the live token to be revoked; None for none.

        :raises InvalidGrantError: it belongs to another client.
        """
        self.check_params(request, client)
        # What an app wants to be rid of goes, also where another process of it has refreshed meanwhile.
        live_token = _find_live_token(request, accept_replaced=True)
        if live_token is not None and not live_token.check_client(client):
            raise InvalidGrantError("The token belongs to another client.")
        return live_token

    def revoke_token(self, token: _LiveToken, request: ClientRequest) -> None:
        """Revoke the grant of a token."""
        grants.revoke_grant(request.uow, token.live_grant.grant, reason="the app asked")


class Introspection(_IgnoresTokenTypeHint, IntrospectionEndpoint):
    """Tells an app about its own tokens, and nothing about those of others."""

    ENDPOINT_NAME = INTROSPECTION

    def authenticate_token(self, request: ClientRequest, client: AuthlibClient) -> _LiveToken | None:
        """Return the live token of this client to be introspected; None for none."""
        self.check_params(request, client)
        live_token = _find_live_token(request)
        return live_token if live_token is not None and live_token.check_client(client) else None

    def introspect_token(self, token: _LiveToken) -> dict[str, Any]:
        """Return what RFC 7662 asks about a token."""
        return issue.build_introspection(token.live_grant, token.access_token)
