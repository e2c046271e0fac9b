"""Basic OP: the 38 modules of ``oidcc-basic-certification-test-plan``, and with ``form_post`` those of its twin.

One test is one module, over TLS on loopback: those about tokens, userinfo and clients here, those about requests in
:mod:`tests.oidc.basic.test_requests`. What is checked of every token stands in :mod:`tests.oidc.basic.checks`.
"""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
import time_machine

from tests.oidc.basic.checks import (
    ABOUT_A_PERSON,
    QUERY,
    Should,
    check_id_token,
    check_userinfo,
    has_enough_entropy,
    redeem_and_check,
    suite_client,
)
from tests.oidc.kit import BrowserUser, Provider, RelyingParty, Tokens
from tests.oidc.levels import SHOULD, module


@module("oidcc-server")
def test_the_happy_flow(rp: RelyingParty, ana: BrowserUser, should: Should) -> None:
    landed = ana.log_in(rp)
    tokens = redeem_and_check(rp, landed, should)
    assert has_enough_entropy(landed.parameters["code"])
    assert has_enough_entropy(tokens.access)
    assert landed.parameters["code"] != ana.log_in(rp).parameters["code"]
    should("expires_in" in tokens.response, "expires_in is missing")
    assert tokens.claims["at_hash"] == left_half_hash(tokens.access)


def left_half_hash(text: str) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest()[:16]).decode().rstrip("=")


@module("oidcc-response-type-missing")
def test_without_response_type_the_app_is_told(rp: RelyingParty, ana: BrowserUser) -> None:
    landed = ana.log_in(rp, response_type=None)
    assert landed.parameters["error"] in ("invalid_request", "unsupported_response_type")
    assert landed.parameters["state"] == rp.state


