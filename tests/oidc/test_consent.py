"""An app gets what its person was shown and agreed to, as long as that holds, and not a word more."""

from __future__ import annotations

import json
import time

import pytest
import time_machine

from accounts.core.models.account import Account
from accounts.core.models.apps import Consent
from accounts.flows.oidc import connected_apps, registration, registration_form
from tests.oidc.kit import BrowserUser, Provider, RelyingParty


@pytest.fixture
def shop(provider: Provider) -> RelyingParty:
    return provider.register(trusted=False, name="Shop")


@pytest.fixture
def ana(provider: Provider) -> BrowserUser:
    found = provider.person()
    found.log_in(provider.register())
    return found


def agreed(rp: RelyingParty) -> list[str]:
    with rp.provider.service.uow() as uow:
        return [row.scope for row in uow.session.query(Consent).filter_by(app_id=rp.id)]


def test_choosing_an_account_is_no_consent(shop: RelyingParty, ana: BrowserUser) -> None:
    assert ana.open(shop.authorization_url(scope="openid email", prompt="select_account")) is None
    assert "your email address" in ana.page.text, "the page says what the app gets to know"
    assert ana.decide() is not None
    assert agreed(shop) == ["email openid"]


def test_choosing_an_account_for_a_trusted_app_is_not_stored(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register()
    assert ana.open(rp.authorization_url(prompt="select_account")) is None
    assert "gets to know" not in ana.page.text
    assert ana.decide() is not None
    assert agreed(rp) == []


def test_what_was_not_shown_is_not_agreed_to(provider: Provider, shop: RelyingParty, ana: BrowserUser) -> None:
    """An admin lets the app ask for more while the page is open."""
    registration.change_app(provider.service.uow(), shop.id, registration_form.ChangeAppForm(scopes=["profile"]))
    assert ana.open(shop.authorization_url(scope="openid profile email")) is None
    registration.change_app(
        provider.service.uow(), shop.id, registration_form.ChangeAppForm(scopes=["profile", "email"])
    )
    assert ana.decide() is None
    assert "your email address" in ana.page.text
    assert agreed(shop) == []
    assert ana.decide() is not None
    assert agreed(shop) == ["email openid profile"]


def test_who_is_not_the_one_that_is_expected_cannot_go_on(provider: Provider, ana: BrowserUser) -> None:
    rp, bea = provider.register(), provider.person("bea")
    hers = rp.tokens(bea.log_in(rp))
    assert ana.open(rp.authorization_url(id_token_hint=hers.id_token)) is None
    assert "a different account" in ana.page.text
    assert 'value="yes"' not in ana.response.text
    ana.submit(ana.form("next"))
    landed = ana.submit(ana.form("email"), email=bea.email, password=bea.password)
    assert landed is not None
    assert "code" in landed.parameters


def test_a_code_is_dead_once_its_person_has_disconnected_the_app(shop: RelyingParty, ana: BrowserUser) -> None:
    landed = ana.log_in(shop)
    uow = shop.provider.service.uow()
    account_id = uow.session.query(Account.id).filter_by(email=ana.email).scalar()
    uow.release()
    connected_apps.disconnect_app(uow, account_id, shop.id)
    answer = shop.redeem(landed)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert connected_apps.list_connected_apps(shop.provider.service.uow(), account_id) == []


def test_a_scope_taken_from_an_app_is_gone_from_what_it_holds(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register()
    claims = json.dumps({"userinfo": {"name": None}})
    tokens = rp.tokens(ana.log_in(rp, scope="openid email profile offline_access", claims=claims))
    assert rp.userinfo(tokens.access).json().keys() >= {"email", "name"}
    registration.change_app(provider.service.uow(), rp.id, registration_form.ChangeAppForm(scopes=["offline_access"]))
    assert rp.userinfo(tokens.access).json().keys() == {"sub"}
    assert rp.introspect(tokens.access).json()["scope"] == "openid offline_access"
    assert rp.introspect(tokens.refresh).json()["scope"] == "openid offline_access"
    again = rp.refresh(tokens.refresh).json()
    assert again["scope"] == "openid offline_access"
    registration.change_app(provider.service.uow(), rp.id, registration_form.ChangeAppForm(scopes=["email"]))
    assert rp.refresh(again["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("prompt", [None, "none"])
def test_two_factors_are_not_pretended(provider: Provider, ana: BrowserUser, prompt: str | None) -> None:
    """OpenID Connect Core 5.5.1.1: an essential ``acr`` that cannot be had fails the request."""
    rp = provider.register()

    def asking(**acr: object) -> str:
        return json.dumps({"id_token": {"acr": acr}})

    landed = ana.open(rp.authorization_url(prompt=prompt, claims=asking(essential=True, values=["aal2"])))
    assert landed is not None
    assert landed.parameters["error"] == "unmet_authentication_requirements"
    for good in (
        asking(essential=True, values=["aal2", "aal1"]),
        asking(essential=True, value="aal1"),
        asking(essential=True),
        asking(values=["aal2"]),
    ):
        landed = ana.open(rp.authorization_url(prompt=prompt, claims=good))
        assert landed is not None
        assert rp.tokens(landed).claims["acr"] == "aal1", good


def test_an_old_refresh_token_is_good_enough_to_end_everything(provider: Provider, ana: BrowserUser) -> None:
    """An app that gives up its tokens may hold those of a moment ago: another of its processes has refreshed."""
    rp = provider.register()
    tokens = rp.tokens(ana.log_in(rp, scope="openid offline_access"))
    newer = rp.refresh(tokens.refresh).json()
    assert rp.revoke(tokens.refresh).status_code == 200
    assert rp.userinfo(newer["access_token"]).status_code == 401
    assert rp.introspect(newer["refresh_token"]).json() == {"active": False}


def test_an_access_token_is_as_old_as_it_is(provider: Provider, ana: BrowserUser) -> None:
    """RFC 7662 2.2: ``iat`` is when the token was issued, not when its person signed in."""
    rp = provider.register()
    tokens = rp.tokens(ana.log_in(rp, scope="openid offline_access"))
    with time_machine.travel(time.time() + 3600):
        said = rp.introspect(rp.refresh(tokens.refresh).json()["access_token"]).json()
    assert said["exp"] - said["iat"] == 600
