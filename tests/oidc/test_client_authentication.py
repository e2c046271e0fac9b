"""How a client shows its secret (RFC 6749 2.3), at each endpoint that asks for it, and what PKCE asks of whom."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import quote_plus

import pytest
import requests

from tests.oidc.checks import oauth_error
from tests.oidc.kit import BrowserUser, Provider, RelyingParty

ENDPOINTS = ("token_endpoint", "introspection_endpoint", "revocation_endpoint")
QUESTIONS = {
    "token_endpoint": {"grant_type": "refresh_token", "refresh_token": "x"},
    "introspection_endpoint": {"token": "x"},
    "revocation_endpoint": {"token": "x"},
}
METHODS = ("client_secret_basic", "client_secret_post")


def basic(id: str, secret: str) -> dict[str, str]:
    pair = f"{quote_plus(id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def ask(rp: RelyingParty, endpoint: str, headers: Mapping[str, str] | None = None, **body: str) -> requests.Response:
    return rp.http.post(rp.metadata[endpoint], data={**QUESTIONS[endpoint], **body}, headers=headers, timeout=20)


@pytest.mark.parametrize("registered", METHODS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_secret_is_taken_in_the_header_or_in_the_body(provider: Provider, registered: str, endpoint: str) -> None:
    rp = provider.register(token_endpoint_auth_method=registered)
    secret = str(rp.secret)
    for answer in (
        ask(rp, endpoint, basic(rp.id, secret)),
        ask(rp, endpoint, basic(rp.id, secret), client_id=rp.id),
        ask(rp, endpoint, client_id=rp.id, client_secret=secret),
    ):
        assert answer.status_code != 401, answer.text
        assert answer.json().get("error") != "invalid_client"


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_secret_is_never_shown_in_two_ways_at_once(rp: RelyingParty, endpoint: str) -> None:
    secret = str(rp.secret)
    for header in (basic(rp.id, secret), basic(rp.id, "wrong"), basic(rp.id, ""), {"Authorization": "Bearer x"}):
        for shown in (secret, "wrong"):
            answer = ask(rp, endpoint, header, client_id=rp.id, client_secret=shown)
            assert oauth_error(answer) == (400, "invalid_request"), header


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_unknown_client_and_a_wrong_secret_are_answered_alike(provider: Provider, endpoint: str) -> None:
    rp = provider.register()
    secret, page = str(rp.secret), provider.register(token_endpoint_auth_method="none")
    refused = [
        ask(rp, endpoint, basic("nobody", secret)),
        ask(rp, endpoint, basic(rp.id, "wrong")),
        ask(rp, endpoint, basic(rp.id, "")),
        ask(rp, endpoint, basic(page.id, "a secret")),
        ask(rp, endpoint, {"Authorization": "Basic !"}),
        ask(rp, endpoint, {"Authorization": "Bearer x"}),
        ask(rp, endpoint, basic(rp.id, secret), client_id=page.id),
        ask(rp, endpoint, client_id="nobody", client_secret=secret),
        ask(rp, endpoint, client_id=rp.id, client_secret="wrong"),
        ask(rp, endpoint, client_id=page.id, client_secret="a secret"),
        ask(rp, endpoint, client_id=rp.id),
        ask(rp, endpoint, client_id="nobody"),
        ask(rp, endpoint),
    ]
    assert {(each.status_code, each.text) for each in refused} == {(401, refused[0].text)}
    assert refused[0].json()["error"] == "invalid_client"
    assert "client_secret_" not in refused[0].text, "what is wrong is the secret, not the way in which it is shown"
    for answer in refused:
        challenge = 'Basic realm="accounts"' if "Authorization" in answer.request.headers else None
        assert answer.headers.get("WWW-Authenticate") == challenge


def test_a_public_client_shows_nothing_and_learns_nothing_about_tokens(provider: Provider) -> None:
    page = provider.register(token_endpoint_auth_method="none")
    for headers, body in (({}, {"client_id": page.id}), (basic(page.id, ""), {})):
        assert oauth_error(ask(page, "token_endpoint", headers, **body)) == (400, "invalid_grant")
        assert ask(page, "revocation_endpoint", headers, **body).status_code == 200
        assert oauth_error(ask(page, "introspection_endpoint", headers, **body)) == (401, "invalid_client")


def test_pkce_is_asked_of_apps_on_devices_and_in_pages_and_only_of_them(provider: Provider, ana: BrowserUser) -> None:
    plain = provider.register()
    assert not plain.app.require_pkce
    tokens = plain.tokens(ana.log_in(plain))
    assert plain.userinfo(tokens.access).status_code == 200
    for fields in (
        {"token_endpoint_auth_method": "none"},
        {"application_type": "native"},
        {"application_type": "native", "token_endpoint_auth_method": "none"},
        {"require_pkce": True},
    ):
        rp = provider.register(**fields)
        assert rp.app.require_pkce, fields
        landed = ana.log_in(rp, code_challenge=None, code_challenge_method=None)
        assert landed.parameters["error"] == "invalid_request", fields
        assert "PKCE" in landed.parameters["error_description"]
        rp.tokens(ana.log_in(rp))


def test_who_may_leave_pkce_out_may_not_leave_half_of_it_out(provider: Provider, ana: BrowserUser) -> None:
    rp, strict = provider.register(), provider.register(require_pkce=True)
    challenge = strict.authorization_parameters()["code_challenge"]
    for half in (
        {"code_challenge": challenge},
        {"code_challenge": challenge, "code_challenge_method": "plain"},
        {"code_challenge": challenge, "code_challenge_method": "s256"},
        {"code_challenge_method": "S256"},
        {"code_challenge": strict.verifier, "code_challenge_method": "plain"},
    ):
        assert ana.log_in(rp, **half).parameters["error"] == "invalid_request", half
    landed = ana.log_in(rp, code_challenge=challenge, code_challenge_method="S256")
    for verifier in (None, rp.verifier, "", challenge):
        answer = rp.redeem(landed, code_verifier=verifier)
        assert oauth_error(answer)[0] == 400, verifier
    assert rp.redeem(landed, code_verifier=strict.verifier).status_code == 200, "nothing of this used the code up"
    landed = ana.log_in(rp)
    assert oauth_error(rp.redeem(landed, code_verifier=rp.verifier)) == (400, "invalid_request")
    assert rp.redeem(landed).status_code == 200


@pytest.mark.parametrize(
    "scope", ["openid ", " openid", "openid email ", " openid  email", "  email   openid  ", "openid  "]
)
def test_blanks_around_scopes_are_no_scopes(provider: Provider, ana: BrowserUser, scope: str) -> None:
    rp = provider.register()
    given = rp.tokens(ana.log_in(rp, scope=f"{scope} offline_access"))
    words = {*scope.split(), "offline_access"}
    assert set(given.response["scope"].split(" ")) == words
    narrower = rp.refresh(given.refresh, scope=scope)
    assert set(narrower.json()["scope"].split(" ")) == set(scope.split())
