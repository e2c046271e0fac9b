"""Calls to other programs, against real ones that misbehave."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from accounts import Settings
from accounts.core.outbox import Callback
from accounts.delivery.callbacks import HttpCaller
from accounts.delivery.transports import CarrierFailed, CarrierRefused
from tests.servers.certificates import Authority
from tests.servers.relying_party import RelyingParty, relying_party

FORM = {"logout_token": "a.b+c/d=&e"}


@pytest.fixture
def party() -> Iterator[RelyingParty]:
    with relying_party() as running:
        yield running


@pytest.fixture
def caller(settings: Callable[..., Settings]) -> HttpCaller:
    """As in development, with less patience."""
    return HttpCaller(settings(), connect_seconds=1, whole_seconds=1)


def to(address: str) -> Callback:
    return Callback(address, FORM, lambda uow, fate: None)


def test_a_call_is_one_post_of_a_form_and_nothing_else(party: RelyingParty, caller: HttpCaller) -> None:
    assert caller.call(to(party.address)) == "200"
    assert party.heard == [("POST", "/goodbye?house=one", {"logout_token": [FORM["logout_token"]]})]


def test_204_is_a_yes_too(party: RelyingParty, caller: HttpCaller) -> None:
    party.manner = "204"
    assert caller.call(to(party.address)) == "204"


@pytest.mark.parametrize("manner", ["400", "401", "404", "500", "503", "junk", "cut", "huge"])
def test_whatever_is_no_yes_is_tried_again(party: RelyingParty, caller: HttpCaller, manner: str) -> None:
    party.manner = manner
    with pytest.raises(CarrierFailed) as failed:
        caller.call(to(party.address))
    assert FORM["logout_token"] not in str(failed.value)


def test_a_redirect_is_not_followed(party: RelyingParty, caller: HttpCaller) -> None:
    party.manner = "redirect"
    with pytest.raises(CarrierRefused, match="redirects are not followed"):
        caller.call(to(party.address))
    assert len(party.heard) == 1


@pytest.mark.parametrize("manner", ["silent", "drip"])
def test_nobody_waits_for_ever(party: RelyingParty, caller: HttpCaller, manner: str) -> None:
    party.manner, began = manner, time.monotonic()
    with pytest.raises(CarrierFailed, match="TimeoutError"):
        caller.call(to(party.address))
    assert time.monotonic() - began < 5


def test_an_endless_body_is_not_read(party: RelyingParty, caller: HttpCaller) -> None:
    party.manner = "body"
    assert caller.call(to(party.address)) == "200"


def test_where_nobody_listens_it_is_tried_again(caller: HttpCaller) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(CarrierFailed, match="ConnectionRefusedError"):
            caller.call(to(f"http://127.0.0.1:{taken.getsockname()[1]}/"))


def test_a_name_that_is_nobodys_is_tried_again(caller: HttpCaller) -> None:
    with pytest.raises(CarrierFailed, match="gaierror"):
        caller.call(to("https://nobody.invalid/"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "0.0.0.1"])
def test_in_production_no_network_of_ones_own_is_called(
    settings: Callable[..., Settings], party: RelyingParty, host: str
) -> None:
    production = settings(env="production", public_origin="https://accounts.example.org")
    with pytest.raises(CarrierRefused, match="ACCOUNTS_CALL_NETWORKS"):
        HttpCaller(production, connect_seconds=1).call(to(f"http://{host}:{party.server_port}/"))
    assert party.heard == []


def test_what_the_operator_allows_is_called(settings: Callable[..., Settings], party: RelyingParty) -> None:
    allowed = settings(
        env="production", public_origin="https://accounts.example.org", call_networks="127.0.0.0/8, ::1/128"
    )
    assert HttpCaller(allowed).call(to(party.address)) == "200"


def test_the_name_is_looked_up_once_and_the_connection_goes_there(
    monkeypatch: pytest.MonkeyPatch, party: RelyingParty, caller: HttpCaller
) -> None:
    """The name server of a stranger, which says another address each time it is asked."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host: str, *more: object, **how: object) -> object:
        # Connecting to a number "looks it up" too, which asks nobody.
        if host != "rebinding.example.org":
            return real(host, *more, **how)  # type: ignore[arg-type] # handed on as it came
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, party.server_port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert caller.call(to(f"http://rebinding.example.org:{party.server_port}/")) == "200"
    assert asked == ["rebinding.example.org"]


def test_over_tls_the_certificate_and_the_name_in_it_are_verified(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    trusting, strange = HttpCaller(settings(), cafile=authority.certificate), HttpCaller(settings())
    with relying_party(authority.server_context("localhost")) as party:
        assert trusting.call(to(party.address)) == "200"
        with pytest.raises(CarrierFailed, match="SSLCertVerificationError"):
            strange.call(to(party.address))
        with pytest.raises(CarrierFailed, match="SSLCertVerificationError"):
            trusting.call(to(party.address.replace("localhost", "127.0.0.1")))
    with relying_party(authority.server_context("localhost", expires_in=timedelta(hours=-1))) as party:
        with pytest.raises(CarrierFailed, match="SSLCertVerificationError"):
            trusting.call(to(party.address))
        assert party.heard == []
