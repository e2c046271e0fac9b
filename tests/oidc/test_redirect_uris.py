"""Only registered addresses are sent anything (RFC 9700 4.1): near misses, unknown clients, loopback ports."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from accounts.core.errors import InvalidInput
from tests.oidc.kit import BrowserUser, Provider, RelyingParty

NEAR_MISSES = [
    *("", "/", "cb", "/cb", "//rp.example.org/cb", "https:/rp.example.org/cb", "https:rp.example.org/cb"),
    *(
        "http://rp.example.org/cb",
        "HTTPS://rp.example.org/cb",
        "https://RP.example.org/cb",
        "https://rp.example.org/CB",
    ),
    *(
        "https://rp.example.org/cb/",
        "https://rp.example.org//cb",
        "https://rp.example.org/cb?",
        "https://rp.example.org/cb#",
    ),
    *(
        "https://rp.example.org/cb?x=y",
        "https://rp.example.org/cb#x",
        "https://rp.example.org/cb;x",
        "https://rp.example.org/cb%20",
    ),
    *(
        "https://rp.example.org/%63b",
        "https://rp.example.org/./cb",
        "https://rp.example.org/a/../cb",
        "https://rp.example.org/cb/..",
    ),
    *(
        "https://rp.example.org:443/cb",
        "https://rp.example.org:/cb",
        "https://rp.example.org:8443/cb",
        "https://rp.example.org./cb",
    ),
    *("https://user@rp.example.org/cb", "https://rp.example.org@evil.example/cb", "https://evil.example/cb"),
    *(
        "https://evil.example/https://rp.example.org/cb",
        "https://rp.example.org.evil.example/cb",
        "https://rp.example.orgx/cb",
    ),
    *(
        "https://rp.example.org\\@evil.example/cb",
        "https://rp.example.org%2f@evil.example/cb",
        "https://evil.rp.example.org/cb",
    ),
    *(
        "https://rp.example.org/cb\n",
        " https://rp.example.org/cb",
        "https://rp.example.org/cb ",
        "https://rp.example.org/c",
        "javascript:alert(1)",
    ),
    *(
        "data:text/html,x",
        "https://rp.example.org",
        "https://rp。example.org/cb",
        "https://rp.example.org/cb\x00",
        "https://[::1]/cb",
    ),
]


def test_a_near_miss_of_an_address_is_sent_nobody_signed_in_or_not(provider: Provider, rp: RelyingParty) -> None:
    assert len(set(NEAR_MISSES)) >= 40
    ana = provider.person()
    for signed_in in (False, True):
        if signed_in:
            ana.log_in(rp)
        for uri in NEAR_MISSES:
            for response_type in ("code", "token"):
                asked = rp.authorization_url(redirect_uri=uri, response_type=response_type)
                assert ana.open(asked) is None, uri
                assert ana.response.status_code == 400, uri
                assert "Location" not in ana.response.headers
                assert "evil" not in ana.response.text


@pytest.mark.parametrize("client_id", ["", "nobody", "x" * 500, "\x00", "ü", "' OR 1=1 --"])
def test_an_unknown_client_is_sent_nobody(rp: RelyingParty, ana: BrowserUser, client_id: str) -> None:
    for prompt in (None, "none"):
        assert ana.open(rp.authorization_url(client_id=client_id, prompt=prompt)) is None
        assert ana.response.status_code == 400


def test_the_port_is_free_on_the_loopback_of_a_native_app_and_nowhere_else(
    provider: Provider, ana: BrowserUser
) -> None:
    uris = ["http://127.0.0.1/cb", "https://rp.example.org/cb"]
    native = provider.register(redirect_uris=uris, application_type="native", token_endpoint_auth_method="none")
    ana.log_in(native, redirect_uri="https://rp.example.org/cb")
    for port in ("", ":1", ":49152", ":65535"):
        landed = ana.open(native.authorization_url(redirect_uri=f"http://127.0.0.1{port}/cb"))
        assert landed is not None
        assert landed.endpoint == f"http://127.0.0.1{port}/cb"
    for uri in ("http://localhost:1/cb", "http://127.0.0.1:1/cb2", "http://127.0.0.1:x/cb", "http://127.0.0.2:1/cb"):
        assert ana.open(native.authorization_url(redirect_uri=uri)) is None, uri
    for port in ("0", "00", "080", "65536", "99999", "999999", "-1", "+1", "1 ", "\u0661"):
        assert ana.open(native.authorization_url(redirect_uri=f"http://127.0.0.1:{port}/cb")) is None, port
        assert ana.response.status_code == 400
    for uri in ("http://127.0.0.1:1@evil.example/cb", "https://rp.example.org:1/cb", "http://127.0.0.1:1/cb#x"):
        assert ana.open(native.authorization_url(redirect_uri=uri)) is None, uri


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_an_addressee_that_stands_there_twice_is_nobody(rp: RelyingParty, ana: BrowserUser, name: str) -> None:
    assert ana.open(f"{rp.authorization_url()}&{name}={quote(rp.id, safe='')}") is None
    assert ana.response.status_code == 400


@pytest.mark.parametrize("path", ["", "/", "/admin/apps/tried", "/oauth/authorize", "?x=y"])
@pytest.mark.parametrize("field", ["redirect_uris", "post_logout_redirect_uris"])
def test_no_app_is_registered_at_an_address_of_this_service(provider: Provider, field: str, path: str) -> None:
    own = provider.origin
    with pytest.raises(InvalidInput) as caught:
        provider.register(**{"redirect_uris": ["https://rp.example.org/cb"], field: [own + path]})
    assert [(each.field, each.code) for each in caught.value.fields] == [(field, "address")]
