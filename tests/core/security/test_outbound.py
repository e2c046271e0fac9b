"""Which addresses may be called: the internet, and what the operator names; never what a stranger wants to reach."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from accounts.core.security.outbound import (
    LOOPBACK_NETWORKS,
    OutboundPolicy,
    OutboundRefused,
    parse_networks,
    resolve_host,
)

INSIDE = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "100::1", "fec0::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1"),
]
OUTSIDE = ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INSIDE)
def test_networks_of_ones_own_are_not_called(address: str) -> None:
    assert not OutboundPolicy().permits(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_addresses_of_the_internet_are_global(address: str) -> None:
    assert OutboundPolicy().permits(ipaddress.ip_address(address))


def test_what_the_operator_names_may_be_called_and_nothing_beside_it() -> None:
    allowed = OutboundPolicy(parse_networks(["10.1.0.0/16", "fd00::/8"]))
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::1"):
        assert allowed.permits(ipaddress.ip_address(address))
    for address in ("10.2.0.1", "192.168.0.1", "127.0.0.1", "fc00::1"):
        assert not allowed.permits(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "spelled", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "::1", "0"]
)
def test_no_spelling_of_this_machine_gets_by(spelled: str) -> None:
    try:
        found = resolve_host(spelled, 80, OutboundPolicy())
    except (OutboundRefused, OSError):
        return
    raise AssertionError(found)


def test_where_loopback_is_allowed_it_is_found() -> None:
    assert set(resolve_host("localhost", 80, OutboundPolicy(LOOPBACK_NETWORKS))) <= {"127.0.0.1", "::1"}


def test_a_name_with_one_forbidden_address_is_not_called_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name server is a stranger's; its answers are what is played here."""
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **how: answers)
    with pytest.raises(OutboundRefused):
        resolve_host("app.example.org", 443, OutboundPolicy())
    answers.pop()
    assert resolve_host("app.example.org", 443, OutboundPolicy()) == ["8.8.8.8"]
