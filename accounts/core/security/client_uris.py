"""Check the addresses that clients are registered with. They are compared character by character later."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from accounts.config_origin import is_loopback, normalize_origin
from accounts.core.errors import N_

MAX_URI_CHARACTERS = 1000
_URI_CHARACTERS = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.ASCII)
"""Characters of RFC 3986, and none that a browser would change: no space, quote, backslash, or angle bracket."""
_DOT_SEGMENTS = re.compile(r"/(\.|%2e){1,2}(/|$)", re.IGNORECASE)

NOT_A_URI = N_("That is not a web address.")
NOT_HTTPS = N_("The address must begin with https://.")
NOT_HTTPS_OR_LOOPBACK = N_("The address must begin with https://, or with http:// on this very machine.")
HAS_FRAGMENT = N_("An address here has no #.")
HAS_USERINFO = N_("An address here has no user name or password.")
HAS_WILDCARD = N_("Addresses are compared letter by letter: * means nothing here.")
NOT_AN_ORIGIN = N_("That is not an origin such as https://wiki.example.org, without a path.")


class ClientUriRefused(ValueError):
    """Raised for an address that a client may not be registered with. Its text is a public message."""


def check_client_uri(text: str, *, allow_http_on_loopback: bool) -> None:
    """Check an address that users or callbacks are sent to.

    :param allow_http_on_loopback: whether ``http`` is accepted on this very machine, where nobody can listen in.
    :raises ClientUriRefused: it may not be registered, and why.
    """
    if "*" in text:
        raise ClientUriRefused(HAS_WILDCARD)
    if "#" in text:
        raise ClientUriRefused(HAS_FRAGMENT)
    parts = _split_uri(text)
    if parts.username is not None or parts.password is not None:
        raise ClientUriRefused(HAS_USERINFO)
    # As browsers write it: "HTTPS://A.example" would never be equal to what an app sends.
    if parts.hostname is None or not text.startswith(f"{parts.scheme}://{parts.netloc.lower()}"):
        raise ClientUriRefused(NOT_A_URI)
    if not _has_safe_scheme(parts, allow_http_on_loopback=allow_http_on_loopback):
        raise ClientUriRefused(NOT_HTTPS_OR_LOOPBACK if allow_http_on_loopback else NOT_HTTPS)
    # Its origin stands in headers of ours; and a browser takes dots out of a path.
    if parse_origin(text) is None or _DOT_SEGMENTS.search(parts.path):
        raise ClientUriRefused(NOT_A_URI)


def check_origin(text: str, *, allow_http_on_loopback: bool) -> str:
    """Return an origin as browsers write it (RFC 6454).

    :raises ClientUriRefused: it is none, or may not be registered.
    """
    origin = normalize_origin(text)
    if origin is None:
        raise ClientUriRefused(NOT_AN_ORIGIN)
    check_client_uri(origin, allow_http_on_loopback=allow_http_on_loopback)
    return origin


def parse_origin(text: str) -> str | None:
    """Return the origin of a web address as browsers write it: lower case, without the default port of its scheme."""
    prefix = re.match(r"[A-Za-z]{4,5}://[^/?#\\\s]*", text)
    return normalize_origin(prefix[0]) if prefix else None


def _split_uri(text: str) -> SplitResult:
    if len(text) > MAX_URI_CHARACTERS or not _URI_CHARACTERS.fullmatch(text):
        raise ClientUriRefused(NOT_A_URI)
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        raise ClientUriRefused(NOT_A_URI) from None
    return parts


def _has_safe_scheme(parts: SplitResult, *, allow_http_on_loopback: bool) -> bool:
    if parts.scheme == "https":
        return True
    return allow_http_on_loopback and parts.scheme == "http" and is_loopback(parts.hostname or "")
