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
from accounts.delivery.callbacks import HttpCallbackSender
from accounts.delivery.transports import PermanentFailure, TransientFailure
from tests.servers.certificates import Authority
from tests.servers.relying_party import RelyingParty, relying_party

FORM = {"logout_token": "a.b+c/d=&e"}


SECONDS_ON_A_LOADED_MACHINE = 20
"""More than a second, which is what the sender waits, and less than the app takes to end of itself."""


@pytest.fixture
def party() -> Iterator[RelyingParty]:
    with relying_party() as running:
        yield running


@pytest.fixture
def caller(settings: Callable[..., Settings]) -> HttpCallbackSender:
    """As in development, with less patience."""
    return HttpCallbackSender(settings(), connect_seconds=1, total_seconds=1)


def to(address: str) -> Callback:
    return Callback(address, FORM)


def test_a_call_is_one_post_of_a_form_and_nothing_else(party: RelyingParty, caller: HttpCallbackSender) -> None:
    assert caller.send(to(party.address)) == "200"
    assert party.heard == [("POST", "/goodbye?house=one", {"logout_token": [FORM["logout_token"]]})]


def test_204_confirms_like_200(party: RelyingParty, caller: HttpCallbackSender) -> None:
    party.manner = "204"
    assert caller.send(to(party.address)) == "204"


@pytest.mark.parametrize("manner", ["400", "401", "404", "500", "503", "junk", "cut", "huge"])
def test_any_other_answer_is_tried_again(party: RelyingParty, caller: HttpCallbackSender, manner: str) -> None:
    party.manner = manner
    with pytest.raises(TransientFailure) as failed:
        caller.send(to(party.address))
    assert FORM["logout_token"] not in str(failed.value)


def test_a_redirect_is_not_followed(party: RelyingParty, caller: HttpCallbackSender) -> None:
    party.manner = "redirect"
    with pytest.raises(PermanentFailure, match="redirects are not followed"):
        caller.send(to(party.address))
    assert len(party.heard) == 1


@pytest.mark.parametrize("manner", ["silent", "drip"])
def test_nobody_waits_for_ever(party: RelyingParty, caller: HttpCallbackSender, manner: str) -> None:
    party.manner, began = manner, time.monotonic()
    with pytest.raises(TransientFailure, match="TimeoutError"):
        caller.send(to(party.address))
    assert time.monotonic() - began < SECONDS_ON_A_LOADED_MACHINE


def test_an_endless_body_is_not_read(party: RelyingParty, caller: HttpCallbackSender) -> None:
    party.manner = "body"
    assert caller.send(to(party.address)) == "200"


def test_where_nobody_listens_it_is_tried_again(caller: HttpCallbackSender) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(TransientFailure, match="ConnectionRefusedError"):
            caller.send(to(f"http://127.0.0.1:{taken.getsockname()[1]}/"))


def test_a_name_that_is_nobodys_is_tried_again(caller: HttpCallbackSender) -> None:
    with pytest.raises(TransientFailure, match="gaierror"):
        caller.send(to("https://nobody.invalid/"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "0.0.0.1"])
def test_in_production_no_network_of_ones_own_is_called(
    settings: Callable[..., Settings], party: RelyingParty, host: str
) -> None:
    production = settings(env="production", public_origin="https://accounts.example.org")
    with pytest.raises(PermanentFailure, match="ACCOUNTS_CALL_NETWORKS"):
        HttpCallbackSender(production, connect_seconds=1).send(to(f"http://{host}:{party.server_port}/"))
    assert party.heard == []


def test_what_the_operator_allows_is_called(settings: Callable[..., Settings], party: RelyingParty) -> None:
    allowed = settings(
        env="production", public_origin="https://accounts.example.org", call_networks="127.0.0.0/8, ::1/128"
    )
    assert HttpCallbackSender(allowed).send(to(party.address)) == "200"


def test_the_name_is_looked_up_once_and_the_connection_goes_there(
    monkeypatch: pytest.MonkeyPatch, party: RelyingParty, caller: HttpCallbackSender
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
    assert caller.send(to(f"http://rebinding.example.org:{party.server_port}/")) == "200"
    assert asked == ["rebinding.example.org"]


def test_over_tls_the_certificate_and_the_name_in_it_are_verified(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    trusting, strange = HttpCallbackSender(settings(), cafile=authority.certificate), HttpCallbackSender(settings())
    with relying_party(authority.server_context("localhost")) as party:
        assert trusting.send(to(party.address)) == "200"
        with pytest.raises(TransientFailure, match="SSLCertVerificationError"):
            strange.send(to(party.address))
        with pytest.raises(TransientFailure, match="SSLCertVerificationError"):
            trusting.send(to(party.address.replace("localhost", "127.0.0.1")))
    with relying_party(authority.server_context("localhost", expires_in=timedelta(hours=-1))) as party:
        with pytest.raises(TransientFailure, match="SSLCertVerificationError"):
            trusting.send(to(party.address))
        assert party.heard == []
