"""What a request says about hosts and proxies: links come from the configuration alone, clients are counted right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.people import Service, make_email
from tests.servers.received import links

EVIL = "evil.example"
ORIGIN = "https://accounts.example.org"
MakeService = Callable[..., Service]
HOSTS: list[dict[str, Any]] = [
    {"headers": {"Host": EVIL}},
    {"headers": {"Host": f"{EVIL}:443"}},
    {"headers": {"Host": f"accounts.example.org@{EVIL}"}},
    {"headers": {"Host": f"accounts.example.org.{EVIL}"}},
    {"headers": {"Host": f"accounts.example.org:8000@{EVIL}"}},
    {"headers": {"Host": ""}},
    {"headers": {"Host": f"{EVIL}/path"}},
    {"headers": {"Host": "acc\u00f6unts"}},
    {"headers": {"X-Forwarded-Host": EVIL}},
    {"headers": {"X-Forwarded-Host": f"{EVIL}, accounts.example.org"}},
    {"headers": {"X-Forwarded-Proto": "javascript"}},
    {"headers": {"X-Forwarded-Port": "1"}},
    {"headers": {"X-Forwarded-Prefix": f"//{EVIL}"}},
    {"headers": {"Forwarded": f"for=1.2.3.4;host={EVIL};proto=http"}},
    {"headers": {"X-Original-Host": EVIL, "X-Host": EVIL, "X-Forwarded-Server": EVIL, "X-HTTP-Host-Override": EVIL}},
    {"headers": {"X-Original-URL": f"http://{EVIL}/", "X-Rewrite-URL": f"http://{EVIL}/"}},
    {"base_url": f"https://{EVIL}"},
    {"base_url": f"http://{EVIL}:81"},
    {"environ_overrides": {"REQUEST_URI": f"http://{EVIL}/api/sign-up", "RAW_URI": f"http://{EVIL}/api/sign-up"}},
    {"environ_overrides": {"SERVER_NAME": EVIL, "SERVER_PORT": "1"}},
]


@pytest.mark.parametrize("proxies", ["0", "1"])
def test_mailed_links_lead_to_the_configured_origin_whatever_a_request_says(
    make_service: MakeService, proxies: str
) -> None:
    service = make_service(public_origin=ORIGIN, trusted_proxies=proxies)
    mailed, known = 0, ""
    for number, how in enumerate(HOSTS):
        if number % 3 == 0:  # so many letters an hour go to one address
            known = service.member().email
        for path, email in (("sign-up", make_email()), ("forgot-password", known)):
            given = {"environ_overrides": {}, **how}
            given["environ_overrides"] = {**given["environ_overrides"], "REMOTE_ADDR": "192.0.2.1"}
            answer = service.app.test_client().post(f"/api/{path}", json={"email": email}, **given)
            assert answer.status_code in (202, 400), how
            for mail in service.mails_to(email):
                for url in links(mail.message):
                    mailed += 1
                    assert f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" == ORIGIN
                assert EVIL.encode() not in mail.raw
    assert mailed > len(HOSTS)


def test_redirects_are_paths_whatever_a_request_says_about_hosts(service: Service) -> None:
    for how in HOSTS:
        answer = service.app.test_client().get("/account", **how)
        assert answer.status_code in (303, 400), how
        if answer.status_code == 303:
            assert answer.headers["Location"].startswith("/sign-in"), how


def guesses(service: Service, addresses: list[str], peer: str = "192.0.2.1") -> list[int]:
    """Statuses of wrong guesses at one account, one for each X-Forwarded-For."""
    email = make_email("victim")
    client = service.app.test_client()
    data = {"email": email, "password": "not the password of anybody"}
    return [
        client.post(
            "/api/sign-in", json=data, headers={"X-Forwarded-For": given}, environ_base={"REMOTE_ADDR": peer}
        ).status_code
        for given in addresses
    ]


SPOOFED = [f"198.51.100.{number}" for number in range(12)]
ODD = [
    *(
        "unknown",
        "x" * 500,
        "1.2.3.4.5",
        "'",
        "::ffff:x",
        "-",
        "1",
        "1.2.3",
        "localhost",
        "_hidden",
        "0x7f.1",
        "é",
        "%00",
    ),
    *("1,2,3", "1.2.3.4 5.6.7.8", "fe80::1%eth0%"),
]


def test_without_trusted_proxies_forwarded_addresses_count_for_nothing(service: Service) -> None:
    assert guesses(service, SPOOFED) == [401] * 10 + [429] * 2


def test_behind_one_proxy_its_word_counts_and_what_a_client_put_before_does_not(make_service: MakeService) -> None:
    service = make_service(trusted_proxies="1")
    assert guesses(service, SPOOFED) == [401] * 12
    assert guesses(service, [f"{spoofed}, 203.0.113.5" for spoofed in SPOOFED]) == [401] * 10 + [429] * 2


def test_behind_two_proxies_the_second_from_the_right_counts(make_service: MakeService) -> None:
    service = make_service(trusted_proxies="2")
    assert guesses(service, [f"{spoofed}, 10.0.0.1" for spoofed in SPOOFED]) == [401] * 12
    spoofed = [f"{each}, 203.0.113.5, 10.0.0.1" for each in SPOOFED]
    assert guesses(service, spoofed) == [401] * 10 + [429] * 2


@pytest.mark.parametrize("proxies", ["0", "1"])
def test_forwarded_addresses_that_are_none_are_one_client_and_no_way_round_the_limit(
    make_service: MakeService, proxies: str
) -> None:
    assert guesses(make_service(trusted_proxies=proxies), ODD) == [401] * 10 + [429] * (len(ODD) - 10)


def test_addresses_of_one_ipv6_network_are_one_client(make_service: MakeService) -> None:
    service = make_service(trusted_proxies="1")
    assert guesses(service, [f"2001:db8:0:1::{number}" for number in range(12)]) == [401] * 10 + [429] * 2
    assert guesses(service, [f"2001:db8:0:{number}::1" for number in range(12)]) == [401] * 12
