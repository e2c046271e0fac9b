"""Check redirect addresses of apps on a device: a scheme of their own leads the browser to them (RFC 8252 7.1)."""

from __future__ import annotations

import re

from accounts.core.messages import N_
from accounts.core.security import client_uris
from accounts.core.security.client_uris import ClientUriRefused, parse_origin

NOT_NATIVE = N_("Only a native app can use a custom URL scheme.")
NOT_REVERSED = N_(
    "A custom URL scheme must be the reversed domain name of the app's publisher, such as com.example.app:/callback."
)
_SCHEME = re.compile(r"([a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+):", re.ASCII)
"""At least one dot: such names belong to somebody, and no browser and no system gives them a meaning of its own."""
_REST = re.compile(
    r"(?://[a-z0-9][a-z0-9._~-]*)?(?:/(?!/)[!$&-)+-;=?-Z_a-z~%]*)?(?:\?[!$&-)+-;=?-Z_a-z~%]*)?", re.ASCII
)
"""A path, or a host and what follows it; none of which is written otherwise when it is sent."""


def is_private_use(text: str) -> bool:
    """Return whether an address seems to be meant for an app on the device; a host with a port does not."""
    match = _SCHEME.match(text)
    return match is not None and text.startswith("/", match.end())


def check_native_uri(text: str, *, allow_http_on_loopback: bool) -> None:
    """Check an address that users of a native app are sent to: of the web, or with a scheme of its own.

    :raises ClientUriRefused: it may not be registered, and why.
    """
    if re.match(r"https?:", text) or "#" in text or "*" in text:
        client_uris.check_client_uri(text, allow_http_on_loopback=allow_http_on_loopback)
        return
    match = _SCHEME.match(text)
    if match is None and re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", text):
        raise ClientUriRefused(NOT_REVERSED)
    if match is None or not is_private_use(text) or len(text) > client_uris.MAX_URI_CHARACTERS:
        raise ClientUriRefused(client_uris.NOT_A_URI)
    authority = re.match(r"//([^/?]*)", text[match.end() :])
    if authority and "@" in authority[1]:
        raise ClientUriRefused(client_uris.HAS_USERINFO)
    if not _REST.fullmatch(text, match.end()):
        raise ClientUriRefused(client_uris.NOT_A_URI)


def check_web_uri(text: str, *, allow_http_on_loopback: bool) -> None:
    """Check an address that users of a web app are sent to.

    :raises ClientUriRefused: it may not be registered, and why.
    """
    if is_private_use(text):
        raise ClientUriRefused(NOT_NATIVE)
    client_uris.check_client_uri(text, allow_http_on_loopback=allow_http_on_loopback)


def form_target(uri: str) -> str:
    """Return what a policy of a page names so that its form may lead to a registered address (CSP 3, form-action)."""
    return parse_origin(uri) or f"{uri.partition(':')[0]}:"
