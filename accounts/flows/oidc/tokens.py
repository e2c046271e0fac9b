"""Codes, access tokens, refresh tokens: signed, about a grant. None of them is kept anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.signing.token_kind import SignedToken, TokenKind

CODE_TTL = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCode:
    """What a user has consented to just now: valid for one exchange within a minute, by the client with the verifier.

    :ivar id: becomes the id of the grant.
    :ivar session_ends, auth_time: seconds since 1970.
    """

    id: str = field(default_factory=new_id)
    account_id: str
    epoch: int
    session_id: str
    session_ends: int
    auth_time: int
    amr: tuple[str, ...]
    app_id: str
    redirect_uri: str
    challenge: str = field(repr=False)
    nonce: str = field(repr=False)
    scope: tuple[str, ...]
    claims: dict[str, list[str]]
    acr: bool

    # What Authlib's grant asks of a code.

    @property
    def code_challenge(self) -> str:
        """The code challenge (RFC 7636)."""
        return self.challenge

    @property
    def code_challenge_method(self) -> str:
        """The method of the code challenge: always ``S256``."""
        return "S256"

    def get_redirect_uri(self) -> str:
        """Return the redirect address."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Return the scopes, separated by spaces."""
        return " ".join(self.scope)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token: whose grant, until when, for which of its scopes.

    :ivar id: tells two of the same second apart.
    :ivar issued: when it was signed, where it was read.
    """

    grant_id: str
    expires: int
    scope: tuple[str, ...]
    id: str = field(default_factory=new_id)
    issued: int = 0


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token: whose grant, and the how many-eth it is."""

    grant_id: str
    counter: int


AUTHORIZATION_CODE = TokenKind(purpose="oauth-code", payload=AuthorizationCode, lifetime=CODE_TTL)
"""RFC 6749, section 4.1.2. Used once: its grant has the same id."""


def _encode_access_token(token: AccessToken) -> list[Any]:
    return [token.grant_id, token.expires, " ".join(token.scope), token.id]


def _decode_access_token(token: SignedToken) -> AccessToken:
    grant_id, expires, scope, id = token.payload
    return AccessToken(grant_id, expires, tuple(scope.split()), id, int(token.issued_at.timestamp()))


ACCESS_TOKEN = TokenKind(
    purpose="oauth-access",
    payload=AccessToken,
    encode=_encode_access_token,
    decode=_decode_access_token,
    is_current=lambda token: now().timestamp() < token.expires,
    is_repeated=True,
)
"""Verified: not too old. Whether its grant lives is for the caller to ask."""

REFRESH_TOKEN = TokenKind(purpose="oauth-refresh", payload=RefreshToken)
"""Verified: signed by us. Whether it is the one that is good now, its grant says."""
