"""What a registration says of whom an app is for, what it learns, and where on a device it is answered."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from accounts.core.models.apps import App, Grant
from accounts.core.models.audit import AuditRow
from accounts.flows.oidc import registration
from accounts.flows.oidc.registration_form import ChangeAppForm
from tests.oidc.checks import offline_tokens
from tests.oidc.kit import BrowserUser, Provider, RelyingParty


def change(rp: RelyingParty, **fields: Any) -> None:
    registration.change_app(rp.provider.service.uow(), rp.id, ChangeAppForm.model_validate(fields))


def told(rp: RelyingParty, ana: BrowserUser, scope: str = "openid profile email") -> tuple[Any, Any]:
    """The username in the ID token and from userinfo; None where there is none."""
    tokens = rp.tokens(ana.log_in(rp, scope=scope))
    userinfo = rp.userinfo(tokens.access).json()
    return tokens.claims.get("preferred_username"), userinfo.get("preferred_username")


def test_a_username_is_what_the_registration_says_and_off_unless_it_does(
    provider: Provider, ana: BrowserUser
) -> None:
    rp = provider.register()
    assert told(rp, ana) == (None, None)
    assert "preferred_username" in rp.metadata["claims_supported"]
    local_part = ana.email.partition("@")[0]
    sub = rp.tokens(ana.log_in(rp)).claims["sub"]
    change(rp, preferred_username="sub", claims=["preferred_username"])
    assert told(rp, ana) == (sub, sub)
    change(rp, preferred_username="email")
    assert told(rp, ana) == (ana.email, ana.email)
    change(rp, preferred_username="local_part", allowed_email_domain="EXAMPLE.org", claims=[])
    assert told(rp, ana) == (None, local_part)


def test_a_username_tells_no_address_to_whom_the_address_was_not_given(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register(preferred_username="email", claims_in_id_token=True)
    assert told(rp, ana, "openid profile") == (None, None)
    assert told(rp, ana, "openid email") == (None, None), "it belongs to the profile"
    change(rp, preferred_username="local_part", allowed_email_domain="example.org")
    assert told(rp, ana, "openid profile") == (None, None)
    tokens = rp.tokens(ana.log_in(rp, claims='{"userinfo": {"preferred_username": null}}'))
    assert rp.userinfo(tokens.access).json().keys() == {"sub"}
    change(rp, preferred_username="sub", allowed_email_domain="")
    assert all(told(rp, ana, "openid profile"))


def test_claims_of_the_scopes_stand_in_the_id_token_where_the_registration_says_so(
    provider: Provider, ana: BrowserUser
) -> None:
    rp = provider.register(claims_in_id_token=True)
    claims = rp.tokens(ana.log_in(rp, scope="openid profile email groups")).claims
    assert (claims["name"], claims["email"], claims["groups"]) == ("Ana", ana.email, [])
    claims = rp.tokens(ana.log_in(rp, scope="openid email")).claims
    assert claims["email_verified"] is True
    assert not {"name", "groups", "locale"} & claims.keys(), "of what was asked for, and no more"


def test_an_app_for_one_domain_lets_in_nobody_else(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register(allowed_email_domain="example.org")
    tokens = offline_tokens(rp, ana)
    change(rp, allowed_email_domain="ample.org")
    assert rp.userinfo(tokens.access).status_code == 401
    assert rp.refresh(tokens.refresh).status_code == 400
    assert ana.open(rp.authorization_url()) is None
    assert "at ample.org" in ana.page.text
    landed = ana.decide("no")
    assert landed is not None
    assert landed.parameters["error"] == "access_denied"
    assert ana.log_in(rp, prompt="none").parameters["error"] == "access_denied"
    for other in ("org", "sub.example.org", "example.org.evil.example"):
        change(rp, allowed_email_domain=other)
        assert rp.userinfo(tokens.access).status_code == 401, other


def test_a_code_is_worth_nothing_to_whom_the_app_is_not_for_any_more(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register()
    landed = ana.log_in(rp)
    change(rp, allowed_email_domain="example.com")
    assert rp.redeem(landed).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("uri", ["com.example.app:/oauth/cb", "com.example.app://cb?from=accounts"])
def test_an_app_on_a_device_is_answered_at_a_scheme_of_its_own(provider: Provider, uri: str) -> None:
    rp = provider.register(
        application_type="native", token_endpoint_auth_method="none", redirect_uris=[uri], trusted=False,
        post_logout_redirect_uris=["com.example.app:/bye"],
    )  # fmt: skip
    ana = provider.person()
    assert ana.open(rp.authorization_url(scope="openid email")) is None
    assert ana.sign_in() is None
    policy = ana.response.headers["Content-Security-Policy"]
    assert "form-action 'self' com.example.app:;" in policy
    landed = ana.decide()
    assert landed is not None
    assert landed.url.startswith(f"{uri}{'&' if '?' in uri else '?'}code=")
    tokens = rp.tokens(landed)
    refused = ana.log_in(rp, response_mode="form_post")
    assert refused.parameters["error"] == "invalid_request", "no form reaches it"
    for wrong in ("com.example.app:/", f"{uri}/", uri.upper(), "com.example.app2:/oauth/cb"):
        ana.open(rp.authorization_url(redirect_uri=wrong))
        assert ana.response.status_code == 400, wrong
    query = f"?id_token_hint={tokens.id_token}&post_logout_redirect_uri=com.example.app:/bye"
    assert ana.open(f"{rp.metadata['end_session_endpoint']}{query}") is not None
    assert ana.callback is not None
    assert ana.callback.url == "com.example.app:/bye"


def test_the_page_of_an_app_says_what_it_really_sends(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register()
    site = provider.service
    admin = site.admin()

    def shown() -> str:
        return " ".join(admin.get(f"/admin/apps/{rp.id}").get_data(as_text=True).split())

    assert "No sign-ins yet" in shown()
    rp.tokens(ana.log_in(rp, nonce=None))
    assert "No PKCE, no nonce: turn one on in the app" in shown()
    body = admin.get(f"/api/admin/apps/{rp.id}").get_json()
    assert (body["sends_pkce"], body["sends_nonce"]) == (False, False)
    with site.uow() as uow:
        row = uow.session.get_one(App, rp.id)
        assert row.observed_at is not None
        row.observed_at = row.observed_at.replace(year=2020)
    version = row.version
    rp.tokens(ana.log_in(rp))
    assert "Nonce, no PKCE" in shown()
    with site.uow() as uow:
        row = uow.session.get_one(App, rp.id)
        assert row.version == version, "whoever changes the registration meanwhile is not in the way"
        assert row.observed_at is not None
        row.observed_at = row.observed_at.replace(year=2020)
        row.require_pkce = True
    rp.app.require_pkce = True
    rp.tokens(ana.log_in(rp))
    assert "PKCE and nonce" in shown()


def test_nobody_but_the_app_can_say_what_it_sends(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register()
    landed = ana.log_in(rp, nonce=None)
    rp.secret, right = "wrong", rp.secret
    assert rp.redeem(landed).status_code == 401
    rp.secret = right
    assert rp.redeem(landed, redirect_uri="https://rp.example.org/other").status_code == 400
    with provider.service.uow() as uow:
        assert uow.session.get_one(App, rp.id).sends_pkce is None
        assert list(uow.session.scalars(select(Grant))) == []
        assert list(uow.session.scalars(select(AuditRow).where(AuditRow.kind == "app.sign-in"))) == []
