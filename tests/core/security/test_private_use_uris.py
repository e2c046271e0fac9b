"""Redirect addresses with a scheme of the app's own (RFC 8252 7.1): for native apps, and nobody else's."""

from __future__ import annotations

import pytest
from werkzeug.urls import iri_to_uri

from accounts.core.security import client_uris, private_use_uris
from accounts.core.security.client_uris import ClientUriRefused
from accounts.core.security.private_use_uris import check_native_uri, check_web_uri, form_target

GOOD = [
    "com.example.app:/cb",
    "com.example.app:/",
    "com.example.app://cb",
    "com.example.app://oauth/callback?from=accounts",
    "com.example-two.my-app:/oauth2redirect/example-provider",
    "com.googleusercontent.apps.123-abc:/oauth2redirect",
    "io.identityserver.demo:/oauthredirect",
    "app.immich:///oauth-callback".replace("///", "//"),
    "org.x1:/a%20b;c=1?x=%2F&y=~'()",
]
BAD = {
    "": client_uris.NOT_A_URI,
    "com.example.app": client_uris.NOT_A_URI,
    "com.example.app:": client_uris.NOT_A_URI,
    "com.example.app:cb": client_uris.NOT_A_URI,
    "com.example.app:8443/cb": client_uris.NOT_A_URI,
    "com.example.app://": client_uris.NOT_A_URI,
    "com.example.app:///cb": client_uris.NOT_A_URI,
    "com.example.app:// cb": client_uris.NOT_A_URI,
    "com.example.app:/c b": client_uris.NOT_A_URI,
    "com.example.app:/cb\n": client_uris.NOT_A_URI,
    'com.example.app:/"': client_uris.NOT_A_URI,
    "com.example.app:/<b>": client_uris.NOT_A_URI,
    "com.example.app:/ü": client_uris.NOT_A_URI,
    "com.example.app:\\cb": client_uris.NOT_A_URI,
    "com.example.app:/" + "a" * 1000: client_uris.NOT_A_URI,
    "com.example.app://me@cb": client_uris.HAS_USERINFO,
    "com.example.app:/cb#x": client_uris.HAS_FRAGMENT,
    "com.example.app:/*": client_uris.HAS_WILDCARD,
    "COM.example.app:/cb": private_use_uris.NOT_REVERSED,
    "myapp:/cb": private_use_uris.NOT_REVERSED,
    "myapp://cb": private_use_uris.NOT_REVERSED,
    ".app:/cb": client_uris.NOT_A_URI,
    "com..app:/cb": private_use_uris.NOT_REVERSED,
    "com.:/cb": private_use_uris.NOT_REVERSED,
    "javascript:/alert(1)": private_use_uris.NOT_REVERSED,
    "javascript:alert(1)": client_uris.NOT_A_URI,
    "data:text/html,x": client_uris.NOT_A_URI,
    "file:///etc/passwd": private_use_uris.NOT_REVERSED,
    "intent://x": private_use_uris.NOT_REVERSED,
    "urn:ietf:wg:oauth:2.0:oob": client_uris.NOT_A_URI,
    "http://app.example.org/cb": client_uris.NOT_HTTPS_OR_LOOPBACK,
    "https:/app.example.org/cb": client_uris.NOT_A_URI,
}


@pytest.mark.parametrize("address", GOOD)
def test_a_scheme_of_its_own_is_for_a_native_app_and_sent_as_it_is_written(address: str) -> None:
    check_native_uri(address, allow_http_on_loopback=True)
    assert iri_to_uri(f"{address}?code=x") == f"{address}?code=x"
    assert form_target(address) == f"{address.partition(':')[0]}:"
    with pytest.raises(ClientUriRefused) as refused:
        check_web_uri(address, allow_http_on_loopback=True)
    assert str(refused.value) == private_use_uris.NOT_NATIVE


@pytest.mark.parametrize("address", BAD, ids=repr)
def test_what_may_mean_something_to_somebody_else_is_refused_and_says_why(address: str) -> None:
    with pytest.raises(ClientUriRefused) as refused:
        check_native_uri(address, allow_http_on_loopback=True)
    assert str(refused.value) == BAD[address]


def test_addresses_of_the_web_are_as_good_for_native_apps() -> None:
    for address in ("https://app.example.org/cb", "http://127.0.0.1/cb", "http://[::1]:9000/cb"):
        check_native_uri(address, allow_http_on_loopback=True)
        check_web_uri(address, allow_http_on_loopback=True)
    assert form_target("https://app.example.org/cb?x") == "https://app.example.org"