@module("oidcc-idtoken-signature")
def test_an_id_token_is_signed_with_rs256_and_names_its_key(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = redeem_and_check(rp, ana.log_in(rp))
    assert tokens.header["alg"] == "RS256"
    assert tokens.header["kid"]


@module("oidcc-idtoken-unsigned", "SKIP")
def test_unsigned_id_tokens_are_not_offered(rp: RelyingParty) -> None:
    assert "none" not in rp.metadata["id_token_signing_alg_values_supported"]
    pytest.skip("alg none is not advertised")


@module("oidcc-userinfo-get")
def test_userinfo_by_get(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = redeem_and_check(rp, ana.log_in(rp))
    check_userinfo(rp, tokens, rp.userinfo(tokens.access))


@module("oidcc-userinfo-post-header")
def test_userinfo_by_post_with_the_header(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = redeem_and_check(rp, ana.log_in(rp))
    check_userinfo(rp, tokens, rp.userinfo(tokens.access, "POST"))


@module("oidcc-userinfo-post-body", SHOULD)
def test_userinfo_by_post_with_the_body(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = redeem_and_check(rp, ana.log_in(rp))
    answer = rp.http.post(rp.metadata["userinfo_endpoint"], data={"access_token": tokens.access}, timeout=20)
    check_userinfo(rp, tokens, answer)


@module("oidcc-ensure-request-without-nonce-succeeds-for-code-flow")
def test_a_nonce_is_not_needed(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = rp.tokens(ana.log_in(rp, nonce=None))
    check_id_token(rp, tokens, nonce=False)
    assert "nonce" not in tokens.claims


SCOPES = {
    "oidcc-scope-profile": ("openid profile", {"name", "locale", "zoneinfo"}),
    "oidcc-scope-email": ("openid email", {"email", "email_verified"}),
    "oidcc-scope-all": ("openid profile email groups", ABOUT_A_PERSON),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=module(name)) for name in SCOPES])
def test_a_scope_is_answered_by_userinfo(rp: RelyingParty, ana: BrowserUser, name: str, should: Should) -> None:
    scope, due = SCOPES[name]
    tokens = redeem_and_check(rp, ana.log_in(rp, scope=scope), should)
    data = check_userinfo(rp, tokens, rp.userinfo(tokens.access))
    should(due <= set(data), f"missing: {due - set(data)}")
    assert set(data) <= due | {"sub"}, "nothing that the scope does not hold"
    assert data.get("email_verified", True) is True


@pytest.mark.parametrize(
    "scope", [pytest.param(scope, marks=module(f"oidcc-scope-{scope}", "SKIP")) for scope in ("address", "phone")]
)
def test_scopes_for_what_is_not_known_are_not_offered(rp: RelyingParty, scope: str) -> None:
    assert scope not in rp.metadata["scopes_supported"]
    pytest.skip(f"scope {scope} is not advertised")


@module("oidcc-codereuse", SHOULD)
def test_a_code_used_again_at_once_is_refused(rp: RelyingParty, ana: BrowserUser) -> None:
    landed = ana.log_in(rp)
    redeem_and_check(rp, landed)
    again = rp.redeem(landed)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@module("oidcc-codereuse-30seconds")
def test_a_code_used_again_later_is_refused_and_ends_what_it_gave(
    rp: RelyingParty, ana: BrowserUser, should: Should
) -> None:
    landed = ana.log_in(rp)
    tokens = redeem_and_check(rp, landed)
    with time_machine.travel(time.time() + 30):
        again = rp.redeem(landed)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        should(400 <= rp.userinfo(tokens.access).status_code < 500, "the first access token lives on")


@module("oidcc-ensure-registered-redirect-uri")
def test_an_unregistered_address_is_sent_nobody(rp: RelyingParty, ana: BrowserUser) -> None:
    assert ana.open(rp.authorization_url(redirect_uri=f"{rp.redirect_uri}/other")) is None
    assert ana.response.status_code == 400
    assert "rp.example.org" not in ana.response.text


@module("oidcc-ensure-post-request-succeeds")
def test_the_request_may_be_posted(rp: RelyingParty, ana: BrowserUser) -> None:
    began = time.monotonic()
    assert ana.open(rp.metadata["authorization_endpoint"], rp.authorization_parameters()) is None
    landed = ana.sign_in()
    assert landed is not None
    redeem_and_check(rp, landed)
    assert time.monotonic() - began < 30


@module("oidcc-server-client-secret-post")
def test_the_secret_may_stand_in_the_body(provider: Provider, mode: str, ana: BrowserUser) -> None:
    rp = suite_client(provider, mode, token_endpoint_auth_method="client_secret_post")
    redeem_and_check(rp, ana.log_in(rp))


@module("oidcc-refresh-token")
def test_a_refresh_token_is_good_once_for_its_ownsuite_client(
    provider: Provider, mode: str, ana: BrowserUser
) -> None:
    rp = suite_client(provider, mode)
    other = suite_client(provider, mode, redirect_uris=[f"https://second.example.org/cb?{QUERY}"])
    first = redeem_and_check(rp, ana.log_in(rp, scope="openid offline_access", prompt="consent"))
    answer = rp.refresh(first.refresh, scope="openid offline_access")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    second = Tokens(answer.json(), rp)
    assert second.response["token_type"] == "Bearer"
    assert second.access != first.access
    assert has_enough_entropy(second.access)
    assert has_enough_entropy(second.refresh)
    assert rp.userinfo(second.access).status_code == 200
    check_id_token(rp, second, nonce=False)
    for name in ("iss", "sub", "aud", "auth_time", "sid"):
        assert second.claims[name] == first.claims[name]
    theirs = redeem_and_check(other, ana.log_in(other, scope="openid offline_access", prompt="consent"))
    for owner, stranger, token in ((other, rp, theirs.refresh), (rp, other, second.refresh)):
        refused = stranger.refresh(token)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        assert owner.refresh(token).status_code == 200, "what somebody else tries does not use it up"


@module("oidcc-ensure-request-with-valid-pkce-succeeds")
def test_pkce_with_s256(provider: Provider, mode: str, ana: BrowserUser) -> None:
    rp = provider.register(require_pkce=True)
    rp.default_parameters = {"response_mode": mode} if mode != "query" else {}
    tokens = redeem_and_check(rp, ana.log_in(rp))
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", tokens.access)


@module("oidcc-redirect-uri-query-OK", plan="dynamic")
def test_a_registered_query_comes_back_unchanged(provider: Provider, mode: str, ana: BrowserUser) -> None:
    rp = suite_client(provider, mode, redirect_uris=[f"https://second.example.org/cb?{QUERY}"])
    landed = ana.log_in(rp)
    redeem_and_check(rp, landed)
    assert landed.url.partition("?")[2].startswith(QUERY)
