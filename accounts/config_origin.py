"""Read origins (RFC 6454): scheme, host and port."""

from __future__ import annotations

import ipaddress
import re

ORIGIN_PATTERN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(?P<port>0|[1-9][0-9]{0,4}))?/?",
    re.ASCII,
)
MAX_PORT = 65535

DEFAULT_PORTS = {"http": "80", "https": "443"}


def is_loopback(host: str) -> bool:
    """Whether a host name or address literal can only mean this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def normalize_origin(text: str) -> str | None:
    """Return an origin as browsers write it: lower case, without the default port; None where it is no origin."""
    match = ORIGIN_PATTERN.fullmatch(text.lower())
    if match is None or int(match["port"] or 0) > MAX_PORT:
        return None
    port = match["port"] if match["port"] != DEFAULT_PORTS[match["scheme"]] else None
    return f"{match['scheme']}://{match['host']}" + (f":{port}" if port else "")
