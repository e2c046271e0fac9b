"""Addresses of apps: what may be registered, and what never."""

from __future__ import annotations

import pytest

from accounts.core.security import client_uris
from accounts.core.security.client_uris import (
    ClientUriRefused,
    check_client_uri,
    check_foreign,
    check_origin,
    parse_origin,
)

GOOD = [
    "https://app.example.org/callback",
    "https://app.example.org",
    "https://app.example.org:8443/a/b?dummy1=lorem&dummy2=ipsum",
    "https://xn--mller-kva.example/cb",
    "https://[2001:db8::1]/cb",
    "https://app.example.org/a%20b/~me/(x);y=1,2'!$&*".replace("*", ""),
]
LOCAL = ["http://127.0.0.1:9000/cb", "http://localhost/cb", "http://[::1]:9000/cb"]
BAD = {
    "": client_uris.NOT_A_URI,
    "app.example.org/cb": client_uris.NOT_A_URI,
    "/cb": client_uris.NOT_A_URI,
    "//app.example.org/cb": client_uris.NOT_A_URI,
    "https:///cb": client_uris.NOT_A_URI,
    "https:app.example.org": client_uris.NOT_A_URI,
    "HTTPS://app.example.org/cb": client_uris.NOT_A_URI,
    "https://App.example.org/cb": client_uris.NOT_A_URI,
    "https://app.example.org/c b": client_uris.NOT_A_URI,
    "https://app.example.org/cb\n": client_uris.NOT_A_URI,
    "https://app.example.org\\@evil.example/": client_uris.NOT_A_URI,
    "https://app.example.org/ü": client_uris.NOT_A_URI,
    'https://app.example.org/"': client_uris.NOT_A_URI,
    "https://app.example.org/<script>": client_uris.NOT_A_URI,
    "https://app.example.org:99999/cb": client_uris.NOT_A_URI,
    "https://app.example.org:port/cb": client_uris.NOT_A_URI,
    "https://[::1/cb": client_uris.NOT_A_URI,
    "https://app.example.org:0/cb": client_uris.NOT_A_URI,
    "https://app.example.org:08443/cb": client_uris.NOT_A_URI,
    "https://app.example.org:65536/cb": client_uris.NOT_A_URI,
    "https://app.example.org./cb": client_uris.NOT_A_URI,
    "https://127.1/cb": client_uris.NOT_A_URI,
    "https://0x7f000001/cb": client_uris.NOT_A_URI,
    "https://2130706433/cb": client_uris.NOT_A_URI,
    "https://app.example.org/" + "a" * 1000: client_uris.NOT_A_URI,
    "https://app.example.org/cb#": client_uris.HAS_FRAGMENT,
    "https://app.example.org/cb#done": client_uris.HAS_FRAGMENT,
    "https://me@app.example.org/cb": client_uris.HAS_USERINFO,
    "https://me:pw@app.example.org/cb": client_uris.HAS_USERINFO,
    "https://@app.example.org/cb": client_uris.HAS_USERINFO,
    "https://*.example.org/cb": client_uris.HAS_WILDCARD,
    "https://app.example.org/*": client_uris.HAS_WILDCARD,
    "http://app.example.org/cb": client_uris.NOT_HTTPS,
    "http://127.0.0.1:9000/cb": client_uris.NOT_HTTPS,
    "javascript://app.example.org/%0aalert(1)": client_uris.NOT_HTTPS,
    "ftp://app.example.org/cb": client_uris.NOT_HTTPS,
}


@pytest.mark.parametrize("address", GOOD)
def test_a_proper_address_is_taken(address: str) -> None:
    check_client_uri(address, allow_http_on_loopback=False)
    check_client_uri(address, allow_http_on_loopback=True)


@pytest.mark.parametrize("address", LOCAL)
def test_plain_http_is_for_this_very_machine_where_that_is_allowed(address: str) -> None:
    check_client_uri(address, allow_http_on_loopback=True)
    with pytest.raises(ClientUriRefused):
        check_client_uri(address, allow_http_on_loopback=False)


