"""Basic OP: the 38 modules of ``oidcc-basic-certification-test-plan``, and with ``form_post`` those of its twin.

One test is one module, in the suite's order, over TLS on loopback. What it checks of every token stands in ``whole``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine

from tests.oidc.kit import STATE_128, BrowserUser, CallbackRequest, Provider, RelyingParty, Tokens
from tests.oidc.levels import SHOULD, module

Should = Callable[[object, str], None]
ABOUT_A_PERSON = {"name", "locale", "email", "email_verified", "groups"}
LOGIN_ERRORS = {"login_required", "interaction_required", "account_selection_required", "consent_required"}
QUERY = "dummy1=lorem&dummy2=ipsum"


@pytest.fixture(params=["query", "form_post"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rp(provider: Provider, mode: str) -> RelyingParty:
    """The suite's first client: a secret, no PKCE of its own, everything it may ask for."""
    return _client(provider, mode)


@pytest.fixture
def ana(provider: Provider) -> BrowserUser:
    return provider.person()


def _client(provider: Provider, mode: str, **said: Any) -> RelyingParty:
    rp = provider.register(require_pkce=False, **said)
    rp.default_parameters = {"response_mode": mode} if mode != "query" else {}
    return rp


def whole(rp: RelyingParty, landed: CallbackRequest, should: Should | None = None, **said: str) -> Tokens:
    """Tokens for an answer, with everything that the suite checks of each."""
    says = landed.parameters
    assert landed.method == ("POST" if rp.default_parameters.get("response_mode") == "form_post" else "GET")
    if landed.method == "POST":
        assert landed.url == rp.redirect_uri, "nothing of the answer stands in the address"
    else:
        assert landed.url.startswith(rp.redirect_uri + ("&" if "?" in rp.redirect_uri else "?"))
    assert says["state"] == rp.state
    assert says["iss"] == rp.metadata["issuer"]
    answer = rp.redeem(landed, **said)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = Tokens(answer.json(), rp)
    assert tokens.response["token_type"] == "Bearer"
    assert isinstance(tokens.response["expires_in"], int)
    assert 0 < tokens.response["expires_in"] <= 366 * 86400
    whole_id_token(rp, tokens)
    if should is not None:
        should(not ABOUT_A_PERSON & set(tokens.claims), "the ID token holds what was not asked for")
    assert rp.userinfo(tokens.access).status_code == 200
    return tokens


def whole_id_token(rp: RelyingParty, tokens: Tokens, *, nonce: bool = True) -> None:
    said, now = tokens.claims, time.time()
    assert said["iss"] == rp.metadata["issuer"]
    assert said["aud"] == rp.id
    assert abs(said["iat"] - now) < 300
    assert said["exp"] > now
    assert now - 86400 < said["auth_time"] <= now + 1
    assert said["sub"].isascii()
    assert 0 < len(said["sub"]) <= 255
    assert said.get("acr", "x")
    if nonce:
        assert said["nonce"] == rp.nonce
    keys = rp.fetch_jwks()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys)
    assert tokens.header["kid"] in {key["kid"] for key in keys}
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {name for key in keys for name in key}


def entropy_enough(text: str) -> bool:
    """At least 96 random bits: 16 different characters of base64 are a coarse, honest lower bound."""
    return len(text) * 6 >= 128 and len(set(text)) >= 16


@module("oidcc-server")
def test_the_happy_flow(rp: RelyingParty, ana: BrowserUser, should: Should) -> None:
    landed = ana.log_in(rp)
    tokens = whole(rp, landed, should)
    assert entropy_enough(landed.parameters["code"])
    assert entropy_enough(tokens.access)
    assert landed.parameters["code"] != ana.log_in(rp).parameters["code"]
    should("expires_in" in tokens.response, "expires_in is missing")
    assert tokens.claims["at_hash"] == half_hash(tokens.access)


def half_hash(text: str) -> str:
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    return urlsafe_b64encode(sha256(text.encode()).digest()[:16]).decode().rstrip("=")


@module("oidcc-response-type-missing")
def test_without_response_type_the_app_is_told(rp: RelyingParty, ana: BrowserUser) -> None:
    landed = ana.log_in(rp, response_type=None)
    assert landed.parameters["error"] in ("invalid_request", "unsupported_response_type")
    assert landed.parameters["state"] == rp.state


