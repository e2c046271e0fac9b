"""An app that asks for a new account (``prompt=create``) where nobody signs up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.oidc.kit import BrowserUser, Provider
from tests.people import Service


@pytest.fixture
def closed(provider: Provider, make_service: Callable[..., Service]) -> Provider:
    """The provider once nobody signs up any more."""
    provider.serve(make_service(public_origin=provider.origin, sign_up="invited", support="help@example.org"))
    return provider


def test_discovery_does_not_offer_what_nobody_can_have(closed: Provider) -> None:
    assert "create" not in closed.fetch_metadata()["prompt_values_supported"]


def test_discovery_offers_it_where_anybody_may_sign_up(provider: Provider) -> None:
    assert "create" in provider.fetch_metadata()["prompt_values_supported"]


def test_the_page_says_how_to_get_in_and_the_app_is_told_why(ana: BrowserUser, closed: Provider) -> None:
    rp = closed.register()
    assert ana.open(rp.authorization_url(prompt="create")) is None
    for words in ("Accounts are by invitation only", "Wiki sent you here", "help@example.org"):
        assert words in ana.page.text
    back = ana.decide("no")
    assert back is not None
    assert back.parameters["error"] == "access_denied"
    assert "prompt=create is not supported" in back.parameters["error_description"]
    assert back.parameters["iss"]


def test_who_has_an_account_signs_in_and_goes_on(ana: BrowserUser, closed: Provider) -> None:
    rp = closed.register()
    assert ana.open(rp.authorization_url(prompt="create")) is None
    (sign_in,) = [link for link in ana.page.links if link.startswith("/sign-in?next=")]
    assert ana.open(sign_in) is None
    landed = ana.sign_in()
    assert landed is not None
    assert "code" in landed.parameters


def test_an_app_that_wants_nothing_shown_is_told_that_nobody_is_signed_in(ana: BrowserUser, closed: Provider) -> None:
    landed = ana.open(closed.register().authorization_url(prompt="none"))
    assert landed is not None
    assert landed.parameters["error"] == "login_required"
