"""The token endpoint (OAuth 2.1, RFC 9700): codes, PKCE, refresh tokens, scopes, and how a client shows itself."""

from __future__ import annotations

import base64

import requests

from accounts.core.models.apps import Grant
from accounts.flows.oidc.tokens import ACCESS_TOKEN
from tests.kit.tables import dump_tables
from tests.oidc.checks import oauth_error, offline_tokens
from tests.oidc.kit import BrowserUser, Provider, RelyingParty, Tokens, code_challenge


def test_neither_half_of_pkce_can_be_dropped(provider: Provider, ana: BrowserUser) -> None:
    rp, free = provider.register(require_pkce=True), provider.register()
    landed = ana.log_in(rp)
    assert oauth_error(rp.redeem(landed, code_verifier=None)) == (400, "invalid_request")
    for verifier in ("x", "a" * 42, "a" * 129, "a" * 43 + "+", code_challenge(rp.verifier)):
        assert oauth_error(rp.redeem(landed, code_verifier=verifier))[0] == 400, verifier
    assert rp.redeem(landed).status_code == 200, "a wrong verifier does not burn the code"
    landed = ana.log_in(free)
    assert oauth_error(free.redeem(landed, code_verifier=free.verifier)) == (400, "invalid_request")
    assert free.redeem(landed).status_code == 200


def test_a_code_is_bound_to_its_client_and_its_address(provider: Provider, ana: BrowserUser) -> None:
    uris = ["https://rp.example.org/cb", "https://rp.example.org/two"]
    rp, other = provider.register(redirect_uris=uris), provider.register(redirect_uris=uris)
    landed = ana.log_in(rp)
    other.verifier = rp.verifier
    assert oauth_error(other.redeem(landed)) == (400, "invalid_grant")
    assert oauth_error(rp.redeem(landed, redirect_uri=uris[1])) == (400, "invalid_grant")
    assert oauth_error(rp.redeem(landed, redirect_uri=None)) == (400, "invalid_grant")
    assert oauth_error(rp.redeem(landed, code=landed.parameters["code"].swapcase())) == (400, "invalid_grant")
    assert oauth_error(rp.redeem(landed, code=None)) == (400, "invalid_request")
    tokens = rp.tokens(landed)
    assert oauth_error(rp.redeem(landed, code=tokens.access)) == (400, "invalid_grant")
    assert oauth_error(rp.redeem(landed, grant_type="password")) == (400, "unsupported_grant_type")
    assert rp.userinfo(tokens.access).status_code == 200, "none of this was a second use"


def test_a_refresh_token_used_again_ends_its_family_and_no_other(provider: Provider, rp: RelyingParty) -> None:
    ana, bea = provider.person(), provider.person("bea")
    first, other_device, hers = offline_tokens(rp, ana), offline_tokens(rp, ana), offline_tokens(rp, bea)
    second = Tokens(rp.refresh(first.refresh).json(), rp)
    with provider.service.uow() as uow:
        grant = uow.session.get_one(Grant, grant_id_of(provider, first))
        assert grant.rotated_at is not None
        grant.rotated_at = grant.rotated_at.replace(year=2020)
    assert oauth_error(rp.refresh(first.refresh)) == (400, "invalid_grant")
    assert oauth_error(rp.refresh(second.refresh)) == (400, "invalid_grant"), "the whole family"
    assert rp.userinfo(second.access).status_code == 401
    for others in (other_device, hers):
        assert rp.refresh(others.refresh).status_code == 200


def grant_id_of(provider: Provider, tokens: Tokens) -> str:
    found = provider.service.site.signer.read(ACCESS_TOKEN, tokens.access)
    assert found is not None
    return found.grant_id


def test_the_refresh_token_before_is_good_for_a_moment(rp: RelyingParty, ana: BrowserUser) -> None:
    first = offline_tokens(rp, ana)
    second, again = (Tokens(rp.refresh(first.refresh).json(), rp) for _ in range(2))
    for tokens in (second, again):
        assert rp.userinfo(tokens.access).status_code == 200
    assert rp.refresh(again.refresh).status_code == 200


