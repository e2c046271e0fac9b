"""Config OP (``oidcc-config-certification-test-plan``), the keys, and the useful modules outside the plans."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
import time_machine
from joserfc.jwk import KeySet
from sqlalchemy import delete

from accounts.core.clock import now
from accounts.core.models.apps import OidcKey
from accounts.flows.oidc import signing_key_rotation, signing_keys
from accounts.flows.oidc.signing_keys import EMERGENCY_PUBLISH_AHEAD, PUBLISH_AHEAD, RETIRED_KEY_RETENTION
from tests.oidc.kit import Provider, Tokens
from tests.oidc.levels import SHOULD, module

Should = Callable[[object, str], None]
KNOWN = {
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "acr_values_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported",
    "display_values_supported",
    "claim_types_supported",
    "claims_supported",
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_request_uri_registration",
    "ui_locales_supported",
    "claims_locales_supported",
    "revocation_endpoint",
    "revocation_endpoint_auth_methods_supported",
    "introspection_endpoint",
    "introspection_endpoint_auth_methods_supported",
    "end_session_endpoint",
    "code_challenge_methods_supported",
    "prompt_values_supported",
    "authorization_response_iss_parameter_supported",
    "backchannel_logout_supported",
    "backchannel_logout_session_supported",
}
"""Members of Discovery 1.0, RFC 8414, RFC 9207, Prompt Create, and the logout specifications."""


@module("oidcc-discovery-endpoint-verification", plan="config")
def test_the_discovery_document_is_whole(provider: Provider, should: Should) -> None:
    url = f"{provider.origin}/.well-known/openid-configuration"
    answer = requests.get(url, verify=provider.ca, timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    data: dict[str, Any] = answer.json()
    assert data["issuer"] == provider.origin
    assert "code" in data["response_types_supported"]
    assert data["subject_types_supported"] == ["public"]
    assert "RS256" in data["id_token_signing_alg_values_supported"]
    urls = {name: value for name, value in data.items() if name.endswith("_endpoint") or name == "jwks_uri"}
    assert len(urls) == 7
    assert all(value.startswith(f"{provider.origin}/") for value in urls.values())
    assert data["code_challenge_methods_supported"] == ["S256"]
    assert data["grant_types_supported"]
    assert data["request_parameter_supported"] is False
    assert data["request_uri_parameter_supported"] is False
    algs = [alg for name, values in data.items() if name.endswith("_alg_values_supported") for alg in values]
    assert "none" not in algs
    should("openid" in data["scopes_supported"], "scopes_supported lacks openid")
    should("sub" in data["claims_supported"], "claims_supported lacks sub")
    should(set(data) <= KNOWN, f"unknown members: {set(data) - KNOWN}")
    should("userinfo_endpoint" in data, "userinfo_endpoint is missing")


@module("oidcc-discovery-endpoint-verification", plan="config")
def test_the_published_keys_are_public_and_usable(provider: Provider) -> None:
    answer = requests.get(f"{provider.origin}/oauth/jwks", verify=provider.ca, timeout=30)
    keys = answer.json()["keys"]
    assert {key["alg"] for key in keys} == {"RS256", "ES256", "EdDSA"}
    assert len({key["kid"] for key in keys}) == len(keys)
    assert all(key["use"] == "sig" for key in keys)
    assert not {"d", "p", "q", "dp", "dq", "qi", "k", "oth"} & {name for key in keys for name in key}
    assert len(KeySet.import_key_set(answer.json()).keys) == len(keys)
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example;proto=http"}],
)
def test_discovery_does_not_depend_on_what_the_asker_says(provider: Provider, headers: dict[str, str]) -> None:
    url = f"{provider.origin}/.well-known/openid-configuration"
    assert requests.get(url, verify=provider.ca, headers=headers, timeout=30).json() == provider.fetch_metadata()


@module("oidcc-idtoken-rs256", plan="dynamic")
def test_an_id_token_of_each_algorithm_verifies(provider: Provider) -> None:
    ana = provider.person()
    for alg in ("RS256", "ES256", "EdDSA"):
        rp = provider.register(id_token_signed_response_alg=alg)
        tokens = rp.tokens(ana.log_in(rp))
        assert tokens.header["alg"] == alg
        assert tokens.claims["aud"] == rp.id
        assert tokens.claims["at_hash"]


@module("oidcc-userinfo-rs256", "SKIP", plan="dynamic")
def test_signed_userinfo_is_not_offered(provider: Provider) -> None:
    assert "userinfo_signing_alg_values_supported" not in provider.fetch_metadata()
    pytest.skip("userinfo is JSON only")


@module("oidcc-redirect-uri-query-mismatch", plan="dynamic")
@module("oidcc-redirect-uri-query-added", plan="dynamic")
def test_a_query_that_was_not_registered_is_refused(provider: Provider) -> None:
    rp = provider.register(redirect_uris=["https://rp.example.org/cb?foo=bar"])
    ana = provider.person()
    for uri in ("?foo=baz", "?foo=bar&x=y", "", "?", "?foo", "?FOO=bar"):
        assert ana.open(rp.authorization_url(redirect_uri=f"https://rp.example.org/cb{uri}")) is None
        assert ana.response.status_code == 400, uri


@module("oidcc-ensure-redirect-uri-in-authorization-request", plan="dynamic")
def test_an_address_must_be_named(provider: Provider) -> None:
    ana = provider.person()
    for uris in (["https://rp.example.org/cb"], ["https://rp.example.org/cb", "https://rp.example.org/two"]):
        rp = provider.register(redirect_uris=uris)
        assert ana.open(rp.authorization_url(redirect_uri=None)) is None
        assert ana.response.status_code == 400


@module("oidcc-server-rotate-keys", SHOULD, plan="dynamic")
def test_a_new_key_is_published_before_it_signs_and_the_old_one_is_kept(provider: Provider) -> None:
    rp, ana = provider.register(), provider.person()
    first = rp.tokens(ana.log_in(rp))
    before = {key["kid"] for key in rp.fetch_jwks()["keys"]}
    made = signing_key_rotation.rotate_signing_keys(provider.service.uow(), ["RS256"])
    after = {key["kid"] for key in rp.fetch_jwks()["keys"]}
    assert after - before == {made[0].id}
    assert before < after
    assert signing_key_rotation.rotate_signing_keys(provider.service.uow(), ["RS256"]) == [], (
        "one waits for its turn already"
    )
    old = first.header["kid"]
    assert rp.tokens(ana.log_in(rp)).header["kid"] == old
    with time_machine.travel(time.time() + (PUBLISH_AHEAD + timedelta(seconds=5)).total_seconds()):
        bea = provider.person("bea")
        later = rp.tokens(bea.log_in(rp))
        assert later.header["kid"] == made[0].id
        assert first.claims["sub"], "what the old key has signed verifies still"
    with time_machine.travel(
        time.time() + (PUBLISH_AHEAD + RETIRED_KEY_RETENTION + timedelta(minutes=1)).total_seconds()
    ):
        provider.service.site.get(signing_keys.SigningKeys).invalidate()
        assert old not in {key["kid"] for key in rp.fetch_jwks()["keys"]}
    provider.service.site.get(signing_keys.SigningKeys).invalidate()


def test_a_key_that_somebody_else_holds_is_dropped_and_replaced(provider: Provider) -> None:
    rp, ana = provider.register(id_token_signed_response_alg="ES256"), provider.person()
    first = rp.tokens(ana.log_in(rp))
    uow = provider.service.uow()
    signing_key_rotation.rotate_signing_keys(uow, ["ES256"], ahead=EMERGENCY_PUBLISH_AHEAD)
    signing_key_rotation.drop_signing_key(uow, first.header["kid"])
    second = rp.tokens(ana.log_in(rp))
    assert second.claims["sub"] == ana_id(first)
    assert first.response["id_token"].split(".")[0] not in second.id_token
    landed = ana.open(rp.authorization_url(prompt="none", id_token_hint=first.id_token))
    assert landed is not None
    assert landed.parameters["error"] == "invalid_request", "nothing that it signed is believed"


def states(provider: Provider, alg: str) -> list[tuple[str, str]]:
    rows = [row for row in signing_keys.list_published_keys(provider.service.uow()) if row.alg == alg]
    return [(row.id, signing_key_rotation.signing_key_state(row, rows)) for row in rows]


@pytest.fixture
def _one_key(provider: Provider) -> Iterator[None]:
    """Whatever other tests have made, there is one EdDSA key."""

    def anew() -> None:
        with provider.service.uow() as uow:
            uow.session.execute(delete(OidcKey).where(OidcKey.alg == "EdDSA"))
        signing_key_rotation.rotate_signing_keys(provider.service.uow(), ["EdDSA"])

    anew()
    yield
    anew()


@pytest.mark.usefixtures("_one_key")
def test_a_key_that_waits_takes_the_place_of_one_that_is_dropped(provider: Provider) -> None:
    """It is known to every app by then; one that is made at that moment is known to nobody."""
    rp, ana = provider.register(id_token_signed_response_alg="EdDSA"), provider.person()
    first = rp.tokens(ana.log_in(rp)).header["kid"]
    (waiting,) = signing_key_rotation.rotate_signing_keys(provider.service.uow(), ["EdDSA"])
    signing_key_rotation.drop_signing_key(provider.service.uow(), first)
    assert states(provider, "EdDSA") == [(waiting.id, "signs")]
    assert rp.tokens(ana.log_in(rp)).header["kid"] == waiting.id


@pytest.mark.usefixtures("_one_key")
def test_the_key_before_takes_the_place_of_one_that_is_dropped_and_goes_on(provider: Provider) -> None:
    rp, ana = provider.register(id_token_signed_response_alg="EdDSA"), provider.person()
    first = rp.tokens(ana.log_in(rp)).header["kid"]
    (second,) = signing_key_rotation.rotate_signing_keys(provider.service.uow(), ["EdDSA"])
    with time_machine.travel(time.time() + (PUBLISH_AHEAD + timedelta(days=1)).total_seconds()):
        bea = provider.person("bea")
        signing_key_rotation.drop_signing_key(provider.service.uow(), second.id)
        assert rp.tokens(bea.log_in(rp)).header["kid"] == first
    with time_machine.travel(
        time.time() + (PUBLISH_AHEAD + RETIRED_KEY_RETENTION + timedelta(days=1)).total_seconds()
    ):
        provider.service.site.get(signing_keys.SigningKeys).invalidate()
        assert states(provider, "EdDSA") == [(first, "signs")], "it signs, so it does not cease to be published"
    provider.service.site.get(signing_keys.SigningKeys).invalidate()


@pytest.mark.usefixtures("_one_key")
def test_a_key_that_is_dropped_while_it_waits_leaves_the_one_that_signs_alone(provider: Provider) -> None:
    rp, ana = provider.register(id_token_signed_response_alg="EdDSA"), provider.person()
    first = rp.tokens(ana.log_in(rp)).header["kid"]
    (waiting,) = signing_key_rotation.rotate_signing_keys(provider.service.uow(), ["EdDSA"])
    signing_key_rotation.drop_signing_key(provider.service.uow(), waiting.id)
    with time_machine.travel(
        time.time() + (PUBLISH_AHEAD + RETIRED_KEY_RETENTION + timedelta(days=1)).total_seconds()
    ):
        assert states(provider, "EdDSA") == [(first, "signs")]


@pytest.mark.usefixtures("_one_key")
def test_who_cannot_wait_brings_a_waiting_key_forward(provider: Provider) -> None:
    rp, ana = provider.register(id_token_signed_response_alg="EdDSA"), provider.person()
    rp.tokens(ana.log_in(rp))
    (waiting,) = signing_key_rotation.rotate_signing_keys(provider.service.uow(), ["EdDSA"])
    (again,) = signing_key_rotation.rotate_signing_keys(
        provider.service.uow(), ["EdDSA"], ahead=EMERGENCY_PUBLISH_AHEAD
    )
    assert again.id == waiting.id
    assert again.not_before <= now() + EMERGENCY_PUBLISH_AHEAD
    assert (
        signing_key_rotation.rotate_signing_keys(provider.service.uow(), ["EdDSA"], ahead=EMERGENCY_PUBLISH_AHEAD)
        == []
    )
    with time_machine.travel(time.time() + (EMERGENCY_PUBLISH_AHEAD + timedelta(seconds=5)).total_seconds()):
        assert states(provider, "EdDSA")[-1] == (waiting.id, "signs")


def ana_id(tokens: Tokens) -> str:
    found = tokens.rp.userinfo(tokens.access).json()["sub"]
    assert isinstance(found, str)
    return found


def test_a_private_key_follows_the_secret_ring(provider: Provider) -> None:
    from accounts.core.signing import encryption
    from accounts.core.signing.keys import KeyRing
    from tests.conftest import KEY

    new = "Zr7Lw2Qz9Bn4Vt6Ym1Kc8Pd5Hs3Jf0Ga-newer"
    sealed = encryption.encrypt(KeyRing([KEY]), "use", "text")
    assert encryption.decrypt(KeyRing([KEY, new]), "use", sealed) == "text"
    assert encryption.needs_reencryption(KeyRing([KEY, new]), sealed)
    assert not encryption.needs_reencryption(KeyRing([KEY]), sealed)
    for ring, use, text in (([new], "use", sealed), ([KEY], "other", sealed), ([KEY], "use", sealed[:-4] + "AAAA")):
        with pytest.raises(encryption.DecryptionFailed):
            encryption.decrypt(KeyRing(ring), use, text)
    with provider.service.site.store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT sealed FROM oidc_keys").all()
    assert all('"d"' not in row[0] for row in rows)
