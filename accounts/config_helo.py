"""Check the name that mail servers are told in EHLO."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator

_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*", re.ASCII)


def check_helo_name(value: str) -> str:
    """Return a name that EHLO may say: a domain, or an address in brackets (RFC 5321 4.1.1.1, 4.1.3).

    :raises ValueError: it is neither.
    """
    literal = re.fullmatch(r"\[(IPv6:)?([0-9A-Fa-f:.]+)\]", value)
    if literal is not None:
        try:
            address = ipaddress.ip_address(literal[2])
        except ValueError:
            address = None
        if address is not None and (address.version == 6) == bool(literal[1]):
            return value
    elif _DOMAIN.fullmatch(value) and not value.rpartition(".")[2].isdigit():
        return value
    raise ValueError(
        "must be a domain such as mail.example.org, or an address such as [192.0.2.7] or [IPv6:2001:db8::7]"
    )


HeloName = Annotated[str, AfterValidator(check_helo_name)]


def default_helo_name(host: str) -> str:
    """Return the name of a host as EHLO says it; an address goes into brackets."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
