"""Addresses that other apps are registered with. They are compared letter by letter, so they are checked but once."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from accounts.config import DEFAULT_PORTS, ORIGIN, is_loopback
from accounts.core.errors import sentence

MAX_CHARACTERS = 1000
_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.ASCII)
"""Characters of RFC 3986, and none that a browser would change: no space, quote, backslash, or angle bracket."""
_DOTS = re.compile(r"/(\.|%2e){1,2}(/|$)", re.IGNORECASE)

UNREADABLE = sentence("That is not a web address.")
NOT_HTTPS = sentence("The address must begin with https://.")
NOT_HTTPS_OR_LOOPBACK = sentence("The address must begin with https://, or with http:// on this very machine.")
HAS_FRAGMENT = sentence("An address here has no #.")
HAS_USER = sentence("An address here has no user name or password.")
HAS_WILDCARD = sentence("Addresses are compared letter by letter: * means nothing here.")
NOT_AN_ORIGIN = sentence("That is not an origin such as https://wiki.example.org, without a path.")


class AddressFlaw(ValueError):
    """An address that an app may not be registered with. Its text is a public sentence."""


def check_address(text: str, *, plain_on_loopback: bool) -> None:
    """An address that people or messages are sent to.

    :param plain_on_loopback: whether ``http`` will do on this very machine, where nobody can listen in.
    :raises AddressFlaw: it may not be registered, and why.
    """
    if "*" in text:
        raise AddressFlaw(HAS_WILDCARD)
    if "#" in text:
        raise AddressFlaw(HAS_FRAGMENT)
    parts = _split(text)
    if parts.username is not None or parts.password is not None:
        raise AddressFlaw(HAS_USER)
    # As browsers write it: "HTTPS://A.example" would never be equal to what an app sends.
    if parts.hostname is None or not text.startswith(f"{parts.scheme}://{parts.netloc.lower()}"):
        raise AddressFlaw(UNREADABLE)
    if not _is_carried_safely(parts, plain_on_loopback=plain_on_loopback):
        raise AddressFlaw(NOT_HTTPS_OR_LOOPBACK if plain_on_loopback else NOT_HTTPS)
    # Its origin stands in headers of ours; and a browser takes dots out of a path.
    if origin_of(text) is None or _DOTS.search(parts.path):
        raise AddressFlaw(UNREADABLE)


def check_origin(text: str, *, plain_on_loopback: bool) -> str:
    """An origin, as browsers write it.

    :raises AddressFlaw: it is none, or may not be registered.
    """
    found = origin_of(text) if ORIGIN.fullmatch(text.lower()) else None
    if found is None:
        raise AddressFlaw(NOT_AN_ORIGIN)
    check_address(found, plain_on_loopback=plain_on_loopback)
    return found


def origin_of(text: str) -> str | None:
    """The origin of a web address, as browsers write it: lower case, without the port that the scheme has anyway."""
    start = re.match(r"[A-Za-z]{4,5}://[^/?#\\\s]*", text)
    found = ORIGIN.fullmatch(start[0].lower()) if start else None
    if found is None or int(found["port"] or 0) > 65535:
        return None
    port = found["port"] if found["port"] != DEFAULT_PORTS[found["scheme"]] else None
    return f"{found['scheme']}://{found['host']}" + (f":{port}" if port else "")


def _split(text: str) -> SplitResult:
    if len(text) > MAX_CHARACTERS or not _PLAIN.fullmatch(text):
        raise AddressFlaw(UNREADABLE)
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        raise AddressFlaw(UNREADABLE) from None
    return parts


def _is_carried_safely(parts: SplitResult, *, plain_on_loopback: bool) -> bool:
    if parts.scheme == "https":
        return True
    return plain_on_loopback and parts.scheme == "http" and is_loopback(parts.hostname or "")
