"""What the certification suite checks of every token, and its clients."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.oidc.kit import CallbackRequest, Provider, RelyingParty, Tokens

Should = Callable[[object, str], None]
ABOUT_A_PERSON = {"name", "locale", "zoneinfo", "email", "email_verified", "groups"}
LOGIN_ERRORS = {"login_required", "interaction_required", "account_selection_required", "consent_required"}
QUERY = "dummy1=lorem&dummy2=ipsum"


def suite_client(provider: Provider, mode: str, **data: Any) -> RelyingParty:
    rp = provider.register(**data)
    rp.default_parameters = {"response_mode": mode} if mode != "query" else {}
    return rp


def redeem_and_check(rp: RelyingParty, landed: CallbackRequest, should: Should | None = None, **data: str) -> Tokens:
    """Tokens for an answer, with everything that the suite checks of each."""
    says = landed.parameters
    assert landed.method == ("POST" if rp.default_parameters.get("response_mode") == "form_post" else "GET")
    if landed.method == "POST":
        assert landed.url == rp.redirect_uri, "nothing of the answer stands in the address"
    else:
        assert landed.url.startswith(rp.redirect_uri + ("&" if "?" in rp.redirect_uri else "?"))
    assert says["state"] == rp.state
    assert says["iss"] == rp.metadata["issuer"]
    answer = rp.redeem(landed, **data)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = Tokens(answer.json(), rp)
    assert tokens.response["token_type"] == "Bearer"
    assert isinstance(tokens.response["expires_in"], int)
    assert 0 < tokens.response["expires_in"] <= 366 * 86400
    check_id_token(rp, tokens)
    if should is not None:
        should(not ABOUT_A_PERSON & set(tokens.claims), "the ID token holds what was not asked for")
    assert rp.userinfo(tokens.access).status_code == 200
    return tokens


def check_id_token(rp: RelyingParty, tokens: Tokens, *, nonce: bool = True) -> None:
    data, now = tokens.claims, time.time()
    assert data["iss"] == rp.metadata["issuer"]
    assert data["aud"] == rp.id
    assert abs(data["iat"] - now) < 300
    assert data["exp"] > now
    assert now - 86400 < data["auth_time"] <= now + 1
    assert data["sub"].isascii()
    assert 0 < len(data["sub"]) <= 255
    assert data.get("acr", "x")
    if nonce:
        assert data["nonce"] == rp.nonce
    keys = rp.fetch_jwks()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys)
    assert tokens.header["kid"] in {key["kid"] for key in keys}
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {name for key in keys for name in key}


def has_enough_entropy(text: str) -> bool:
    """At least 96 random bits: 16 different characters of base64 are a coarse, honest lower bound."""
    return len(text) * 6 >= 128 and len(set(text)) >= 16


def check_userinfo(rp: RelyingParty, tokens: Tokens, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    data: dict[str, Any] = answer.json()
    assert data["sub"] == tokens.claims["sub"]
    kinds = {
        "name": str,
        "locale": str,
        "zoneinfo": str,
        "email": str,
        "email_verified": bool,
        "groups": list,
        "updated_at": int,
    }
    assert all(isinstance(value, kinds[name]) for name, value in data.items() if name in kinds)
    return data
