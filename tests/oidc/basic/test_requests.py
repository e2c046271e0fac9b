"""Basic OP: the modules about authorization requests: prompts, ages, hints, claims, request objects.

One test is one module of ``oidcc-basic-certification-test-plan``, as in :mod:`tests.oidc.basic.test_tokens`.
"""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest
import time_machine

from tests.oidc.basic.checks import (
    LOGIN_ERRORS,
    Should,
    check_userinfo,
    redeem_and_check,
)
from tests.oidc.kit import STATE_128, BrowserUser, RelyingParty
from tests.oidc.levels import module


@module("oidcc-alternate-happy-flow")
def test_order_does_not_matter(rp: RelyingParty, ana: BrowserUser) -> None:
    turned = dict(reversed(rp.authorization_parameters(scope="email profile openid").items()))
    assert ana.open(f"{rp.metadata['authorization_endpoint']}?{urlencode(turned)}") is None
    landed = ana.sign_in()
    assert landed is not None
    tokens = redeem_and_check(rp, landed)
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
    redeem_and_check(rp, landed)


@module("oidcc-prompt-login")
def test_prompt_login_asks_again(rp: RelyingParty, ana: BrowserUser) -> None:
    first = redeem_and_check(rp, ana.log_in(rp))
    with time_machine.travel(time.time() + 5):
        assert ana.open(rp.authorization_url(prompt="login")) is None
        assert ana.shows_password_form
        landed = ana.sign_in()
        assert landed is not None, "asked once, not for ever"
        second = redeem_and_check(rp, landed)
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
    first = redeem_and_check(rp, ana.log_in(rp))
    landed = ana.open(rp.authorization_url(prompt="none"))
    assert landed is not None
    second = redeem_and_check(rp, landed)
    for name in ("sub", "auth_time", "sid"):
        assert second.claims[name] == first.claims[name]


@module("oidcc-max-age-1")
def test_a_login_older_than_max_age_is_asked_anew(rp: RelyingParty, ana: BrowserUser) -> None:
    first = redeem_and_check(rp, ana.log_in(rp))
    with time_machine.travel(time.time() + 2.5):
        assert ana.open(rp.authorization_url(max_age="1")) is None
        assert ana.shows_password_form
        landed = ana.sign_in()
        assert landed is not None
        second = redeem_and_check(rp, landed)
        assert second.claims["auth_time"] > first.claims["auth_time"]
        assert time.time() - second.claims["auth_time"] < 30


@module("oidcc-max-age-10000")
def test_a_login_younger_than_max_age_is_enough(rp: RelyingParty, ana: BrowserUser) -> None:
    first = redeem_and_check(rp, ana.log_in(rp, max_age="10000"))
    landed = ana.open(rp.authorization_url(max_age="10000"))
    assert landed is not None
    assert redeem_and_check(rp, landed).claims["auth_time"] == first.claims["auth_time"]


@module("oidcc-ensure-request-with-unknown-parameter-succeeds")
def test_an_unknown_parameter_is_ignored(rp: RelyingParty, ana: BrowserUser) -> None:
    redeem_and_check(rp, ana.log_in(rp, extra="foobar"))


@module("oidcc-id-token-hint")
def test_an_id_token_hint_with_prompt_none(rp: RelyingParty, ana: BrowserUser) -> None:
    first = redeem_and_check(rp, ana.log_in(rp))
    landed = ana.open(rp.authorization_url(prompt="none", id_token_hint=first.id_token))
    assert landed is not None
    second = redeem_and_check(rp, landed)
    assert (second.claims["sub"], second.claims["auth_time"]) == (first.claims["sub"], first.claims["auth_time"])


@module("oidcc-login-hint")
def test_a_login_hint_fills_in_the_address(rp: RelyingParty, ana: BrowserUser) -> None:
    assert ana.open(rp.authorization_url(login_hint=ana.email)) is None
    assert ana.form("email").values["email"] == ana.email
    landed = ana.sign_in()
    assert landed is not None
    redeem_and_check(rp, landed)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("ui_locales", marks=module("oidcc-ui-locales")),
        pytest.param("claims_locales", marks=module("oidcc-claims-locales")),
    ],
)
def test_languages_that_are_not_spoken_are_no_error(rp: RelyingParty, ana: BrowserUser, name: str) -> None:
    redeem_and_check(rp, ana.log_in(rp, **{name: "se"}))


@module("oidcc-ensure-request-with-acr-values-succeeds")
def test_acr_values_are_answered_with_one_of_them(rp: RelyingParty, ana: BrowserUser, should: Should) -> None:
    asked = rp.metadata["acr_values_supported"]
    tokens = redeem_and_check(rp, ana.log_in(rp, acr_values=" ".join(asked)))
    should(tokens.claims.get("acr") in asked, "acr is none of those asked for")


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
    tokens = redeem_and_check(rp, ana.log_in(rp, claims='{"userinfo": {"name": {"essential": true}}}'), should)
    data = check_userinfo(rp, tokens, rp.userinfo(tokens.access))
    should("name" in data, "name is missing")
    assert set(data) == {"sub", "name"}


@module("oidcc-ensure-request-object-with-redirect-uri")
def test_a_bad_address_is_not_mended_by_a_request_object(rp: RelyingParty, ana: BrowserUser) -> None:
    asked = {"redirect_uri": "https://rp.example.org/evil", "request": "eyJhbGciOiJub25lIn0.e30."}
    assert ana.open(rp.authorization_url(**asked)) is None
    assert ana.response.status_code == 400
