"""Back-channel logout: the two modules of its plan, over TLS all the way, with an own authority."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from accounts.core.clock import now
from accounts.delivery.callbacks import HttpCallbackSender
from tests.oidc.kit import STATE_128, BrowserUser, Provider, RelyingParty
from tests.oidc.levels import module
from tests.oidc.test_logout import signed_in, url
from tests.servers import relying_party
from tests.servers.certificates import Authority

BACK = "https://rp.example.org/bye"
PLAN = "backchannel-rp-initiated-logout"


@pytest.fixture
def told(provider: Provider, authority: Authority) -> Iterator[relying_party.RelyingParty]:
    """The app's own server, which the provider knows by a certificate of the test's authority."""
    state = provider.service.state
    state.callback_client = HttpCallbackSender(state.site.settings, cafile=authority.certificate)
    with relying_party.relying_party(authority.server_context("localhost")) as server:
        yield server


@module("oidcc-backchannel-logout-discovery-endpoint-verification", plan=PLAN)
def test_it_is_published_that_apps_are_told(provider: Provider) -> None:
    found = provider.fetch_metadata()
    assert found["backchannel_logout_supported"] is True
    assert found["backchannel_logout_session_supported"] is True
    assert found["end_session_endpoint"].startswith("https://")


@module("oidcc-backchannel-rp-initiated-logout", plan=PLAN)
def test_an_app_that_signs_somebody_out_is_told_by_the_back_channel(
    provider: Provider, told: relying_party.RelyingParty
) -> None:
    rp = provider.register(backchannel_logout_uri=told.address, post_logout_redirect_uris=[BACK])
    ana, at_home = provider.person(), provider.person("ben")
    tokens = rp.tokens(ana.log_in(rp))
    rp.tokens(at_home.log_in(rp))
    data = {"id_token_hint": tokens.id_token, "post_logout_redirect_uri": BACK, "state": STATE_128}
    landed = ana.open(url(rp, **data))
    assert landed is not None
    assert (landed.endpoint, landed.parameters) == (BACK, {"state": STATE_128})
    provider.service.deliver()
    ((method, _, form),) = told.heard
    assert (method, list(form)) == ("POST", ["logout_token"])
    check(rp, told.tokens[0], tokens.claims)
    assert not signed_in(rp, ana)
    assert signed_in(rp, at_home)


def check(rp: RelyingParty, token: str, id_token: dict[str, Any]) -> None:
    """Everything that the module looks at, by the keys that the app has fetched."""
    keys = KeySet.import_key_set(rp.fetch_jwks())  # type: ignore[arg-type] # as it comes over the wire
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    head = token.partition(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["typ"] == "logout+jwt"
    assert (claims["iss"], claims["aud"]) == (id_token["iss"], rp.id)
    assert (claims["sub"], claims["sid"]) == (id_token["sub"], id_token["sid"])
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert claims["jti"]
    assert claims["iat"] <= now().timestamp() < claims["exp"] <= claims["iat"] + 120
    assert "nonce" not in claims


def test_a_step_up_does_not_part_an_app_from_its_session(
    provider: Provider, told: relying_party.RelyingParty
) -> None:
    """The id of the session changes then; the app is told of the one that it knows."""
    rp = provider.register(backchannel_logout_uri=told.address)
    ana: BrowserUser = provider.person()
    sid = rp.tokens(ana.log_in(rp)).claims["sid"]
    ana.open(f"{provider.origin}/confirm")
    ana.sign_in()
    ana.open(f"{provider.origin}/account")
    (form,) = [form for form in ana.page.forms if form.action == "/sign-out"]
    ana.submit(form)
    assert "/signed-out?about=" in ana.url
    provider.service.deliver()
    keys = KeySet.import_key_set(rp.fetch_jwks())  # type: ignore[arg-type] # as it comes over the wire
    (claims,) = [jwt.decode(token, keys, algorithms=["RS256"]).claims for token in told.tokens]
    assert claims["sid"] == sid
