"""Codes, access tokens, refresh tokens: signed statements about a grant. None of them is kept anywhere."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from accounts.core.clock import LEEWAY, now
from accounts.core.ids import new_id
from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site

CODE_PURPOSE, ACCESS_PURPOSE, REFRESH_PURPOSE, VERSION = "oauth-code", "oauth-access", "oauth-refresh", 1
CODE_TTL = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a person has agreed to just now: good for one exchange within a minute, by the app with the verifier.

    :ivar id: becomes the id of the grant.
    :ivar session_ends, auth_time: seconds since 1970.
    """

    id: str
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
        return self.challenge

    @property
    def code_challenge_method(self) -> str:
        return "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
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


def sign_code(site: Site, **values: Any) -> str:
    """A fresh code."""
    return site.signer.sign(CODE_PURPOSE, VERSION, list(astuple(AuthorizationCode(id=new_id(), **values))))


def verify_code(site: Site, token: str) -> AuthorizationCode | None:
    """What a code says, when it is one of ours and young enough."""
    try:
        signed_token = site.signer.verify(CODE_PURPOSE, VERSION, token)
        values = dict(zip((each.name for each in fields(AuthorizationCode)), signed_token.payload, strict=True))
        code = AuthorizationCode(**{**values, "amr": tuple(values["amr"]), "scope": tuple(values["scope"])})
    except (BadToken, TypeError, ValueError):
        return None
    return code if now() - signed_token.issued_at <= CODE_TTL else None


def code_spent_until() -> datetime:
    """Until when it must be remembered that a code was used."""
    return now() + CODE_TTL + 2 * LEEWAY + timedelta(seconds=300)


def sign_access_token(site: Site, token: AccessToken) -> str:
    """An access token as text."""
    return site.signer.sign(ACCESS_PURPOSE, VERSION, [token.grant_id, token.expires, " ".join(token.scope), token.id])


def verify_access_token(site: Site, token: str) -> AccessToken | None:
    """What an access token says, when it is one of ours and not too old. Whether its grant lives is not judged."""
    try:
        signed_token = site.signer.verify(ACCESS_PURPOSE, VERSION, token)
        grant_id, expires, scope, id = signed_token.payload
        access_token = AccessToken(
            grant_id, expires, tuple(scope.split()), id, int(signed_token.issued_at.timestamp())
        )
    except (BadToken, TypeError, ValueError, AttributeError):
        return None
    return access_token if now().timestamp() < access_token.expires else None


def sign_refresh_token(site: Site, token: RefreshToken) -> str:
    """A refresh token as text."""
    return site.signer.sign(REFRESH_PURPOSE, VERSION, [token.grant_id, token.counter])


def verify_refresh_token(site: Site, token: str) -> RefreshToken | None:
    """What a refresh token says, when it is one of ours. Whether it is the one that is good now is not judged."""
    try:
        grant_id, counter = site.signer.verify(REFRESH_PURPOSE, VERSION, token).payload
    except (BadToken, TypeError, ValueError):
        return None
    return RefreshToken(grant_id, counter)
