"""Which addresses of the network this service may call by itself, and which would let a stranger reach inside."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_IPV4_INSIDE = ((IPv6Network("64:ff9b::/96"), 0), (IPv6Network("2002::/16"), 80))
"""IPv6 networks whose addresses lead to an IPv4 address (NAT64, 6to4), and how many bits stand behind that."""
_INSIDE = (IPv6Network("64:ff9b:1::/48"), IPv6Network("fec0::/10"), IPv6Network("::/8"))
"""Local translation, site-local and IPv4-compatible addresses, which older Pythons call global."""
LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


class NotAllowed(ValueError):
    """An address inside some network of its own, such as a database or a cloud's own services."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be called beside the public internet.

    :ivar networks: networks of one's own, by the operator's word.
    """

    networks: tuple[Network, ...] = ()

    def permits(self, address: Address) -> bool:
        """Whether an address may be called."""
        meant = _meant(address)
        if any(meant in network for network in self.networks if network.version == meant.version):
            return True
        inside = any(meant in network for network in _INSIDE if network.version == meant.version)
        return meant.is_global and not meant.is_multicast and not meant.is_reserved and not inside


def resolve(host: str, port: int, allowed: Allowed) -> Sequence[str]:
    """The addresses of a host, all of them allowed. Who connects takes one of these and asks no name server again.

    A name with an allowed and a forbidden address is somebody's trick: none of them is called.

    :raises NotAllowed: at least one may not be called.
    :raises OSError: there is no such host.
    """
    found = list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    for text in found:
        # A scope ("%eth0") is of this machine's own links.
        if "%" in text or not allowed.permits(ipaddress.ip_address(text)):
            raise NotAllowed("it lies in a private network, which ACCOUNTS_CALL_NETWORKS does not allow")
    return found


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks by their CIDR names.

    :raises ValueError: one of them is none.
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


def _meant(address: Address) -> Address:
    """The address that is reached in the end."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, behind in _IPV4_INSIDE:
        if address in network:
            return IPv4Address((int(address) >> behind) & 0xFFFFFFFF)
    return address