@pytest.mark.parametrize("address", BAD, ids=repr)
def test_what_is_no_address_for_an_app_is_refused_and_says_why(address: str) -> None:
    with pytest.raises(ClientUriRefused) as refused:
        check_client_uri(address, allow_http_on_loopback=False)
    assert str(refused.value) == BAD[address]


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1.evil.example/cb", "http://localhost.evil.example/", "http://0.0.0.0/", "http://10.0.0.1/cb"],
)
def test_what_only_looks_like_this_machine_is_not_it(address: str) -> None:
    with pytest.raises(ClientUriRefused):
        check_client_uri(address, allow_http_on_loopback=True)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://wiki.example.org", "https://wiki.example.org"),
        ("https://WIKI.example.org:443/", "https://wiki.example.org"),
        ("https://wiki.example.org:8443", "https://wiki.example.org:8443"),
        ("https://wiki.example.org/page?x=1#y", "https://wiki.example.org"),
        ("http://[::1]:80/", "http://[::1]"),
        ("https://wiki.example.org\\.evil.example", "https://wiki.example.org"),
        ("https://me@wiki.example.org", None),
        ("https://wiki.example.org:99999", None),
        ("https://", None),
        ("wiki.example.org", None),
        ("ftp://wiki.example.org", None),
        ("https://wiki,evil.example", None),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(address: str, origin: str | None) -> None:
    assert parse_origin(address) == origin


def test_an_origin_to_register_has_no_path() -> None:
    assert check_origin("https://Wiki.example.org:443/", allow_http_on_loopback=False) == "https://wiki.example.org"
    for wrong in (
        "https://wiki.example.org/wiki",
        "https://wiki.example.org?x",
        "http://wiki.example.org",
        "https:/",
    ):
        with pytest.raises(ClientUriRefused):
            check_origin(wrong, allow_http_on_loopback=False)


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ("https://id.example.org", "https://id.example.org"),
        ("https://id.example.org", "https://id.example.org/admin/apps/tried"),
        ("https://id.example.org", "https://id.example.org/oauth/authorize?x=y"),
        ("https://id.example.org", "https://id.example.org?next=/"),
        ("https://id.example.org", "https://id.example.org:443/"),
        ("https://id.example.org", "https://ID.example.org/"),
        ("https://id.example.org", "https://id.example.org./"),
        ("https://id.example.org", "https://me@id.example.org/"),
        ("https://id.example.org:8443", "https://id.example.org:8443/cb"),
        ("https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example/cb"),
        ("https://[2001:db8::1]", "https://[2001:0db8:0::0001]/cb"),
        ("http://127.0.0.1:8000", "http://localhost:8000/oauth/authorize"),
        ("http://127.0.0.1:8000", "http://[::1]:8000/oauth/authorize"),
        ("http://localhost:8000", "http://127.0.0.2:8000/"),
        ("http://localhost:8000", "http://me.localhost:8000/"),
        ("https://example.org/auth", "https://example.org/auth"),
        ("https://example.org/auth", "https://example.org/auth/admin/apps/tried"),
        ("https://example.org/auth", "https://example.org//auth/oauth/authorize"),
        ("https://example.org/auth", "https://example.org/%61uth/oauth/authorize"),
    ],
)
def test_an_address_of_this_service_is_not_one_of_an_app(own: str, text: str) -> None:
    with pytest.raises(ClientUriRefused, match="belongs to this service"):
        check_foreign(text, own)


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ("https://id.example.org", "https://wiki.example.org/cb"),
        ("https://id.example.org", "https://id.example.org.example/cb"),
        ("https://id.example.org", "https://id.example.org:8443/cb"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:9000/cb"),
        ("http://127.0.0.1:8000", "http://localhost/cb"),
        ("https://example.org/auth", "https://example.org/wiki/cb"),
        ("https://example.org/auth", "https://example.org/authors"),
    ],
)
def test_what_is_beside_this_service_may_be_an_app(own: str, text: str) -> None:
    check_foreign(text, own)
