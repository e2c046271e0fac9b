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
from accounts.flows.oidc.claims import OFFLINE, OPENID, Told
from accounts.flows.oidc.clients import Registration
from accounts.flows.oidc.grants import Live
from accounts.flows.oidc.signing_keys import Keys
from accounts.flows.oidc.tokens import Access, Code, Refresh

HASHES = {"RS256": hashlib.sha256, "ES256": hashlib.sha256, "EdDSA": hashlib.sha512}


def for_code(uow: UnitOfWork, app: App | Registration, code: Code) -> dict[str, Any]:
    """The tokens that a code stands for.

    :raises InvalidGrantError: it was used before, or is not good any more.
    """
    _make_ready(uow)
    found = grants.redeem(uow, app, code)
    more = ({"nonce": code.nonce} if code.nonce else {}) | ({"acr": claims.acr_of(code.amr)} if code.acr else {})
    counter = 0 if OFFLINE in found.scope else None
    return _tokens(uow, found, found.scope, counter=counter, more=more)


def for_refresh(uow: UnitOfWork, app: Registration, shown: Refresh, asked: str) -> dict[str, Any]:
    """The tokens of the next round, for all of the scope or for less.

    :raises InvalidGrantError: the token is not good.
    :raises InvalidScopeError: more is asked for than was granted.
    """
    _make_ready(uow)
    found, counter, scope = grants.refresh(uow, app, shown, asked)
    return _tokens(uow, found, scope, counter=counter, more={})


def userinfo(uow: UnitOfWork, text: str) -> dict[str, Any] | None:
    """What an access token lets its app know, as of now; None when it is good for nothing."""
    access = tokens.read_access(uow.site, text)
    found = grants.live(uow, access.grant_id) if access is not None else None
    if access is None or found is None or OPENID not in access.scope:
        return None
    return _told(found, _still(found, access)).userinfo()


def described(found: Live, access: Access | None) -> dict[str, Any]:
    """A live token in the words of RFC 7662."""
    grant = found.grant
    ends = access.expires if access else int(grant.expires_at.timestamp())
    return {
        "active": True,
        "scope": " ".join(_still(found, access) if access else found.scope),
        "client_id": found.app.id,
        "sub": found.account.id,
        "aud": found.app.id,
        "exp": ends,
        "iat": access.issued if access else int(grant.created_at.timestamp()),
        "token_type": "Bearer" if access else "refresh_token",
        "sid": grant.sid,
        **({"jti": access.id} if access else {}),
    }


def _make_ready(uow: UnitOfWork) -> None:
    """Have the keys at hand before anything is used up: made on first use, they want a transaction of their own.

    They also want a connection of their own. Whoever waits for one must hold none: fifty at once would hold them all.
    """
    keys = uow.site.get(Keys)
    if keys.look_is_due:
        uow.release()
        keys.published()


def _tokens(
    uow: UnitOfWork, found: Live, scope: Sequence[str], *, counter: int | None, more: dict[str, Any]
) -> dict[str, Any]:
    house, app = uow.site, found.app
    expires = int(now().timestamp()) + app.access_token_seconds
    access = tokens.seal_access(house, Access(found.grant.id, expires, tuple(scope)))
    answer: dict[str, Any] = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": app.access_token_seconds,
        "scope": " ".join(scope),
    }
    if counter is not None:
        answer["refresh_token"] = tokens.seal_refresh(house, Refresh(found.grant.id, counter))
    if OPENID in scope:
        answer["id_token"] = _id_token(uow, found, scope, access, more)
    return answer


def _id_token(uow: UnitOfWork, found: Live, scope: Sequence[str], access: str, more: dict[str, Any]) -> str:
    app, grant, moment = found.app, found.grant, int(now().timestamp())
    uow.release()
    said = {
        "iss": uow.site.link_signer.page_url(""),
        "sub": found.account.id,
        "aud": app.id,
        "exp": moment + app.id_token_seconds,
        "iat": moment,
        "auth_time": int(grant.auth_time.timestamp()),
        "amr": list(grant.amr),
        "sid": grant.sid,
        "at_hash": _half_hash(app.id_token_signed_response_alg, access),
        **more,
        **_told(found, scope).id_token(app.claims),
    }
    return uow.site.get(Keys).sign(app.id_token_signed_response_alg, said)


def _still(found: Live, access: Access) -> tuple[str, ...]:
    return tuple(word for word in access.scope if found.may_have(word))


def _told(found: Live, scope: Sequence[str]) -> Told:
    # Single claims stay with the whole of what was granted: who asks for less of the scope asks for less of them.
    whole = set(scope) >= set(found.scope)
    wanted = {
        place: [
            name
            for name, held_by in ((name, claims.SCOPE_OF[name]) for name in names)
            if found.may_have(held_by) and (whole or held_by in scope)
        ]
        for place, names in found.grant.claims.items()
    }
    return Told(found.account, found.groups, scope, wanted)


def _half_hash(alg: str, text: str) -> str:
    whole = HASHES[alg](text.encode("ascii")).digest()
    return urlsafe_b64encode(whole[: len(whole) // 2]).decode().rstrip("=")
