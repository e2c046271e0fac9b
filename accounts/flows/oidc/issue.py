"""What an app gets for a code or a refresh token: an access token, an ID token, and perhaps a refresh token."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from accounts.core.clock import now
from accounts.core.models.apps import App
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import claims, grants, tokens
from accounts.flows.oidc.claims import OFFLINE_ACCESS, OPENID, UserClaims
from accounts.flows.oidc.clients import TokenClient
from accounts.flows.oidc.grants import LiveGrant
from accounts.flows.oidc.signing_keys import SigningKeys
from accounts.flows.oidc.tokens import AccessToken, AuthorizationCode, RefreshToken

HASH_OF_ALG = {"RS256": hashlib.sha256, "ES256": hashlib.sha256, "EdDSA": hashlib.sha512}


def issue_for_code(uow: UnitOfWork, app: App | TokenClient, code: AuthorizationCode) -> dict[str, Any]:
    """Return the tokens for a code.

    :raises InvalidGrantError: it was used before, or is not valid any more.
    """
    _prepare_keys(uow)
    live_grant = grants.redeem_code(uow, app, code)
    extra_claims = ({"nonce": code.nonce} if code.nonce else {}) | (
        {"acr": claims.acr_of(code.amr)} if code.acr else {}
    )
    counter = 0 if OFFLINE_ACCESS in live_grant.scope else None
    return _build_token_response(uow, live_grant, live_grant.scope, counter=counter, extra_claims=extra_claims)


def issue_for_refresh(
    uow: UnitOfWork, app: TokenClient, token: RefreshToken, live_grant: LiveGrant | None, requested_scope: str
) -> dict[str, Any]:
    """Return the tokens for a refresh token, for all of the scope or for less.

    :param live_grant: of the token; None where it is not live.
    :raises InvalidGrantError: the token is not valid.
    :raises InvalidScopeError: more is asked for than was granted.
    """
    _prepare_keys(uow)
    live_grant, counter, scope = grants.refresh_grant(uow, app, token, live_grant, requested_scope)
    return _build_token_response(uow, live_grant, scope, counter=counter, extra_claims={})


def build_userinfo(uow: UnitOfWork, access_token: str) -> dict[str, Any] | None:
    """Return the claims that an access token gives access to, as of now; None where it is not valid."""
    access = uow.site.signer.read(tokens.ACCESS_TOKEN, access_token)
    live_grant = grants.find_live_grant(uow, access.grant_id) if access is not None else None
    if access is None or live_grant is None or OPENID not in access.scope:
        return None
    return _user_claims(live_grant, _remaining_scope(live_grant, access)).userinfo()


def build_introspection(live_grant: LiveGrant, access: AccessToken | None) -> dict[str, Any]:
    """Return the introspection answer for a live token (RFC 7662)."""
    grant = live_grant.grant
    expires = access.expires if access else int(grant.expires_at.timestamp())
    return {
        "active": True,
        "scope": " ".join(_remaining_scope(live_grant, access) if access else live_grant.scope),
        "client_id": live_grant.app.id,
        "sub": live_grant.account.id,
        "aud": live_grant.app.id,
        "exp": expires,
        "iat": access.issued if access else int(grant.created_at.timestamp()),
        "token_type": "Bearer" if access else "refresh_token",
        "sid": grant.sid,
        **({"jti": access.id} if access else {}),
    }


def _prepare_keys(uow: UnitOfWork) -> None:
    """Have the keys at hand before anything is used up: made on first use, they want a transaction of their own.

    They also want a connection of their own. Whoever waits for one must hold none: fifty at once would hold them all.
    """
    keys = uow.site.get(SigningKeys)
    if keys.is_stale:
        uow.release()
        keys.jwk_set()


def _build_token_response(
    uow: UnitOfWork, live_grant: LiveGrant, scope: Sequence[str], *, counter: int | None, extra_claims: dict[str, Any]
) -> dict[str, Any]:
    site, app = uow.site, live_grant.app
    expires = int(now().timestamp()) + app.access_token_seconds
    access_token = site.signer.sign(tokens.ACCESS_TOKEN, AccessToken(live_grant.grant.id, expires, tuple(scope)))
    response: dict[str, Any] = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": app.access_token_seconds,
        "scope": " ".join(scope),
    }
    if counter is not None:
        response["refresh_token"] = site.signer.sign(tokens.REFRESH_TOKEN, RefreshToken(live_grant.grant.id, counter))
    if OPENID in scope:
        response["id_token"] = _sign_id_token(uow, live_grant, scope, access_token, extra_claims)
    return response


def _sign_id_token(
    uow: UnitOfWork, live_grant: LiveGrant, scope: Sequence[str], access_token: str, extra_claims: dict[str, Any]
) -> str:
    app, grant, moment = live_grant.app, live_grant.grant, int(now().timestamp())
    uow.release()
    payload = {
        "iss": uow.site.link_signer.page_url(""),
        "sub": live_grant.account.id,
        "aud": app.id,
        "exp": moment + app.id_token_seconds,
        "iat": moment,
        "auth_time": int(grant.auth_time.timestamp()),
        "amr": list(grant.amr),
        "sid": grant.sid,
        "at_hash": _at_hash(app.id_token_signed_response_alg, access_token),
        **extra_claims,
        **_user_claims(live_grant, scope).id_token(),
    }
    return uow.site.get(SigningKeys).sign(app.id_token_signed_response_alg, payload)


def _remaining_scope(live_grant: LiveGrant, access: AccessToken) -> tuple[str, ...]:
    return tuple(word for word in access.scope if live_grant.allows_scope(word))


def _user_claims(live_grant: LiveGrant, scope: Sequence[str]) -> UserClaims:
    # Single claims stay with the whole of what was granted: who asks for less of the scope asks for less of them.
    is_whole_scope = set(scope) >= set(live_grant.scope)
    requested = {
        place: [
            name
            for name, scope_word in ((name, claims.SCOPE_OF_CLAIM[name]) for name in names)
            if live_grant.allows_scope(scope_word) and (is_whole_scope or scope_word in scope)
        ]
        for place, names in live_grant.grant.claims.items()
    }
    return UserClaims(live_grant.account, live_grant.groups, scope, live_grant.app, requested)


def _at_hash(alg: str, access_token: str) -> str:
    digest = HASH_OF_ALG[alg](access_token.encode("ascii")).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
