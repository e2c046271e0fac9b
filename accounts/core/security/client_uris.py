"""Check the addresses that clients are registered with. They are compared character by character later."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from urllib.parse import SplitResult, unquote, urlsplit

from accounts.config_origin import DEFAULT_PORTS, is_loopback, normalize_origin
from accounts.core.messages import N_

MAX_URI_CHARACTERS = 1000
_URI_CHARACTERS = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.ASCII)
"""Characters of RFC 3986, and none that a browser would change: no space, quote, backslash, or angle bracket."""
_NUMERIC_HOST = re.compile(r"(?:.*\.)?(?:0x[0-9a-f]*|[0-9]+)")
_DOT_SEGMENTS = re.compile(r"/(\.|%2e){1,2}(/|$)", re.IGNORECASE)

NOT_A_URI = N_("Enter a valid URL.")
NOT_HTTPS = N_("The URL must start with https://.")
NOT_HTTPS_OR_LOOPBACK = N_("The URL must start with https://, or with http:// on this machine only.")
HAS_FRAGMENT = N_("The URL can't contain a #.")
HAS_USERINFO = N_("The URL can't contain a user name or password.")
HAS_WILDCARD = N_("URLs must match exactly. Wildcards (*) are not supported.")
OWN_ADDRESS = N_("This URL belongs to this service. Enter the app's own URL.")
NOT_AN_ORIGIN = N_("Enter an origin without a path, such as https://wiki.example.org.")


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
    # Its origin stands in headers of ours; and a browser takes dots out of a path. At port 0 nobody listens.
    if parse_origin(text) is None or parts.port == 0 or _DOT_SEGMENTS.search(parts.path):
        raise ClientUriRefused(NOT_A_URI)
    # Browsers read 127.1, 0x7f000001 and 2130706433 as 127.0.0.1.
    if _NUMERIC_HOST.fullmatch(parts.hostname) and not _is_ip_address(parts.hostname):
        raise ClientUriRefused(NOT_A_URI)


def check_foreign(text: str, own_url: str) -> None:
    """Check that an accepted address is not one of this service: no code and no session's end is sent to ourselves.

    :param own_url: its public origin, and the path below which it is mounted, if any. What else a host app has at
        that origin is not ours.
    :raises ClientUriRefused: it leads here, however it is spelled.
    """
    own, other = urlsplit(own_url), urlsplit(text)
    if _canonical_origin(own) != _canonical_origin(other):
        return
    own_path, path = own.path.rstrip("/"), re.sub("/+", "/", unquote(other.path))
    if f"{path}/".startswith(f"{own_path}/"):
        raise ClientUriRefused(OWN_ADDRESS)


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


def _canonical_origin(parts: SplitResult) -> tuple[str, str, str]:
    """Return scheme, host and port, with one spelling for a host: all names of this very machine are one."""
    host = (parts.hostname or "").rstrip(".")
    with suppress(ValueError):
        host = str(ipaddress.ip_address(host))
    host = "localhost" if is_loopback(host) or host.endswith(".localhost") else host
    return parts.scheme, host, str(parts.port or DEFAULT_PORTS.get(parts.scheme, ""))


def _split_uri(text: str) -> SplitResult:
    if len(text) > MAX_URI_CHARACTERS or not _URI_CHARACTERS.fullmatch(text):
        raise ClientUriRefused(NOT_A_URI)
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        raise ClientUriRefused(NOT_A_URI) from None
    return parts


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _has_safe_scheme(parts: SplitResult, *, allow_http_on_loopback: bool) -> bool:
    if parts.scheme == "https":
        return True
    return allow_http_on_loopback and parts.scheme == "http" and is_loopback(parts.hostname or "")
