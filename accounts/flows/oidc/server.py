"""The endpoints that apps ask without a person: token, userinfo, introspection, revocation.

Authlib's server and grants judge the requests; what they ask for is signed or one statement away. There is one server
per installation, and it keeps nothing: the unit of work travels with the request.
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

from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import clients, grants, issue, tokens
from accounts.flows.oidc.grants import Live
from accounts.flows.oidc.tokens import Access, Code, Refresh

REVOCATION, INTROSPECTION = "revocation", "introspection"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer to an app: JSON, or nothing."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]


class Request(OAuth2Request):
    """A request of an app: its form, its headers, and the unit of work that it is answered in."""

    def __init__(self, uow: UnitOfWork, form: Mapping[str, str], headers: Mapping[str, str]) -> None:
        # Not the address that was asked: whether transport is safe is judged by the settings, at start.
        super().__init__("POST", "https://localhost/", headers=headers)
        self.uow = uow
        self.shown = headers
        self.said = dict(form)
        self.payload = BasicOAuth2Payload(self.said)

    @property
    def form(self) -> dict[str, str]:
        return self.said

    @property
    def app(self) -> clients.Client:
        """The app that was shown to ask."""
        return cast(Client, self.client).app


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):
    """An app, as Authlib asks about it."""

    app: clients.Client

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in (CodeGrant.GRANT_TYPE, RefreshGrant.GRANT_TYPE)


class Server(AuthorizationServer):
    """The server of one installation: ``house.kept(Server)``."""

    def __init__(self, house: Site) -> None:
        super().__init__()
        self.house = house
        self.register_grant(CodeGrant, [S256(required=True)])
        self.register_grant(RefreshGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)

    def token(self, request: Request) -> Said:
        """The answer of the token endpoint."""
        return cast(Said, self.create_token_response(request))

    def about_token(self, name: str, request: Request) -> Said:
        """The answer of the endpoint that revokes or the one that introspects."""
        return cast(Said, self.create_endpoint_response(name, request))

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def authenticate_client(self, request: Request, methods: object, endpoint: str = "token") -> Client:
        app = clients.authenticate(request.uow, request.shown, request.said, public=endpoint != INTROSPECTION)
        request.auth_method = app.token_endpoint_auth_method
        return Client(app)

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens: what happened stands in the audit log."""

    def handle_response(self, status: int, body: Any, headers: Any) -> Said:
        return Said(status, body, dict(headers))

    def handle_error_response(self, request: Request, error: OAuth2Error) -> Said:
        said = {"error": str(error.error)} | (
            {"error_description": str(error.description)} if error.description else {}
        )
        basic = error.status_code == 401 and "Authorization" in request.shown
        return Said(error.status_code, said, {"WWW-Authenticate": 'Basic realm="accounts"'} if basic else {})


class S256(CodeChallenge):
    """PKCE as it is safe: by SHA-256 only."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]


class CodeGrant(authlib_grants.AuthorizationCodeGrant):
    """A code for tokens. It is spent last, when nothing else is wrong with the request."""

    request: Request

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        found = tokens.read_code(self.request.uow.site, code)
        return found if found is not None and found.app_id == client.app.id else None

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        code: Any = self.request.authorization_code
        return 200, issue.for_code(self.request.uow, self.request.app, code), []


class RefreshGrant(authlib_grants.RefreshTokenGrant):
    """A refresh token for the next one. It is replaced with every use."""

    request: Request

    def authenticate_refresh_token(self, refresh_token: str) -> _Shown | None:
        found = tokens.read_refresh(self.request.uow.site, refresh_token)
        return _Shown(found) if found is not None else None

    def _validate_token_scope(self, token: _Shown) -> None:
        """Judged where the grant is known: the token does not say what its scope is."""

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        shown: Any = self.request.refresh_token
        asked = self.request.form.get("scope", "")
        return 200, issue.for_refresh(self.request.uow, self.request.app, shown.token, asked), []


@dataclass(frozen=True, slots=True)
class _Shown:
    token: Refresh

    def check_client(self, client: Client) -> bool:
        """Judged where the grant is known."""
        return True


@dataclass(frozen=True, slots=True)
class _Found:
    """A live token, as Authlib's endpoints ask about it."""

    live: Live
    access: Access | None

    def check_client(self, client: Client) -> bool:
        return self.live.app.id == client.app.id

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False


def find(uow: UnitOfWork, text: str, *, replaced: bool = False) -> _Found | None:
    """The live token that this text is, of either kind: the hint about which is not needed, so it is not believed.

    :param replaced: whether a refresh token will do that a later one has taken the place of.
    """
    access = tokens.read_access(uow.site, text)
    refresh = tokens.read_refresh(uow.site, text) if access is None else None
    grant_id = access.grant_id if access else refresh.grant_id if refresh else None
    live = grants.live(uow, grant_id) if grant_id is not None else None
    if live is None or (refresh is not None and not replaced and refresh.counter != live.grant.counter):
        return None
    return _Found(live, access)


class _Hintless:
    """RFC 7009 and 7662 say that a hint may be wrong; Authlib refuses one that it does not know."""

    def check_params(self, request: Request, client: Client) -> None:
        if not request.form.get("token"):
            raise InvalidRequestError("token is missing.")


class Revocation(_Hintless, RevocationEndpoint):
    """Ends the whole grant, whichever of its tokens is shown."""

    ENDPOINT_NAME = REVOCATION

    def authenticate_token(self, request: Request, client: Client) -> _Found | None:
        self.check_params(request, client)
        # What an app wants to be rid of goes, also where another process of it has refreshed meanwhile.
        found = find(request.uow, request.form["token"], replaced=True)
        if found is not None and not found.check_client(client):
            raise InvalidGrantError("The token belongs to another client.")
        return found

    def revoke_token(self, token: _Found, request: Request) -> None:
        grants.revoke(request.uow, token.live.grant, because="the app asked")


class Introspection(_Hintless, IntrospectionEndpoint):
    """Tells an app about its own tokens, and nothing about those of others."""

    ENDPOINT_NAME = INTROSPECTION

    def authenticate_token(self, request: Request, client: Client) -> _Found | None:
        self.check_params(request, client)
        found = find(request.uow, request.form["token"])
        return found if found is not None and found.check_client(client) else None

    def introspect_token(self, token: _Found) -> dict[str, Any]:
        return issue.described(token.live, token.access)
