"""RP-initiated logout: the 11 modules of its plan, and what lies beyond it."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.oidc.kit import STATE_128, BrowserUser, Provider, RelyingParty, Tokens
from tests.oidc.levels import module

BACK = "https://rp.example.org/bye"
PLAN = "rp-initiated-logout"


@pytest.fixture
def rp(provider: Provider) -> RelyingParty:
    return provider.register(post_logout_redirect_uris=[BACK, f"{BACK}?x=y"])


@pytest.fixture
def ana(provider: Provider) -> BrowserUser:
    return provider.person()


@pytest.fixture
def tokens(rp: RelyingParty, ana: BrowserUser) -> Tokens:
    return rp.tokens(ana.log_in(rp))


def url(rp: RelyingParty, **data: str) -> str:
    from urllib.parse import urlencode

    return f"{rp.metadata['end_session_endpoint']}?{urlencode(data)}"


def signed_in(rp: RelyingParty, ana: BrowserUser) -> bool:
    landed = ana.open(rp.authorization_url(prompt="none"))
    assert landed is not None
    return "code" in landed.parameters


def asked(ana: BrowserUser) -> bool:
    return ana.response.status_code == 200 and any("request" in form.kinds for form in ana.page.forms)


def told_signed_out(ana: BrowserUser) -> bool:
    return ana.response.status_code == 200 and "You're signed out" in ana.page.text


@module("oidcc-rp-initiated-logout-discovery-endpoint-verification", plan=PLAN)
def test_the_endpoint_is_published(rp: RelyingParty) -> None:
    assert rp.metadata["end_session_endpoint"] == f"{rp.provider.origin}/oauth/logout"


@module("oidcc-rp-initiated-logout", plan=PLAN)
def test_a_hint_and_a_registered_address_sign_out_and_lead_back(
    rp: RelyingParty, ana: BrowserUser, tokens: Tokens
) -> None:
    asked_for = {"id_token_hint": tokens.id_token, "post_logout_redirect_uri": BACK, "state": STATE_128}
    landed = ana.open(url(rp, **asked_for))
    assert landed is not None
    assert (landed.endpoint, landed.parameters) == (BACK, {"state": STATE_128})
    assert not signed_in(rp, ana)
    assert rp.userinfo(tokens.access).status_code == 401, "the token goes with the session"


@module("oidcc-rp-initiated-logout-bad-post-logout-redirect-uri", plan=PLAN)
def test_an_unregistered_address_is_sent_nobody(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    data = {"id_token_hint": tokens.id_token, "post_logout_redirect_uri": "https://evil.example/"}
    assert ana.open(url(rp, **data)) is None
    assert ana.response.status_code == 400
    assert signed_in(rp, ana)


def test_whoever_stays_because_of_an_unregistered_address_may_sign_out_here(
    rp: RelyingParty, ana: BrowserUser, tokens: Tokens
) -> None:
    for data in ({"id_token_hint": tokens.id_token}, {"client_id": rp.id}):
        if not signed_in(rp, ana):
            ana.log_in(rp)
        assert ana.open(url(rp, **data, post_logout_redirect_uri="https://evil.example/", state="x")) is None
        assert ana.response.status_code == 400
        assert "evil.example" not in ana.response.headers["Content-Security-Policy"]
        assert ana.submit(ana.form("request")) is None
        assert told_signed_out(ana)
        assert not [each for each in ana.page.links if "evil.example" in each]
        assert not signed_in(rp, ana)
    assert ana.open(url(rp, **data, post_logout_redirect_uri="https://evil.example/")) is None
    assert ana.response.status_code == 400
    assert not ana.page.forms, "nobody is signed in"


@module("oidcc-rp-initiated-logout-modified-id-token-hint", plan=PLAN)
def test_a_hint_without_a_signature_is_none(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    _, body, _ = tokens.id_token.split(".")
    data = {"id_token_hint": f"eyJhbGciOiJub25lIn0.{body}.", "post_logout_redirect_uri": BACK}
    assert ana.open(url(rp, **data)) is None
    assert ana.response.status_code == 400
    assert signed_in(rp, ana)


@module("oidcc-rp-initiated-logout-no-id-token-hint", plan=PLAN)
def test_an_address_without_a_hint_leads_to_a_question(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    assert ana.open(url(rp, post_logout_redirect_uri=BACK)) is None
    assert asked(ana)
    assert signed_in(rp, ana), "nothing has happened so far"


@module("oidcc-rp-initiated-logout-no-params", plan=PLAN)
def test_without_any_parameter_the_person_is_asked_and_then_signed_out(
    rp: RelyingParty, ana: BrowserUser, tokens: Tokens
) -> None:
    assert ana.open(rp.metadata["end_session_endpoint"]) is None
    assert asked(ana)
    assert ana.submit(ana.form("request")) is None
    assert told_signed_out(ana)
    assert not signed_in(rp, ana)


@module("oidcc-rp-initiated-logout-no-post-logout-redirect-uri", plan=PLAN)
def test_a_hint_alone_ends_on_a_page_here(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    assert ana.open(url(rp, id_token_hint=tokens.id_token)) is None
    assert told_signed_out(ana)
    assert not signed_in(rp, ana)


@module("oidcc-rp-initiated-logout-no-state", plan=PLAN)
def test_without_state_none_comes_back(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    landed = ana.open(url(rp, id_token_hint=tokens.id_token, post_logout_redirect_uri=BACK))
    assert landed is not None
    assert landed.url == BACK
    assert not signed_in(rp, ana)


@module("oidcc-rp-initiated-logout-only-state", plan=PLAN)
def test_with_state_only_nobody_is_sent_anywhere(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    assert ana.open(url(rp, state="x")) is None
    assert asked(ana)
    assert ana.submit(ana.form("request")) is None
    assert told_signed_out(ana)


@module("oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri", plan=PLAN)
def test_a_query_may_not_be_added(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    data = {"id_token_hint": tokens.id_token, "post_logout_redirect_uri": f"{BACK}?foo=bar"}
    assert ana.open(url(rp, **data)) is None
    assert ana.response.status_code == 400


@module("oidcc-rp-initiated-logout-bad-id-token-hint", plan=PLAN)
def test_a_hint_signed_by_somebody_else_is_none(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    forged = jwt.encode({"alg": "RS256", "kid": tokens.header["kid"]}, tokens.claims, RSAKey.generate_key(2048))
    assert ana.open(url(rp, id_token_hint=forged, post_logout_redirect_uri=BACK)) is None
    assert ana.response.status_code == 400
    assert signed_in(rp, ana)


def test_what_only_looks_signs_nobody_out(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    data = {"id_token_hint": tokens.id_token, "post_logout_redirect_uri": BACK}
    assert "Location" not in ana.http.head(url(rp, **data), timeout=20).headers
    assert signed_in(rp, ana)


def test_it_may_be_asked_by_post(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    data = {"id_token_hint": tokens.id_token, "post_logout_redirect_uri": f"{BACK}?x=y", "state": "s t&u"}
    landed = ana.open(rp.metadata["end_session_endpoint"], data)
    assert landed is not None
    assert landed.url == f"{BACK}?x=y&state=s+t%26u"


def test_the_client_must_be_the_one_of_the_hint(provider: Provider, rp: RelyingParty, tokens: Tokens) -> None:
    other = provider.register(post_logout_redirect_uris=["https://other.example.org/"])
    ana = provider.person()
    for data in ({"client_id": other.id}, {"client_id": "nobody"}):
        assert ana.open(url(rp, id_token_hint=tokens.id_token, **data)) is None
        assert ana.response.status_code == 400


def test_a_hint_of_another_person_or_session_asks(provider: Provider, rp: RelyingParty, tokens: Tokens) -> None:
    bea = provider.person("bea")
    bea.log_in(rp)
    again = BrowserUser(provider, tokens_owner(provider, tokens))
    again.log_in(rp)
    for person in (bea, again):
        assert person.open(url(rp, id_token_hint=tokens.id_token, post_logout_redirect_uri=BACK)) is None
        assert asked(person), "nobody is signed out by somebody else's link"
        landed = person.submit(person.form("request"))
        assert landed is not None
        assert landed.url == BACK, "the person has said so"


def tokens_owner(provider: Provider, tokens: Tokens) -> str:
    from accounts.core.models.account import Account

    with provider.service.uow() as uow:
        return uow.session.get_one(Account, tokens.claims["sub"]).email


def test_the_question_needs_the_token_of_its_form(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    ana.open(rp.metadata["end_session_endpoint"])
    form = ana.form("request")
    ana.submit(form, csrf_token="x.y.z")
    assert ana.response.status_code == 403
    assert signed_in(rp, ana)


def test_a_session_whose_id_has_changed_is_known_by_the_sid_that_the_app_was_told(
    rp: RelyingParty, ana: BrowserUser, tokens: Tokens
) -> None:
    ana.open(rp.authorization_url(prompt="login"))
    assert ana.sign_in() is not None
    landed = ana.open(url(rp, id_token_hint=tokens.id_token, post_logout_redirect_uri=BACK))
    assert landed is not None
    assert landed.url == BACK
    assert not signed_in(rp, ana)


def test_what_is_no_id_token_of_ours_is_no_hint(rp: RelyingParty, ana: BrowserUser, tokens: Tokens) -> None:
    key = RSAKey.generate_key(2048)
    texts = ["x", "a.b.c", "W10.W10.x", jwt.encode({"alg": "RS256"}, {"sub": "x"}, key), "ey" * 5000]
    for text in texts:
        assert ana.open(url(rp, id_token_hint=text)) is None
        assert ana.response.status_code == 400, text[:20]
    assert signed_in(rp, ana)