def test_scope_may_shrink_and_never_grow(rp: RelyingParty, ana: BrowserUser) -> None:
    first = offline_tokens(rp, ana)
    assert oauth_error(rp.refresh(first.refresh, scope="openid profile")) == (400, "invalid_scope")
    less = Tokens(rp.refresh(first.refresh, scope="openid").json(), rp)
    assert less.response["scope"] == "openid"
    assert set(rp.userinfo(less.access).json()) == {"sub"}
    whole = Tokens(rp.refresh(less.refresh).json(), rp)
    assert "email" in rp.userinfo(whole.access).json()


def test_an_app_gets_no_more_than_its_registration_allows(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register(scopes=["email"], claims=["email", "name"])
    asked = {"scope": "openid profile email groups offline_access", "claims": '{"userinfo": {"name": null}}'}
    tokens = rp.tokens(ana.log_in(rp, **asked))
    assert tokens.response["scope"] == "openid email"
    assert "refresh_token" not in tokens.response
    assert set(rp.userinfo(tokens.access).json()) == {"sub", "email", "email_verified"}
    assert tokens.claims["email"] == ana.email, "its registration wants it in the ID token"
    assert "name" not in tokens.claims


def test_a_client_must_show_its_secret_and_nothing_else(
    provider: Provider, rp: RelyingParty, ana: BrowserUser
) -> None:
    landed, data = ana.log_in(rp), {"grant_type": "authorization_code", "redirect_uri": rp.redirect_uri}
    data |= {"code": landed.parameters["code"]}

    def ask(pair: str | None, **more: str) -> requests.Response:
        headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()} if pair is not None else {}
        return rp.http.post(rp.metadata["token_endpoint"], data=data | more, headers=headers, timeout=30)

    refused = ask(f"{rp.id}:wrong")
    assert oauth_error(refused) == (401, "invalid_client")
    assert refused.headers["WWW-Authenticate"].startswith("Basic ")
    for pair in (rp.id, ":", "", "ü:ü", f"{rp.id}:%ff", f"nobody:{rp.secret}"):
        assert oauth_error(ask(pair)) == (401, "invalid_client"), pair
    assert oauth_error(ask(None, client_id=rp.id)) == (401, "invalid_client")
    assert oauth_error(ask(f"{rp.id}:{rp.secret}", client_secret=rp.secret or "")) == (400, "invalid_request")
    assert oauth_error(ask(f"{rp.id}:{rp.secret}", client_id="other")) == (401, "invalid_client")
    encoded = "".join(f"%{ord(letter):02x}" for letter in rp.secret or "")
    assert ask(f"{rp.id}:{encoded}").status_code == 200, "form-encoded, as RFC 6749 2.3.1 has it"


def test_the_token_endpoint_takes_forms_and_each_parameter_once(rp: RelyingParty, ana: BrowserUser) -> None:
    url = rp.metadata["token_endpoint"]
    for how in ({"json": {"grant_type": "refresh_token"}}, {"files": {"grant_type": (None, "refresh_token")}}):
        assert oauth_error(rp.http.post(url, timeout=30, **how)) == (400, "invalid_request")
    twice = [("grant_type", "refresh_token"), ("grant_type", "authorization_code")]
    assert oauth_error(rp.http.post(url, data=twice, timeout=30)) == (400, "invalid_request")
    assert rp.http.get(url, timeout=30).status_code == 405
    assert oauth_error(rp.http.post(f"{url}?grant_type=refresh_token", timeout=30, data={"a": "b"}))[0] == 400


def test_only_a_sign_in_leaves_a_row(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register()
    # The very first sign-in anywhere makes the keys, too.
    rp.tokens(provider.person().log_in(rp))
    ana.open("/sign-in")
    ana.sign_in()
    before = dump_tables(provider.service)
    landed = ana.open(rp.authorization_url(scope="openid email"))
    assert landed is not None
    assert dump_tables(provider.service) == before, "the request and its code are nowhere but in the browser"
    with provider.service.record_statements() as statements:
        tokens = rp.tokens(landed)
    changed = [each for each in statements if each.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert len(changed) == 2, "grant, audit"
    assert len([each for each in statements if each.startswith("SELECT")]) <= 3
    with provider.service.record_statements() as statements:
        assert rp.userinfo(tokens.access).status_code == 200
    assert len(statements) == 1
    assert tokens.access not in str(dump_tables(provider.service))
    assert landed.parameters["code"] not in str(dump_tables(provider.service))
