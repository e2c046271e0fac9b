"""Userinfo, and which pages of other origins may ask from a browser."""

from __future__ import annotations

from accounts.core.models.account import Account
from tests.oidc.checks import offline_tokens
from tests.oidc.kit import BrowserUser, Provider, RelyingParty
from tests.people import make_email


def test_userinfo_wants_one_token_in_one_place(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens, url = offline_tokens(rp, ana), rp.metadata["userinfo_endpoint"]
    bare = rp.http.get(url, timeout=30)
    assert (bare.status_code, bare.headers["WWW-Authenticate"]) == (401, 'Bearer realm="accounts"')
    assert rp.http.get(f"{url}?access_token={tokens.access}", timeout=30).status_code == 401
    both = rp.http.post(
        url, data={"access_token": tokens.access}, headers={"Authorization": f"Bearer {tokens.access}"}, timeout=30
    )
    assert both.status_code == 400
    for token in (tokens.refresh, tokens.id_token, "x", tokens.access[:-1] + "_"):
        refused = rp.userinfo(token)
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_only_pages_of_registered_public_apps_may_ask_from_a_browser(provider: Provider) -> None:
    mine = "https://rp.example.org"
    rp = provider.register(token_endpoint_auth_method="none")
    provider.register(redirect_uris=["https://with-a-secret.example/cb"])
    foreign = [
        "https://evil.example",
        "https://with-a-secret.example",
        "null",
        "https://rp.example.org.evil.example",
        "http://rp.example.org",
        "https://RP.example.org",
    ]
    foreign += [
        "https://rp.example.org:444",
        "https://rp.example.org/",
        "https://xrp.example.org",
        "*",
        "https://rp.example.org ",
    ]
    for path in ("/oauth/token", "/oauth/userinfo", "/oauth/revoke", "/oauth/introspect"):
        for origin in (mine, *foreign):
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            before = rp.http.options(provider.origin + path, headers=headers, timeout=30)
            answer = rp.http.post(provider.origin + path, headers={"Origin": origin}, timeout=30)
            for each in (before, answer):
                assert each.headers.get("Access-Control-Allow-Origin") == (mine if origin == mine else None), origin
                assert "Access-Control-Allow-Credentials" not in each.headers
    for path in ("/oauth/authorize", "/oauth/logout", "/oauth/consent"):
        for ask in (rp.http.get, rp.http.options):
            result = ask(provider.origin + path, headers={"Origin": mine}, timeout=30).headers
            assert not [name for name in result if name.startswith("Access-Control")]


def test_userinfo_tells_what_holds_now(provider: Provider, rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = offline_tokens(rp, ana)
    moved = make_email()
    with provider.service.uow() as uow:
        account = uow.session.get_one(Account, tokens.claims["sub"])
        account.email = account.email_key = moved
    assert rp.userinfo(tokens.access).json()["email"] == moved