@module("oidcc-idtoken-signature")
def test_an_id_token_is_signed_with_rs256_and_names_its_key(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = whole(rp, ana.log_in(rp))
    assert tokens.header["alg"] == "RS256"
    assert tokens.header["kid"]


@module("oidcc-idtoken-unsigned", "SKIP")
def test_unsigned_id_tokens_are_not_offered(rp: RelyingParty) -> None:
    assert "none" not in rp.metadata["id_token_signing_alg_values_supported"]
    pytest.skip("alg none is not advertised")


def check_userinfo(rp: RelyingParty, tokens: Tokens, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    said: dict[str, Any] = answer.json()
    assert said["sub"] == tokens.claims["sub"]
    kinds = {"name": str, "locale": str, "email": str, "email_verified": bool, "groups": list, "updated_at": int}
    assert all(isinstance(value, kinds[name]) for name, value in said.items() if name in kinds)
    return said


@module("oidcc-userinfo-get")
def test_userinfo_by_get(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = whole(rp, ana.log_in(rp))
    check_userinfo(rp, tokens, rp.userinfo(tokens.access))


@module("oidcc-userinfo-post-header")
def test_userinfo_by_post_with_the_header(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = whole(rp, ana.log_in(rp))
    check_userinfo(rp, tokens, rp.userinfo(tokens.access, "POST"))


@module("oidcc-userinfo-post-body", SHOULD)
def test_userinfo_by_post_with_the_body(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = whole(rp, ana.log_in(rp))
    answer = rp.http.post(rp.metadata["userinfo_endpoint"], data={"access_token": tokens.access}, timeout=20)
    check_userinfo(rp, tokens, answer)


@module("oidcc-ensure-request-without-nonce-succeeds-for-code-flow")
def test_a_nonce_is_not_needed(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = rp.tokens(ana.log_in(rp, nonce=None))
    whole_id_token(rp, tokens, nonce=False)
    assert "nonce" not in tokens.claims


SCOPES = {
    "oidcc-scope-profile": ("openid profile", {"name", "locale"}),
    "oidcc-scope-email": ("openid email", {"email", "email_verified"}),
    "oidcc-scope-all": ("openid profile email groups", ABOUT_A_PERSON),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=module(name)) for name in SCOPES])
def test_a_scope_is_answered_by_userinfo(rp: RelyingParty, ana: BrowserUser, name: str, should: Should) -> None:
    scope, due = SCOPES[name]
    tokens = whole(rp, ana.log_in(rp, scope=scope), should)
    said = check_userinfo(rp, tokens, rp.userinfo(tokens.access))
    should(due <= set(said), f"missing: {due - set(said)}")
    assert set(said) <= due | {"sub"}, "nothing that the scope does not hold"
    assert said.get("email_verified", True) is True


@pytest.mark.parametrize(
    "scope", [pytest.param(scope, marks=module(f"oidcc-scope-{scope}", "SKIP")) for scope in ("address", "phone")]
)
def test_scopes_for_what_is_not_known_are_not_offered(rp: RelyingParty, scope: str) -> None:
    assert scope not in rp.metadata["scopes_supported"]
    pytest.skip(f"scope {scope} is not advertised")


@module("oidcc-alternate-happy-flow")
def test_order_does_not_matter(rp: RelyingParty, ana: BrowserUser) -> None:
    turned = dict(reversed(rp.authorization_parameters(scope="email profile openid").items()))
    assert ana.open(f"{rp.metadata['authorization_endpoint']}?{urlencode(turned)}") is None
    landed = ana.sign_in()
    assert landed is not None
    tokens = whole(rp, landed)
    assert set(tokens.response["scope"].split()) == {"openid", "profile", "email"}


@pytest.mark.parametrize(
    "display", [pytest.param(kind, marks=module(f"oidcc-display-{kind}")) for kind in ("page", "popup")]
)
def test_a_login_page_is_shown_however_it_is_to_be_displayed(
    rp: RelyingParty, ana: BrowserUser, display: str
) -> None:
    assert ana.open(rp.authorization_url(display=display)) is None
    assert ana.response.status_code == 200
    assert ana.shows_password_form
    landed = ana.sign_in()
    assert landed is not None
    whole(rp, landed)


@module("oidcc-prompt-login")
def test_prompt_login_asks_again(rp: RelyingParty, ana: BrowserUser) -> None:
    first = whole(rp, ana.log_in(rp))
    with time_machine.travel(time.time() + 5):
        assert ana.open(rp.authorization_url(prompt="login")) is None
        assert ana.shows_password_form
        landed = ana.sign_in()
        assert landed is not None, "asked once, not for ever"
        second = whole(rp, landed)
    assert second.claims["auth_time"] > first.claims["auth_time"]
    assert second.claims["sub"] == first.claims["sub"]


@module("oidcc-prompt-none-not-logged-in")
def test_prompt_none_without_a_session_tells_the_app(rp: RelyingParty, ana: BrowserUser) -> None:
    landed = ana.open(rp.authorization_url(prompt="none", state=STATE_128))
    assert landed is not None
    assert landed.parameters["error"] in LOGIN_ERRORS
    assert landed.parameters["state"] == STATE_128
    assert len(STATE_128) == 128
    assert landed.parameters["iss"] == rp.metadata["issuer"]
    if landed.method == "POST":
        assert "error" not in landed.url


@module("oidcc-prompt-none-logged-in")
def test_prompt_none_with_a_session_shows_nothing(rp: RelyingParty, ana: BrowserUser) -> None:
    first = whole(rp, ana.log_in(rp))
    landed = ana.open(rp.authorization_url(prompt="none"))
    assert landed is not None
    second = whole(rp, landed)
    for name in ("sub", "auth_time", "sid"):
        assert second.claims[name] == first.claims[name]


@module("oidcc-max-age-1")
def test_a_login_older_than_max_age_is_asked_anew(rp: RelyingParty, ana: BrowserUser) -> None:
    first = whole(rp, ana.log_in(rp))
    with time_machine.travel(time.time() + 2.5):
        assert ana.open(rp.authorization_url(max_age="1")) is None
        assert ana.shows_password_form
        landed = ana.sign_in()
        assert landed is not None
        second = whole(rp, landed)
        assert second.claims["auth_time"] > first.claims["auth_time"]
        assert time.time() - second.claims["auth_time"] < 30


@module("oidcc-max-age-10000")
def test_a_login_younger_than_max_age_is_enough(rp: RelyingParty, ana: BrowserUser) -> None:
    first = whole(rp, ana.log_in(rp, max_age="10000"))
    landed = ana.open(rp.authorization_url(max_age="10000"))
    assert landed is not None
    assert whole(rp, landed).claims["auth_time"] == first.claims["auth_time"]


@module("oidcc-ensure-request-with-unknown-parameter-succeeds")
def test_an_unknown_parameter_is_ignored(rp: RelyingParty, ana: BrowserUser) -> None:
    whole(rp, ana.log_in(rp, extra="foobar"))


@module("oidcc-id-token-hint")
def test_an_id_token_hint_with_prompt_none(rp: RelyingParty, ana: BrowserUser) -> None:
    first = whole(rp, ana.log_in(rp))
    landed = ana.open(rp.authorization_url(prompt="none", id_token_hint=first.id_token))
    assert landed is not None
    second = whole(rp, landed)
    assert (second.claims["sub"], second.claims["auth_time"]) == (first.claims["sub"], first.claims["auth_time"])


@module("oidcc-login-hint")
def test_a_login_hint_fills_in_the_address(rp: RelyingParty, ana: BrowserUser) -> None:
    assert ana.open(rp.authorization_url(login_hint=ana.email)) is None
    assert ana.form("email").values["email"] == ana.email
    landed = ana.sign_in()
    assert landed is not None
    whole(rp, landed)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("ui_locales", marks=module("oidcc-ui-locales")),
        pytest.param("claims_locales", marks=module("oidcc-claims-locales")),
    ],
)
def test_languages_that_are_not_spoken_are_no_error(rp: RelyingParty, ana: BrowserUser, name: str) -> None:
    whole(rp, ana.log_in(rp, **{name: "se"}))


@module("oidcc-ensure-request-with-acr-values-succeeds")
def test_acr_values_are_answered_with_one_of_them(rp: RelyingParty, ana: BrowserUser, should: Should) -> None:
    asked = rp.metadata["acr_values_supported"]
    tokens = whole(rp, ana.log_in(rp, acr_values=" ".join(asked)))
    should(tokens.claims.get("acr") in asked, "acr is none of those asked for")


@module("oidcc-codereuse", SHOULD)
def test_a_code_used_again_at_once_is_refused(rp: RelyingParty, ana: BrowserUser) -> None:
    landed = ana.log_in(rp)
    whole(rp, landed)
    again = rp.redeem(landed)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@module("oidcc-codereuse-30seconds")
def test_a_code_used_again_later_is_refused_and_ends_what_it_gave(
    rp: RelyingParty, ana: BrowserUser, should: Should
) -> None:
    landed = ana.log_in(rp)
    tokens = whole(rp, landed)
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
    whole(rp, landed)
    assert time.monotonic() - began < 30


@module("oidcc-server-client-secret-post")
def test_the_secret_may_stand_in_the_body(provider: Provider, mode: str, ana: BrowserUser) -> None:
    rp = _client(provider, mode, token_endpoint_auth_method="client_secret_post")
    whole(rp, ana.log_in(rp))


@module("oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported")
def test_request_uri_is_refused_by_its_name(rp: RelyingParty, ana: BrowserUser) -> None:
    landed = ana.log_in(rp, request_uri="https://rp.example.org/request.jwt")
    assert landed.parameters["error"] == "request_uri_not_supported"


@module("oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported")
def test_a_request_object_is_refused_by_its_name(rp: RelyingParty, ana: BrowserUser) -> None:
    landed = ana.log_in(rp, request="eyJhbGciOiJub25lIn0.e30.")
    assert landed.parameters["error"] == "request_not_supported"


@module("oidcc-claims-essential")
def test_an_essential_claim_comes_from_userinfo(rp: RelyingParty, ana: BrowserUser, should: Should) -> None:
    tokens = whole(rp, ana.log_in(rp, claims='{"userinfo": {"name": {"essential": true}}}'), should)
    said = check_userinfo(rp, tokens, rp.userinfo(tokens.access))
    should("name" in said, "name is missing")
    assert set(said) == {"sub", "name"}


@module("oidcc-ensure-request-object-with-redirect-uri")
def test_a_bad_address_is_not_mended_by_a_request_object(rp: RelyingParty, ana: BrowserUser) -> None:
    asked = {"redirect_uri": "https://rp.example.org/evil", "request": "eyJhbGciOiJub25lIn0.e30."}
    assert ana.open(rp.authorization_url(**asked)) is None
    assert ana.response.status_code == 400


@module("oidcc-refresh-token")
def test_a_refresh_token_is_good_once_for_its_own_client(provider: Provider, mode: str, ana: BrowserUser) -> None:
    rp = _client(provider, mode)
    other = _client(provider, mode, redirect_uris=[f"https://second.example.org/cb?{QUERY}"])
    first = whole(rp, ana.log_in(rp, scope="openid offline_access", prompt="consent"))
    answer = rp.refresh(first.refresh, scope="openid offline_access")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    second = Tokens(answer.json(), rp)
    assert second.response["token_type"] == "Bearer"
    assert second.access != first.access
    assert entropy_enough(second.access)
    assert entropy_enough(second.refresh)
    assert rp.userinfo(second.access).status_code == 200
    whole_id_token(rp, second, nonce=False)
    for name in ("iss", "sub", "aud", "auth_time", "sid"):
        assert second.claims[name] == first.claims[name]
    theirs = whole(other, ana.log_in(other, scope="openid offline_access", prompt="consent"))
    for owner, stranger, token in ((other, rp, theirs.refresh), (rp, other, second.refresh)):
        refused = stranger.refresh(token)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        assert owner.refresh(token).status_code == 200, "what somebody else tries does not use it up"


@module("oidcc-ensure-request-with-valid-pkce-succeeds")
def test_pkce_with_s256(provider: Provider, mode: str, ana: BrowserUser) -> None:
    rp = provider.register()
    rp.default_parameters = {"response_mode": mode} if mode != "query" else {}
    assert rp.app.require_pkce
    tokens = whole(rp, ana.log_in(rp))
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", tokens.access)


@module("oidcc-redirect-uri-query-OK", plan="dynamic")
def test_a_registered_query_comes_back_unchanged(provider: Provider, mode: str, ana: BrowserUser) -> None:
    rp = _client(provider, mode, redirect_uris=[f"https://second.example.org/cb?{QUERY}"])
    landed = ana.log_in(rp)
    whole(rp, landed)
    assert landed.url.partition("?")[2].startswith(QUERY)
