"""Decide which network addresses this service may connect to (OWASP: server-side request forgery)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

_IPV4_EMBEDDING_NETWORKS = ((IPv6Network("64:ff9b::/96"), 0), (IPv6Network("2002::/16"), 80))
"""IPv6 networks whose addresses lead to an IPv4 address (NAT64, 6to4), and how many bits stand behind that."""
_EXTRA_PRIVATE_NETWORKS = (IPv6Network("64:ff9b:1::/48"), IPv6Network("fec0::/10"), IPv6Network("::/8"))
"""Local translation, site-local and IPv4-compatible addresses, which older Pythons call global."""
LOOPBACK_NETWORKS: tuple[IpNetwork, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


class OutboundRefused(ValueError):
    """Raised for an address inside some private network, such as a database or a cloud's own services."""


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """What may be connected to beside the public internet.

    :ivar networks: private networks that the operator allows.
    """

    networks: tuple[IpNetwork, ...] = ()

    def permits(self, address: IpAddress) -> bool:
        """Return whether an address may be connected to."""
        effective = _effective_address(address)
        if any(effective in network for network in self.networks if network.version == effective.version):
            return True
        is_private = any(
            effective in network for network in _EXTRA_PRIVATE_NETWORKS if network.version == effective.version
        )
        return effective.is_global and not effective.is_multicast and not effective.is_reserved and not is_private


def resolve_host(host: str, port: int, policy: OutboundPolicy) -> Sequence[str]:
    """Return the addresses of a host, all of them allowed. Who connects must not ask a name server again.

    A name with an allowed and a forbidden address is somebody's trick: none of them is used.

    :raises OutboundRefused: at least one is not allowed.
    :raises OSError: there is no such host.
    """
    addresses = list(
        dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    )
    for text in addresses:
        # A scope ("%eth0") is of this machine's own links.
        if "%" in text or not policy.permits(ipaddress.ip_address(text)):
            raise OutboundRefused("it lies in a private network, which ACCOUNTS_CALL_NETWORKS does not allow")
    return addresses


def parse_networks(texts: Iterable[str]) -> tuple[IpNetwork, ...]:
    """Parse networks in CIDR notation.

    :raises ValueError: one of them is none.
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


def _effective_address(address: IpAddress) -> IpAddress:
    """Return the address that is reached in the end: the IPv4 address inside a mapped, NAT64 or 6to4 one."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, shift in _IPV4_EMBEDDING_NETWORKS:
        if address in network:
            return IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return address
