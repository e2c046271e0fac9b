"""Parameters of an authorization request: each once, each as it is specified, and whom an error is told to."""

from __future__ import annotations

import pytest

from tests.oidc.checks import oauth_error
from tests.oidc.kit import BrowserUser, Provider, RelyingParty


@pytest.mark.parametrize("name", ["scope", "state", "nonce", "prompt", "response_mode", "code_challenge", "anything"])
def test_a_parameter_that_stands_there_twice_is_refused(rp: RelyingParty, ana: BrowserUser, name: str) -> None:
    ana.log_in(rp)
    landed = ana.open(f"{rp.authorization_url(anything='a')}&{name}=b")
    assert landed is not None
    assert landed.parameters["error"] == "invalid_request"


WRONG = {
    "max_age": ("-1", "1.5", "x", "9" * 16, "１"),
    "prompt": ("none login", "other", "NONE", "login other"),
    "scope": ("", "email", "openid\nemail", ' openid"', "OpenID"),
    "response_type": ("token", "id_token", "code token", "none", "Code"),
    "response_mode": ("fragment", "web_message", "form_post.jwt"),
    "code_challenge_method": ("plain", "s256", ""),
    "code_challenge": ("", "x", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "+"),
    "claims": ("x", "[]", '{"userinfo": []}', "[" * 1500, '{"id_token": 1}'),
    "id_token_hint": ("x", "a.b.c"),
    "nonce": ("n" * 513,),
    "registration": ("{}",),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_is_wrong_is_told_to_the_app_that_a_person_is_signed_in_to(
    provider: Provider, wrong: tuple[RelyingParty, BrowserUser], name: str, value: str
) -> None:
    rp, ana = wrong
    landed = ana.open(rp.authorization_url(**{name: value}))
    assert landed is not None
    assert landed.parameters["error"].startswith(("invalid_", "unsupported_", "registration_not"))
    assert landed.parameters["state"] == rp.state
    assert landed.parameters["iss"] == rp.metadata["issuer"]
    assert "code" not in landed.parameters


@pytest.fixture
def wrong(provider: Provider) -> tuple[RelyingParty, BrowserUser]:
    rp, ana = provider.register(require_pkce=True), provider.person()
    ana.log_in(rp)
    return rp, ana


def test_nobody_is_bounced_to_an_app_by_an_error_before_signing_in(rp: RelyingParty, ana: BrowserUser) -> None:
    assert ana.open(rp.authorization_url(scope="email")) is None
    assert ana.shows_password_form
    landed = ana.sign_in()
    assert landed is not None
    assert landed.parameters["error"] == "invalid_scope"


def test_a_public_client_needs_a_challenge(provider: Provider, ana: BrowserUser) -> None:
    public = provider.register(token_endpoint_auth_method="none")
    landed = ana.log_in(public, code_challenge=None, code_challenge_method=None)
    assert landed.parameters["error"] == "invalid_request"
    tokens = public.tokens(ana.log_in(public))
    assert public.userinfo(tokens.access).status_code == 200
    assert oauth_error(public.introspect(tokens.access)) == (401, "invalid_client")


def test_another_account_may_be_chosen(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register()
    first = rp.tokens(ana.log_in(rp))
    assert ana.open(rp.authorization_url(prompt="select_account")) is None
    assert ana.email in ana.page.text
    landed = ana.decide()
    assert landed is not None
    assert rp.tokens(landed).claims["sub"] == first.claims["sub"]
    bea = provider.person("bea")
    ana.open(rp.authorization_url(prompt="select_account"))
    ana.submit(ana.form("next"))
    assert ana.shows_password_form
    landed = ana.submit(ana.form("email"), email=bea.email, password=bea.password)
    assert landed is not None, "chosen, and not asked again"
    assert rp.tokens(landed).claims["sub"] != first.claims["sub"]


def test_an_app_that_expects_somebody_is_not_given_whoever_is_there(provider: Provider, rp: RelyingParty) -> None:
    ana, bea = provider.person(), provider.person("bea")
    hers = rp.tokens(bea.log_in(rp))
    ana.log_in(rp)
    landed = ana.open(rp.authorization_url(prompt="none", id_token_hint=hers.id_token))
    assert landed is not None
    assert landed.parameters["error"] == "login_required"
    sub = f'{{"id_token": {{"sub": {{"value": "{hers.claims["sub"]}"}}}}}}'
    landed = ana.open(rp.authorization_url(prompt="none", claims=sub))
    assert landed is not None
    assert landed.parameters["error"] == "login_required"


def test_a_proof_counts_for_the_request_that_asked_for_it_only(provider: Provider, rp: RelyingParty) -> None:
    ana = provider.person()
    ana.log_in(rp)
    url = rp.authorization_url(prompt="login")
    ana.open(url)
    came_back = ana.sign_in()
    assert came_back is not None
    assert ana.open(url) is None, "the same request again asks again"
    for note in ("x", "x.y.z"):
        assert ana.open(f"{url}&asked={note}") is None
    assert ana.open(rp.authorization_url(max_age="0")) is None
